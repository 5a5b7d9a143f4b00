//go:build e2e

package operator

import (
	"fmt"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/figures"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// BenchmarkBringUp prints how long it takes from `kubectl apply` to HEALTH_OK with clean PGs: for the operator, and for
// the same daemons in the same pods applied by hand at once, in turns. With -benchtime=5x the figures are medians of
// five.
func BenchmarkBringUp(b *testing.B) {
	p := installAll(b)
	for _, size := range []struct{ mgrs, disksEach int }{{1, 1}, {2, 1}, {1, 2}, {2, 2}} {
		b.Run(fmt.Sprintf("mgrs=%d/osds=%d", size.mgrs, size.disksEach*len(nodes)), func(b *testing.B) {
			var operator, hand []float64
			for b.Loop() {
				run := len(hand)
				hand = append(hand, bringUp(b, p, fmt.Sprintf("hand%d", run), size.mgrs, size.disksEach, applyByHand))
				operator = append(operator, bringUp(b, p, fmt.Sprintf("run%d", run), size.mgrs, size.disksEach, applyCluster))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(figures.Median(operator), "operator-s")
			b.ReportMetric(figures.Median(hand), "by-hand-s")
			b.ReportMetric(figures.Median(operator)/figures.Median(hand), "ratio")
		})
	}
}

// applier starts a cluster.
type applier func(b *testing.B, p *product.Product, name string, mgrs int, disks []cluster.Disk) *ceph

func applyCluster(b *testing.B, p *product.Product, name string, mgrs int, _ []cluster.Disk) *ceph {
	b.Helper()
	return apply(b, p, name, fmt.Sprintf("mgr: {count: %d}", mgrs))
}

func applyByHand(b *testing.B, p *product.Product, name string, mgrs int, disks []cluster.Disk) *ceph {
	b.Helper()
	return byHand(b, p, name, mgrs, disks)
}

// bringUp brings up a cluster, takes it away again, and returns how many seconds it took to be healthy.
func bringUp(b *testing.B, p *product.Product, name string, mgrs, disksEach int, start applier) float64 {
	b.Helper()
	disks := addDisks(b, p, disksEach)
	for _, d := range disks {
		p.AwaitVerdict(b, d, v1alpha1.VerdictUsable, "")
	}
	begin := time.Now()
	c := start(b, p, name, mgrs, disks)
	w := c.watch(b)
	took := w.awaitHealthy(b, c, begin, len(nodes), mgrs, len(disks))
	b.Logf("%s: %.1f s (%s)", name, took.Seconds(), w.phases(begin, len(disks)))
	w.stop()
	if err := c.remove(); err != nil {
		b.Fatal(err)
	}
	for _, d := range disks {
		p.Local(b, "disk", "remove", d.ID)
	}
	return took.Seconds()
}
