package session

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var clusterLabels = []string{"namespace", "cluster"}

var (
	pollsDesc = prometheus.NewDesc("seamount_ceph_polls_total",
		"Attempts to read the state of a Ceph cluster.", clusterLabels, nil)
	failuresDesc = prometheus.NewDesc("seamount_ceph_poll_failures_total",
		"Attempts to read the state of a Ceph cluster that failed.", clusterLabels, nil)
	ageDesc = prometheus.NewDesc("seamount_ceph_snapshot_age_seconds",
		"How old what is known of a Ceph cluster is.", clusterLabels, nil)
	tookDesc = prometheus.NewDesc("seamount_ceph_snapshot_duration_seconds",
		"How long it took to read the state of a Ceph cluster, the last time.", clusterLabels, nil)
	commandsDesc = prometheus.NewDesc("seamount_ceph_commands_total",
		"Commands that were sent to read the state of a Ceph cluster.", clusterLabels, nil)
)

var _ prometheus.Collector = (*Pool)(nil)

// Describe implements prometheus.Collector.
func (p *Pool) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{pollsDesc, failuresDesc, ageDesc, tookDesc, commandsDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (p *Pool) Collect(metrics chan<- prometheus.Metric) {
	for cluster, state := range p.all() {
		send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64) {
			metrics <- prometheus.MustNewConstMetric(desc, kind, value, cluster.Namespace, cluster.Name)
		}
		send(pollsDesc, prometheus.CounterValue, float64(state.Polls))
		send(failuresDesc, prometheus.CounterValue, float64(state.Failures))
		send(commandsDesc, prometheus.CounterValue, float64(state.Commands))
		if state.Snapshot != nil {
			send(ageDesc, prometheus.GaugeValue, time.Since(state.Snapshot.At).Seconds())
			send(tookDesc, prometheus.GaugeValue, state.Snapshot.Took.Seconds())
		}
	}
}
