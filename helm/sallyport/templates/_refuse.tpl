{{- /* Values that contradict each other, all at once: rendering ends with one line for each. */ -}}
{{- define "sallyport.refuse" -}}
{{- $wrong := concat
  (include "sallyport.refuse.basics" . | fromJsonArray)
  (include "sallyport.refuse.owned" . | fromJsonArray)
  (include "sallyport.refuse.ports" . | fromJsonArray)
  (include "sallyport.refuse.exposure" . | fromJsonArray)
  (include "sallyport.refuse.addresses" . | fromJsonArray)
  (include "sallyport.refuse.replication" . | fromJsonArray)
  (include "sallyport.refuse.operation" . | fromJsonArray) -}}
{{- if $wrong -}}
{{- fail (printf "\n\nThese values cannot work:\n  - %s\n" (join "\n  - " $wrong)) -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.refuse.basics" -}}
{{- $wrong := list -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository: expected where your image is. None is published: build deploy/docker/Dockerfile and push it to a registry that the cluster reads" -}}
{{- end -}}
{{- if not .Values.config.backends -}}
{{- $wrong = append $wrong "config.backends: expected at least one FTP server behind the gateway, such as [{name: legacy, host: 10.0.5.20}]" -}}
{{- end -}}
{{- $certificate := .Values.tls.certificate -}}
{{- if and (not $certificate.enabled) (not .Values.tls.existingSecrets) -}}
{{- $wrong = append $wrong "tls: expected a certificate: tls.existingSecrets with the names of Secrets of the type kubernetes.io/tls, or tls.certificate.enabled with cert-manager" -}}
{{- end -}}
{{- if and $certificate.enabled (or (not $certificate.dnsNames) (not $certificate.issuerRef.name)) -}}
{{- $wrong = append $wrong "tls.certificate: expected dnsNames (the names by which clients reach the gateway) and issuerRef.name" -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- /* Keys of the configuration that the chart writes itself. */ -}}
{{- define "sallyport.refuse.owned" -}}
{{- $wrong := list -}}
{{- $config := .Values.config -}}
{{- $owned := list
  (list "listeners" (hasKey $config "listeners") "listeners; what else a listener has goes into listeners[].options")
  (list "replication" (hasKey $config "replication") "replication, replicas and exposure")
  (list "tls.certificates" (hasKey (default dict $config.tls) "certificates") "tls.existingSecrets or tls.certificate")
  (list "data.passive" (hasKey (default dict $config.data) "passive") "exposure.passivePorts and exposure.advertise")
  (list "admin.address" (hasKey (default dict $config.admin) "address") "admin.address")
  (list "admin.port" (hasKey (default dict $config.admin) "port") "admin.port") -}}
{{- range $owned -}}
{{- if index . 1 -}}
{{- $wrong = append $wrong (printf "config.%s: the chart writes this key, so that the Services and the gateway agree; use %s" (index . 0) (index . 2)) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "sallyport.refuse.ports" -}}
{{- $wrong := list -}}
{{- $root := . -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $exposure := .Values.exposure -}}
{{- $first := int $facts.first -}}
{{- $last := int $facts.last -}}
{{- $range := printf "%d-%d" $first $last -}}
{{- $count := add1 (sub $last $first) | int -}}
{{- if gt $last 65535 -}}
{{- $wrong = append $wrong (printf "exposure.passivePorts: %d ports from %d on end at %d, expected at most 65535; begin lower, or take fewer ports for each replica" $count $first $last) -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) (int $facts.slices)) $facts.balanced -}}
{{- $wrong = append $wrong (printf "exposure.passivePorts.slices: found %d for %d replicas, expected at least %d: each replica needs a slice of the passive ports of its own" (int $facts.slices) (int .Values.replicas) (int .Values.replicas)) -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $index, $listener := .Values.listeners -}}
{{- $ports := dict "port" $listener.port -}}
{{- if not $facts.host -}}{{- $_ := set $ports "containerPort" $listener.containerPort -}}{{- end -}}
{{- if eq $exposure.mode "nodePort" -}}{{- if $listener.nodePort -}}{{- $_ := set $ports "nodePort" $listener.nodePort -}}{{- end -}}{{- end -}}
{{- range $key, $port := $ports -}}
{{- $place := printf "listeners[%d].%s" $index $key -}}
{{- $here := printf "%s %d" $key (int $port) -}}
{{- if hasKey $seen $here -}}
{{- $wrong = append $wrong (printf "%s: %d is also that of %s" $place (int $port) (get $seen $here)) -}}
{{- end -}}
{{- $_ := set $seen $here $place -}}
{{- if and (ge (int $port) $first) (le (int $port) $last) -}}
{{- $wrong = append $wrong (printf "%s: %d is one of the passive ports %s, expected another one" $place (int $port) $range) -}}
{{- end -}}
{{- end -}}
{{- $bound := include "sallyport.boundPort" (dict "root" $root "listener" $listener) | int -}}
{{- range $place, $port := dict "admin.port" $root.Values.admin.port "replication.port" $root.Values.replication.port -}}
{{- if and (eq (int $port) $bound) (or (ne $place "replication.port") $facts.replicated) -}}
{{- $wrong = append $wrong (printf "%s: %d is also the port of the listener %s" $place (int $port) $listener.name) -}}
{{- end -}}
{{- end -}}
{{- if and $facts.host (lt $bound 1024) (not $exposure.hostNetwork.unprivilegedPorts) -}}
{{- $wrong = append $wrong (printf "listeners[%d].port: %d on the network of the nodes needs root, which the gateway is not; take a port from 1024 on (such as %d), or set net.ipv4.ip_unprivileged_port_start on the nodes and say so with exposure.hostNetwork.unprivilegedPorts" $index $bound (int $listener.containerPort)) -}}
{{- end -}}
{{- end -}}
{{- range $place, $port := dict "admin.port" .Values.admin.port "replication.port" .Values.replication.port -}}
{{- if and (ge (int $port) $first) (le (int $port) $last) (or (ne $place "replication.port") $facts.replicated) -}}
{{- $wrong = append $wrong (printf "%s: %d is one of the passive ports %s, expected another one" $place (int $port) $range) -}}
{{- end -}}
{{- end -}}
{{- if and $facts.replicated (eq (int .Values.admin.port) (int .Values.replication.port)) -}}
{{- $wrong = append $wrong (printf "replication.port: %d is also admin.port" (int .Values.replication.port)) -}}
{{- end -}}
{{- if eq $exposure.mode "nodePort" -}}
{{- $from := int $exposure.nodePort.first -}}
{{- $to := int $exposure.nodePort.last -}}
{{- if or (lt $first $from) (gt $last $to) -}}
{{- $wrong = append $wrong (printf "exposure.passivePorts: %s is not within the node ports %d-%d. Clients are told the number on which the gateway listens, so node port, Service port and that number must be the same; begin at %d, or say in exposure.nodePort what --service-node-port-range of your cluster is" $range $from $to $from) -}}
{{- end -}}
{{- range $index, $listener := .Values.listeners -}}
{{- if not $listener.nodePort -}}
{{- $wrong = append $wrong (printf "listeners[%d].nodePort: missing; partners need a number that stays, from %d to %d" $index $from $to) -}}
{{- else if or (lt (int $listener.nodePort) $from) (gt (int $listener.nodePort) $to) -}}
{{- $wrong = append $wrong (printf "listeners[%d].nodePort: %d is not within the node ports %d-%d" $index (int $listener.nodePort) $from $to) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $listed := add (len .Values.listeners) $count | int -}}
{{- if and (not $facts.host) (ne $exposure.mode "nodePort") (eq $exposure.service.type "LoadBalancer") (gt $listed (int $exposure.service.maxPorts)) -}}
{{- $wrong = append $wrong (printf "exposure.service.maxPorts: the Service would have %d ports (%d of listeners, %d passive), more than %d. A Network Load Balancer of AWS has 50 listeners and no more; Azure counts each against 300 rules of a node. Lower exposure.passivePorts.perReplica, or set onePort; where your balancer takes more, raise maxPorts" $listed (len .Values.listeners) $count (int $exposure.service.maxPorts)) -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "sallyport.refuse.exposure" -}}
{{- $wrong := list -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $exposure := .Values.exposure -}}
{{- $mode := $exposure.mode -}}
{{- $service := $exposure.service -}}
{{- $proxy := .Values.proxyProtocol -}}
{{- $peer := dig "data" "peer" "match" .Values.config -}}
{{- $reuse := dig "policy" "sessionReuse" "prefer" .Values.config -}}
{{- if and (eq $mode "single") (gt (int .Values.replicas) 1) -}}
{{- $wrong = append $wrong (printf "exposure.mode: found single with %d replicas, expected replicas: 1, or the mode shared: without it a data connection that reaches another replica than its session is lost" (int .Values.replicas)) -}}
{{- end -}}
{{- if and $exposure.passivePorts.onePort (eq $reuse "off") -}}
{{- $wrong = append $wrong "exposure.passivePorts.onePort: only the TLS session tells whose data connection it is, and config.policy.sessionReuse is off; expected prefer or require" -}}
{{- end -}}
{{- if and $proxy.enabled (not $proxy.trusted) -}}
{{- $wrong = append $wrong "proxyProtocol.trusted: expected the networks from which the balancer connects (as the gateway sees them), or anybody could say who they are" -}}
{{- end -}}
{{- if and (not $proxy.enabled) (or $proxy.trusted (not (kindIs "invalid" $proxy.data))) -}}
{{- $wrong = append $wrong "proxyProtocol: found trusted or data without enabled: either the balancer sends PROXY headers and enabled is true, or it does not and nobody need be trusted" -}}
{{- end -}}
{{- $kept := or $proxy.enabled (eq $peer "any") -}}
{{- if and (not $facts.host) (or (eq $mode "nodePort") (eq $service.type "LoadBalancer")) (eq $service.externalTrafficPolicy "Cluster") (not $kept) -}}
{{- $wrong = append $wrong "exposure.service.externalTrafficPolicy: with Cluster the gateway sees addresses of nodes in place of those of clients, and control and data connection may show different ones; expected Local, or proxyProtocol.enabled with a balancer that sends headers, or config.data.peer: any (then clients must resume their TLS session)" -}}
{{- end -}}
{{- if and $proxy.enabled (eq $peer "any") -}}
{{- $wrong = append $wrong "proxyProtocol: found together with config.data.peer: any; the headers tell the addresses of clients, so expected match" -}}
{{- end -}}
{{- if and (eq $mode "nodePort") (ne $service.type "LoadBalancer") -}}
{{- $wrong = append $wrong (printf "exposure.service.type: found %s with the mode nodePort, whose Service is of the type NodePort; leave it alone" $service.type) -}}
{{- end -}}
{{- $balancer := and (not $facts.host) (ne $mode "nodePort") (eq $service.type "LoadBalancer") -}}
{{- range $key := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if and (index $service $key) (not $balancer) -}}
{{- $wrong = append $wrong (printf "exposure.service.%s: found without a Service of the type LoadBalancer" $key) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- /* What PASV tells. */ -}}
{{- define "sallyport.refuse.addresses" -}}
{{- $wrong := list -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $exposure := .Values.exposure -}}
{{- $mode := $exposure.mode -}}
{{- $told := $exposure.perReplica.advertise -}}
{{- if eq $mode "perReplica" -}}
{{- if $exposure.advertise -}}
{{- $wrong = append $wrong "exposure.advertise: with the mode perReplica each replica has an address of its own; expected exposure.perReplica.advertise" -}}
{{- end -}}
{{- if not $told -}}
{{- $wrong = append $wrong "exposure.perReplica.advertise: expected what clients are told in the reply to PASV: a name with {index} in it, such as ftp-{index}.example.com, or a list with one address for each replica" -}}
{{- else if and (kindIs "string" $told) (not (contains "{index}" $told)) (gt (int .Values.replicas) 1) -}}
{{- $wrong = append $wrong (printf "exposure.perReplica.advertise: %s would be told by all %d replicas, and data connections would reach the wrong one; expected {index} in it" $told (int .Values.replicas)) -}}
{{- else if and (kindIs "slice" $told) (ne (len $told) (int .Values.replicas)) -}}
{{- $wrong = append $wrong (printf "exposure.perReplica.advertise: found %d for %d replicas, expected one for each" (len $told) (int .Values.replicas)) -}}
{{- end -}}
{{- else -}}
{{- if $told -}}
{{- $wrong = append $wrong (printf "exposure.perReplica.advertise: found with the mode %s; expected exposure.advertise" $mode) -}}
{{- end -}}
{{- $unbalanced := and $facts.host (not $facts.balanced) -}}
{{- if and (not $exposure.advertise) (not $unbalanced) -}}
{{- $wrong = append $wrong "exposure.advertise: expected the address of the balancer, or a name for it, such as [{address: ftp.example.com}]: PASV must tell clients where to connect, and the gateway knows only the address of its pod. (EPSV tells no address, but not all clients use it)" -}}
{{- end -}}
{{- if and $unbalanced (gt (int .Values.replicas) 1) -}}
{{- range $exposure.advertise -}}
{{- if not .clients -}}
{{- $wrong = append $wrong (printf "exposure.advertise: %s would be told by all %d replicas, each of which is on a node of its own; leave it out (clients are told the address that they came to), or set exposure.hostNetwork.balanced where one address leads to all nodes" .address (int $.Values.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "sallyport.refuse.replication" -}}
{{- $wrong := list -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $key := .Values.replication.key -}}
{{- $tls := .Values.replication.tls -}}
{{- if $facts.replicated -}}
{{- if and $key.existingSecret $tls.existingSecret -}}
{{- $wrong = append $wrong "replication: found key.existingSecret and tls.existingSecret, expected one of them: replicas know each other by a shared key or by certificates" -}}
{{- end -}}
{{- if not (or $key.existingSecret $tls.existingSecret $key.generate) -}}
{{- $wrong = append $wrong "replication.key: expected existingSecret (a Secret with a key of at least 32 characters), or replication.tls.existingSecret, or generate: true where helm itself installs into the cluster" -}}
{{- end -}}
{{- $workers := default 1 .Values.config.workers -}}
{{- if ne (toString $workers) "1" -}}
{{- $wrong = append $wrong (printf "config.workers: found %v, expected 1: a replica among several is one process; take more replicas instead" $workers) -}}
{{- end -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}

{{- define "sallyport.refuse.operation" -}}
{{- $wrong := list -}}
{{- $facts := include "sallyport.facts" . | fromYaml -}}
{{- $config := .Values.config -}}
{{- $wanted := .Values.drain.terminationGracePeriodSeconds -}}
{{- if lt (int $facts.drain) 0 -}}
{{- $wrong = append $wrong (printf "config.timeouts.drain: found %v, expected a duration as it stands, such as 5m: terminationGracePeriodSeconds follows from it" (dig "timeouts" "drain" "" $config)) -}}
{{- else if and $wanted (lt (int $wanted) (int $facts.grace)) -}}
{{- $wrong = append $wrong (printf "drain.terminationGracePeriodSeconds: found %d, expected at least %d: %d of preStop, %d of config.timeouts.drain, 15 to spare. With less, Kubernetes cuts transfers that could have finished" (int $wanted) (int $facts.grace) (int .Values.drain.preStopSeconds) (int $facts.drain)) -}}
{{- end -}}
{{- $admin := default dict $config.admin -}}
{{- $policed := and .Values.networkPolicy.enabled (not $facts.host) -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- if and $policed (not .Values.networkPolicy.monitoring) -}}
{{- $wrong = append $wrong "networkPolicy.monitoring: expected where Prometheus is, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]: the policy lets nobody else to the side port, and serviceMonitor.enabled asks for it" -}}
{{- end -}}
{{- if and $facts.host (eq $facts.adminAddress "127.0.0.1") -}}
{{- $wrong = append $wrong "admin.address: on the network of the nodes the side port listens on 127.0.0.1, where Prometheus cannot reach it; expected another address (no NetworkPolicy guards it there), or serviceMonitor.enabled: false" -}}
{{- end -}}
{{- if and (or $admin.readToken $admin.readTokenFile) (not .Values.serviceMonitor.authorization.secret) -}}
{{- $wrong = append $wrong "serviceMonitor.authorization.secret: expected the Secret with the token that config.admin asks for" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.test.credentials.secret .Values.proxyProtocol.enabled (not .Values.test.host) -}}
{{- $wrong = append $wrong "test.host: expected the outer address of the balancer: with proxyProtocol.enabled nobody reaches the gateway without it" -}}
{{- end -}}
{{- if and .Values.test.credentials.secret $facts.host (not .Values.test.host) -}}
{{- $wrong = append $wrong "test.host: expected an address of a node or of the balancer: with the mode hostNetwork there is no Service" -}}
{{- end -}}
{{- toJson $wrong -}}
{{- end -}}
