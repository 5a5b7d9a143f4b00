// Package alerts has no code: its tests hold the alerts of the chart, in seamount/files/alerts.yaml, to the metrics that there
// are and to their runbooks, and make each of them fire in Prometheus' own engine.
package alerts
