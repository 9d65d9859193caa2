{{- define "rubato.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "rubato.fullname" -}}
{{- $name := include "rubato.name" . -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "rubato.selector" -}}
app.kubernetes.io/name: {{ include "rubato.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "rubato.labels" -}}
{{ include "rubato.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "rubato.serviceAccountName" -}}
{{- default (ternary (include "rubato.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "rubato.image" -}}
{{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end -}}

{{/* What a role listens at. */}}
{{- define "rubato.ports" -}}
http: 3200
{{- if has .role (list "all" "read") }}
grpc: 9095
{{- end }}
{{- if has .role (list "all" "write") }}
otlp-grpc: 4317
otlp-http: 4318
{{- end }}
{{- end -}}

{{/* Roles of the mode, as a list in JSON. */}}
{{- define "rubato.roles" -}}
{{- if eq .Values.mode "single" -}}["all"]
{{- else if .Values.metrics.enabled -}}["write","read","backend","metrics"]
{{- else -}}["write","read","backend"]
{{- end -}}
{{- end -}}

{{- define "rubato.settings" -}}
{{- if eq .role "all" }}{{ toJson .root.Values.single }}{{ else }}{{ toJson (get .root.Values .role) }}{{ end -}}
{{- end -}}

{{/* The server's configuration: the chart's, and the user's over it. */}}
{{- define "rubato.config" -}}
{{- $base := dict
  "server" (dict "http_listen_address" "0.0.0.0" "http_listen_port" 3200 "grpc_listen_address" "0.0.0.0" "grpc_listen_port" 9095)
  "distributor" (dict "receivers" (dict "otlp" (dict "protocols" (dict "grpc" (dict "endpoint" "0.0.0.0:4317") "http" (dict "endpoint" "0.0.0.0:4318")))))
  "storage" (dict "trace" (dict "local" (dict "path" "/data/rubato")))
-}}
{{- $config := mergeOverwrite $base (deepCopy .Values.config) -}}
{{- if and (eq .Values.mode "scalable") (not (has (default "local" $config.storage.trace.backend) (list "s3" "gcs" "azure"))) -}}
{{- fail "mode scalable needs a bucket: set config.storage.trace.backend to s3, gcs or azure" -}}
{{- end -}}
{{ toYaml $config }}
{{- end -}}

{{- define "rubato.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "rubato.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}
