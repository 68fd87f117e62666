{{- /* A variable whose default is the operator's own is not set, as in config/manager/deployment.yaml. */ -}}
{{- define "rustfs-operator.env" -}}
- name: MALLOC_MMAP_THRESHOLD_
  value: "131072"
- name: MALLOC_TRIM_THRESHOLD_
  value: "131072"
{{- if gt (int .Values.replicas) 1 }}
- name: RUSTFS_OPERATOR_LEADER_ELECTION
  value: "true"
{{- end }}
{{- if .Values.singleNamespace }}
- name: RUSTFS_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
{{- if ne .Values.clusterDomain "cluster.local" }}
- name: RUSTFS_OPERATOR_CLUSTER_DOMAIN
  value: {{ .Values.clusterDomain | quote }}
{{- end }}
{{- if ne (int .Values.concurrency) 8 }}
- name: RUSTFS_OPERATOR_CONCURRENCY
  value: {{ .Values.concurrency | quote }}
{{- end }}
{{- if ne .Values.log.format "json" }}
- name: RUSTFS_OPERATOR_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- end }}
{{- if ne .Values.log.level "info" }}
- name: RUST_LOG
  value: {{ .Values.log.level | quote }}
{{- end }}
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ .protocol | quote }}
- name: OTEL_SERVICE_NAME
  value: {{ .serviceName | quote }}
{{- if .headersSecret.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret.name | quote }}
      key: {{ .headersSecret.key | quote }}
{{- else if .headers }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  value: {{ .headers | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
