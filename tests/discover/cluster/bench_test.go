//go:build e2e

package cluster

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// BenchmarkNode measures discover on a node with so many empty disks: how long it takes, killed and started again, until
// it has looked at all of them, read them and is Ready, and what memory it takes.
func BenchmarkNode(b *testing.B) {
	p := product.Install(b, 1, product.Discover)
	have := 0
	for _, count := range []int{1, 24, 100} {
		for ; have < count; have++ {
			p.AddDisk(b, "node1", "8T")
		}
		b.Run(fmt.Sprintf("disks=%d", count), func(b *testing.B) { restartDiscover(b, p, count) })
	}
}

func restartDiscover(b *testing.B, p *product.Product, count int) {
	awaitUsable(b, p, count)
	for b.Loop() {
		before := pidOf(b, p, "node1")
		p.Exec(b, "node1", "kill", "-9", before)
		p.Eventually(b, "discover runs again", func() error {
			out, err := p.Try("exec", "node1", "--", "pgrep", "-o", "-f", discoverProcess)
			if err == nil && out == before+"\n" {
				err = fmt.Errorf("process %s still runs", before)
			}
			return err
		})
		start := time.Now()
		p.AwaitRollout(b, product.Discover)
		b.ReportMetric(time.Since(start).Seconds(), "s/scan")
	}
	status := p.Exec(b, "node1", "cat", "/proc/"+pidOf(b, p, "node1")+"/status")
	b.ReportMetric(kibibytes(b, status, "VmRSS")/1024, "MiB-RSS")
	b.ReportMetric(kibibytes(b, status, "VmHWM")/1024, "MiB-peak")
}

func awaitUsable(b *testing.B, p *product.Product, count int) {
	b.Helper()
	p.Eventually(b, fmt.Sprintf("%d disks are Usable", count), func() error {
		usable := 0
		for _, s := range p.StorageDisks(b) {
			if s.Status.Verdict != nil && s.Status.Verdict.Result == v1alpha1.VerdictUsable && s.Status.Presence == v1alpha1.PresencePresent {
				usable++
			}
		}
		if usable != count {
			return fmt.Errorf("%d are", usable)
		}
		return nil
	})
}

func kibibytes(b *testing.B, status, field string) float64 {
	b.Helper()
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindStringSubmatch(status)
	if m == nil {
		b.Fatalf("no %s in %s", field, status)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
