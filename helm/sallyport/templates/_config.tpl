{{- /* The gateway's configuration: `config`, and what the chart knows. Takes root, and the ordinal where each replica has a file of its own. */ -}}
{{- define "sallyport.config" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $facts := include "sallyport.facts" $root | fromYaml -}}
{{- $config := deepCopy $values.config -}}

{{- $listeners := list -}}
{{- range $values.listeners -}}
{{- $own := dict "name" .name "address" $values.listenAddress "port" (include "sallyport.boundPort" (dict "root" $root "listener" .) | int) "mode" (default "explicit" .mode) -}}
{{- if $values.proxyProtocol.enabled -}}
{{- $header := dict "control" "required" "trusted" $values.proxyProtocol.trusted -}}
{{- if not (kindIs "invalid" $values.proxyProtocol.data) -}}
{{- $_ := set $header "data" (ternary "required" "off" $values.proxyProtocol.data) -}}
{{- end -}}
{{- $_ := set $own "proxyProtocol" $header -}}
{{- end -}}
{{- $listeners = append $listeners (merge $own (deepCopy (default dict .options))) -}}
{{- end -}}
{{- $_ := set $config "listeners" $listeners -}}

{{- $certificates := list -}}
{{- range include "sallyport.certificateSecrets" $root | fromJsonArray -}}
{{- $folder := printf "/etc/sallyport/tls/%s" . -}}
{{- $certificates = append $certificates (dict "cert" (printf "%s/tls.crt" $folder) "key" (printf "%s/tls.key" $folder)) -}}
{{- end -}}
{{- $_ := set $config "tls" (merge (dict "certificates" $certificates) (default dict $config.tls)) -}}

{{- $range := ternary (toString $facts.first) (printf "%v-%v" $facts.first $facts.last) (eq $facts.first $facts.last) -}}
{{- $passive := dict "ports" $range -}}
{{- if eq $values.exposure.mode "perReplica" -}}
{{- $told := $values.exposure.perReplica.advertise -}}
{{- $address := ternary (toString $told | replace "{index}" (toString .ordinal)) "" (kindIs "string" $told) -}}
{{- if kindIs "slice" $told -}}{{- $address = index $told .ordinal -}}{{- end -}}
{{- $_ := set $passive "advertise" (list (dict "address" $address)) -}}
{{- else if $values.exposure.advertise -}}
{{- $_ := set $passive "advertise" $values.exposure.advertise -}}
{{- end -}}
{{- $_ := set $config "data" (merge (dict "passive" $passive) (default dict $config.data)) -}}

{{- $_ := set $config "admin" (merge (dict "address" $facts.adminAddress "port" (int $values.admin.port)) (default dict $config.admin)) -}}

{{- if $facts.replicated -}}
{{- $name := include "sallyport.fullname" $root -}}
{{- $domain := printf "%s.%s.svc.%s" (include "sallyport.peersService" $root) $root.Release.Namespace $values.clusterDomain -}}
{{- $port := int $values.replication.port -}}
{{- $replication := dict "index" (ternary .ordinal "hostname" (hasKey . "ordinal")) "count" (int $facts.slices) "peers" (printf "%s-{index}.%s:%d" $name $domain $port) "listen" (dict "address" $values.listenAddress "port" $port) -}}
{{- if $values.replication.tls.existingSecret -}}
{{- $folder := "/etc/sallyport/replication" -}}
{{- $_ := set $replication "tls" (dict "cert" (printf "%s/tls.crt" $folder) "key" (printf "%s/tls.key" $folder) "ca" (printf "%s/ca.crt" $folder)) -}}
{{- else -}}
{{- $_ := set $replication "keyFile" (printf "/etc/sallyport/replication/%s" $values.replication.key.secretKey) -}}
{{- end -}}
{{- $_ := set $config "replication" $replication -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
