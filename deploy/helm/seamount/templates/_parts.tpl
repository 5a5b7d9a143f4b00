{{/* Labels by which the pods of a part are selected. They never change: a selector cannot be changed in place. */}}
{{- define "seamount.selector" -}}
app.kubernetes.io/name: seamount
app.kubernetes.io/component: {{ . }}
{{- end -}}

{{/* Labels of an object. Takes the root and the part. */}}
{{- define "seamount.labels" -}}
{{ include "seamount.selector" (index . 1) }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata of a namespaced object. Takes the root, the part and the name. */}}
{{- define "seamount.metadata" -}}
name: {{ index . 2 }}
namespace: {{ (index . 0).Release.Namespace }}
labels: {{- include "seamount.labels" (list (index . 0) (index . 1)) | nindent 2 }}
{{- end -}}

{{/* Metadata of an object of the whole cluster. Takes the root, the part and the name. */}}
{{- define "seamount.clusterMetadata" -}}
name: {{ index . 2 }}
labels: {{- include "seamount.labels" (list (index . 0) (index . 1)) | nindent 2 }}
{{- end -}}

{{/* The whole name of an image. Takes the root and one of .Values.images. */}}
{{- define "seamount.image" -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Metadata of a part's pods. Takes the root, the part and its values. */}}
{{- define "seamount.podMetadata" -}}
{{- $values := index . 2 -}}
labels:
  {{- include "seamount.labels" (list (index . 0) (index . 1)) | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the pods of all parts have. Takes the root, the part and its values. */}}
{{- define "seamount.pod" -}}
{{- $values := index . 2 -}}
serviceAccountName: seamount-{{ index . 1 }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
enableServiceLinks: false
{{- with (index . 0).Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* Affinity of a Deployment: its replicas prefer different nodes. Takes the part and its values. */}}
{{- define "seamount.affinity" -}}
{{- with (index . 1).affinity -}}
{{ toYaml . }}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
  - weight: 100
    podAffinityTerm:
      topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels: {{- include "seamount.selector" (index . 0) | nindent 10 }}
{{- end -}}
{{- end -}}

{{/* Who a pod is that needs no rights: Pod Security "restricted" takes it. */}}
{{- define "seamount.restrictedPod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "seamount.restrictedContainer" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Ports and probes of the operator and of the CSI controller. */}}
{{- define "seamount.endpoints" -}}
ports:
- {name: metrics, containerPort: 8080}
- {name: health, containerPort: 8081}
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 5
  timeoutSeconds: 3
{{- end -}}

{{/* A budget that lets a drain take one replica at a time. One that is not ready is no reason to hold a drain up. */}}
{{- define "seamount.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "seamount.metadata" (list (index . 0) (index . 1) (printf "seamount-%s" (index . 1))) | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "seamount.selector" (index . 1) | nindent 6 }}
{{- end -}}

{{/* Who may read metrics: the sources of a rule of ingress. Takes the root. */}}
{{- define "seamount.metricsFrom" -}}
{{- with .Values.networkPolicies.metricsFrom }}
from: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* A NetworkPolicy of a Deployment: metrics and probes come in; out goes what values allow. Takes the root and the part. */}}
{{- define "seamount.networkPolicy" -}}
{{- $root := index . 0 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "seamount.metadata" (list $root (index . 1) (printf "seamount-%s" (index . 1))) | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "seamount.selector" (index . 1) | nindent 6 }}
  policyTypes: [Ingress{{ if $root.Values.networkPolicies.egress }}, Egress{{ end }}]
  ingress:
  # Probes come from the node, whose address nobody knows beforehand.
  - ports:
    - {port: 8081, protocol: TCP}
  - ports:
    - {port: 8080, protocol: TCP}
    {{- include "seamount.metricsFrom" $root | indent 4 }}
  {{- with $root.Values.networkPolicies.egress }}
  egress: {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
