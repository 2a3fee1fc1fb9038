{{- define "sallyport.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* 40 characters: the longest suffix must fit into a label, and StatefulSet adds an ordinal and a hash. */ -}}
{{- define "sallyport.fullname" -}}
{{- $name := include "sallyport.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sallyport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* What selects the gateway's pods, and not the pod of the test. */ -}}
{{- define "sallyport.podSelector" -}}
{{ include "sallyport.selectorLabels" . }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "sallyport.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "sallyport.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sallyport.image" -}}
{{- with .Values.image -}}
{{- .repository -}}
{{- if .digest -}}@{{ .digest }}{{- else -}}:{{ default $.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sallyport.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sallyport.peersService" -}}
{{ include "sallyport.fullname" . }}-peers
{{- end -}}

{{- define "sallyport.keySecret" -}}
{{- default (printf "%s-replication" (include "sallyport.fullname" .)) .Values.replication.key.existingSecret -}}
{{- end -}}

{{- /* Secrets with certificates, in their order: that of cert-manager first. */ -}}
{{- define "sallyport.certificateSecrets" -}}
{{- $made := ternary (list (printf "%s-tls" (include "sallyport.fullname" .))) (list) .Values.tls.certificate.enabled -}}
{{- concat $made (default list .Values.tls.existingSecrets) | toJson -}}
{{- end -}}
