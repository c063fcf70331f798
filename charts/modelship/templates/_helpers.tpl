{{- define "modelship.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "modelship.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "modelship.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "modelship.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "modelship.selector" -}}
app.kubernetes.io/name: {{ include "modelship.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "modelship.labels" -}}
{{ include "modelship.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: modelship
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "modelship.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "modelship.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* repository:tag, or repository@digest where a digest is given */}}
{{- define "modelship.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The namespace that is looked after; empty for all. */}}
{{- define "modelship.watched" -}}
{{- if eq .Values.scope "namespace" -}}
{{- default .Release.Namespace .Values.watchNamespace -}}
{{- end -}}
{{- end -}}

{{/* Who may reach the pods of models, as JSON; the operator itself is always among those who read reports. */}}
{{- define "modelship.peers" -}}
{{- $peers := dict }}
{{- with .Values.models.networkPolicyPeers.clients }}{{ $_ := set $peers "clients" . }}{{ end }}
{{- with .Values.models.networkPolicyPeers.gateways }}{{ $_ := set $peers "gateways" . }}{{ end }}
{{- with .Values.models.networkPolicyPeers.admins }}
{{- $namespace := dict "matchLabels" (dict "kubernetes.io/metadata.name" $.Release.Namespace) }}
{{- $pods := dict "matchLabels" (include "modelship.selector" $ | fromYaml) }}
{{- $_ := set $peers "admins" (prepend . (dict "namespaceSelector" $namespace "podSelector" $pods)) }}
{{- end }}
{{- if $peers }}{{ toJson $peers }}{{ end }}
{{- end }}
