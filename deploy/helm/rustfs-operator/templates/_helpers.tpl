{{- /*
Names do not follow the release. The Lease, the labels that select Pods, and what Kustomize installs have these names too,
so that two operators in one namespace are refused and an installation can go from one way to the other.
*/ -}}
{{- define "rustfs-operator.labels" -}}
app.kubernetes.io/name: rustfs-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* What selects the operator's Pods. It can never change. */ -}}
{{- define "rustfs-operator.selector" -}}
app.kubernetes.io/name: rustfs-operator
app.kubernetes.io/component: operator
{{- end }}

{{- define "rustfs-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "rustfs-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: rustfs-operator
    namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* Ends with a word about a variable of `env` that the chart sets by another value. */ -}}
{{- define "rustfs-operator.checkEnv" -}}
{{- $set := dict
  "RUSTFS_OPERATOR_NAMESPACE" "use singleNamespace"
  "RUSTFS_OPERATOR_CLUSTER_DOMAIN" "use clusterDomain"
  "RUSTFS_OPERATOR_CONCURRENCY" "use concurrency"
  "RUSTFS_OPERATOR_LOG_FORMAT" "use log.format"
  "RUST_LOG" "use log.level"
  "OTEL_EXPORTER_OTLP_ENDPOINT" "use tracing.endpoint"
  "OTEL_EXPORTER_OTLP_PROTOCOL" "use tracing.protocol"
  "OTEL_EXPORTER_OTLP_HEADERS" "use tracing.headers or tracing.headersSecret"
  "OTEL_SERVICE_NAME" "use tracing.serviceName"
  "RUSTFS_OPERATOR_LEADER_ELECTION" "without it two would work at the same time at every upgrade"
  "RUSTFS_OPERATOR_LISTEN" "the probes, the Service and the NetworkPolicy know the port 8080"
  "POD_NAME" "it is the Pod's"
  "POD_NAMESPACE" "it is the Pod's"
  "POD_UID" "it is the Pod's"
  "MALLOC_MMAP_THRESHOLD_" "docs/performance.md says why"
  "MALLOC_TRIM_THRESHOLD_" "docs/performance.md says why" -}}
{{- $seen := dict -}}
{{- range .Values.env -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "env: %s is there twice, and a container cannot have both" .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- if hasKey $set .name -}}
{{- fail (printf "env: the chart sets %s itself: %s" .name (get $set .name)) -}}
{{- end -}}
{{- end -}}
{{- end }}
