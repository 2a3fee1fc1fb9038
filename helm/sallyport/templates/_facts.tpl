{{- /*
What follows from the values, in one place, as YAML for fromYaml:
  replicated  whether replicas hand data connections on to each other
  count       of replicas that there may be
  slices      into how many slices the range is cut
  first, last the passive range
  files       whether each replica has a configuration of its own: its address, or (where the name of its host is that of the node) its index
  host        whether pods are on the network of their nodes
  grace       seconds from the order to end a pod until it is killed
*/ -}}
{{- define "sallyport.facts" -}}
{{- $exposure := .Values.exposure -}}
{{- $mode := $exposure.mode -}}
{{- $host := eq $mode "hostNetwork" -}}
{{- $balanced := or (has $mode (list "shared" "nodePort")) (and $host $exposure.hostNetwork.balanced) -}}
{{- $ports := $exposure.passivePorts -}}
{{- $slices := int (default .Values.replicas $ports.slices) -}}
{{- $replicated := and $balanced (gt $slices 1) -}}
{{- $first := int $ports.first -}}
{{- $size := mul (int $ports.perReplica) (ternary $slices 1 $replicated) -}}
{{- $last := ternary $first (sub (add $first $size) 1) $ports.onePort -}}
{{- $drain := include "sallyport.drainSeconds" . | int -}}
replicated: {{ $replicated }}
balanced: {{ $balanced }}
slices: {{ $slices }}
files: {{ or (eq $mode "perReplica") (and $host $replicated) }}
count: {{ ternary $slices (int .Values.replicas) $replicated }}
first: {{ $first }}
last: {{ $last }}
host: {{ $host }}
drain: {{ $drain }}
grace: {{ add $drain (int .Values.drain.preStopSeconds) 15 }}
scheme: {{ ternary "HTTPS" "HTTP" (not (empty (dig "admin" "tls" "cert" "" .Values.config))) }}
adminAddress: {{ default (ternary "127.0.0.1" .Values.listenAddress $host) .Values.admin.address | quote }}
{{- end -}}

{{- /* timeouts.drain in whole seconds, rounded up; the gateway's own default where it is not set; -1 where it cannot be read. */ -}}
{{- define "sallyport.drainSeconds" -}}
{{- $text := dig "timeouts" "drain" "5m" .Values.config | toString -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$" $text -}}
{{- $number := regexFind "^[0-9.]+" $text -}}
{{- $unit := trimPrefix $number $text -}}
{{- if eq $unit "ms" -}}{{ divf $number 1000 | ceil | int }}
{{- else if eq $unit "m" -}}{{ mulf $number 60 | ceil | int }}
{{- else if eq $unit "h" -}}{{ mulf $number 3600 | ceil | int }}
{{- else -}}{{ ceil $number | int }}{{- end -}}
{{- else -}}-1{{- end -}}
{{- end -}}

{{- /* The port on which a listener is bound in its pod: that of the host where the pod is on its network. */ -}}
{{- define "sallyport.boundPort" -}}
{{- ternary .listener.port .listener.containerPort (eq .root.Values.exposure.mode "hostNetwork") -}}
{{- end -}}

{{- /* Whom the kubelet asks. On the network of the node it asks the loopback address on which the side port listens there. */ -}}
{{- define "sallyport.probe" -}}
path: {{ .path }}
port: side
scheme: {{ .facts.scheme }}
{{- if and .facts.host (not (has .facts.adminAddress (list "::" "0.0.0.0"))) }}
host: {{ .facts.adminAddress | quote }}
{{- end }}
{{- end -}}

{{- /* What the gateway takes over at its start alone: a change of it must change the pods. */ -}}
{{- define "sallyport.needsRestart" -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $replication := .Values.replication -}}
{{- $trust := ternary (printf "tls:%v" $replication.tls.existingSecret) (include "sallyport.keySecret" .) (not (empty $replication.tls.existingSecret)) -}}
{{- $replicas := ternary (printf "%v of port %v by %s" $facts.slices $replication.port $trust) "none" $facts.replicated -}}
{{- printf "workers=%v log.format=%s replication=%s" (default 1 .Values.config.workers) (dig "log" "format" "json" .Values.config) $replicas -}}
{{- end -}}
