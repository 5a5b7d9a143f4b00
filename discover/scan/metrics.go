package scan

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of discover.
type Metrics struct {
	count    *prometheus.GaugeVec
	scan     prometheus.Histogram
	last     prometheus.Gauge
	failures prometheus.Counter
}

// NewMetrics registers the metrics. The pool of readers says how many of them hang, and how often one did not answer in
// time.
func NewMetrics(registry prometheus.Registerer, pool interface {
	Stuck() int
	Timeouts() uint64
}) *Metrics {
	m := &Metrics{
		count: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "seamount_disks", Help: "Disks that this node sees, by verdict; OtherNode has the disk, or it could not be reported."}, []string{"state"}),
		scan: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "seamount_discover_scan_seconds", Help: "How long a look at all block devices took, without reading them.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "seamount_discover_last_scan_timestamp_seconds", Help: "When the last full scan began."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "seamount_discover_report_failures_total", Help: "Requests to the API that failed."}),
	}
	stuck := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "seamount_discover_stuck_readers", Help: "Readers that hang on a disk and cannot be ended."},
		func() float64 { return float64(pool.Stuck()) })
	timeouts := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "seamount_discover_read_timeouts_total", Help: "How often a disk did not answer in time."},
		func() float64 { return float64(pool.Timeouts()) })
	registry.MustRegister(m.count, m.scan, m.last, m.failures, stuck, timeouts)
	m.disks(nil)
	return m
}

func (m *Metrics) disks(count map[string]int) {
	for _, state := range results() {
		m.count.WithLabelValues(state).Set(float64(count[state]))
	}
}

func (m *Metrics) looked(took time.Duration) { m.scan.Observe(took.Seconds()) }

func (m *Metrics) completed(at time.Time) { m.last.Set(float64(at.UnixMilli()) / 1000) }

func (m *Metrics) failed() { m.failures.Inc() }
