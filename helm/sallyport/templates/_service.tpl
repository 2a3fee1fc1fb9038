{{- /* The Service of clients. Takes root, and in the mode perReplica the ordinal of its only pod. */ -}}
{{- define "sallyport.service" -}}
{{- $root := .root -}}
{{- $facts := include "sallyport.facts" $root | fromYaml -}}
{{- $exposure := $root.Values.exposure -}}
{{- $service := $exposure.service -}}
{{- $name := include "sallyport.fullname" $root -}}
{{- $own := hasKey . "ordinal" -}}
{{- $equal := eq $exposure.mode "nodePort" -}}
{{- $type := ternary "NodePort" $service.type $equal -}}
{{- $ordinal := ternary .ordinal 0 $own -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ ternary (printf "%s-%v" $name $ordinal) $name $own }}
  labels:
    {{- include "sallyport.labels" $root | nindent 4 }}
    app.kubernetes.io/component: clients
    {{- with $service.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $service.annotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ ternary (replace "{index}" (toString $ordinal) $value) $value $own | quote }}
    {{- end }}
  {{- end }}
spec:
  type: {{ $type }}
  selector:
    {{- include "sallyport.podSelector" $root | nindent 4 }}
    {{- if $own }}
    statefulset.kubernetes.io/pod-name: {{ $name }}-{{ $ordinal }}
    {{- end }}
  # Where one pod serves the Service, its sessions go on needing data connections while it drains, and nobody else can take them.
  # Where there are several, each of those hands them on to the pod that drains, and newcomers should not reach that one.
  publishNotReadyAddresses: {{ or $own (eq (int $root.Values.replicas) 1) }}
  {{- if ne $type "ClusterIP" }}
  externalTrafficPolicy: {{ $service.externalTrafficPolicy }}
  {{- end }}
  {{- if eq $type "LoadBalancer" }}
  allocateLoadBalancerNodePorts: {{ $service.allocateNodePorts }}
  {{- with $service.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with $service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  sessionAffinity: {{ $service.sessionAffinity }}
  {{- if eq $service.sessionAffinity "ClientIP" }}
  sessionAffinityConfig:
    clientIP:
      timeoutSeconds: {{ int $service.sessionAffinitySeconds }}
  {{- end }}
  {{- with $service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
  {{- with $service.ipFamilies }}
  ipFamilies:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    {{- range $root.Values.listeners }}
    {{- $outer := ternary .nodePort .port $equal }}
    - name: control-{{ int $outer }}
      port: {{ int $outer }}
      targetPort: {{ int .containerPort }}
      {{- if $equal }}
      nodePort: {{ int $outer }}
      {{- end }}
      protocol: TCP
    {{- end }}
    {{- range untilStep (int $facts.first) (add1 (int $facts.last) | int) 1 }}
    - name: data-{{ . }}
      port: {{ . }}
      targetPort: {{ . }}
      {{- if $equal }}
      nodePort: {{ . }}
      {{- end }}
      protocol: TCP
    {{- end }}
{{- end -}}
