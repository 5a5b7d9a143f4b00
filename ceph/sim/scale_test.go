package sim

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// bigCluster has 5,000 OSDs on 500 hosts in 25 racks, and 20,992 PGs.
func bigCluster(b *testing.B) *Cluster {
	b.Helper()
	c, err := New(Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	for h := range 500 {
		loc := ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: fmt.Sprintf("r%d", h%25)}}
		if _, err := c.AddHost(Host{Name: fmt.Sprintf("n%d", h), Location: loc, OSDs: 10, Size: 8 * tebibyte}); err != nil {
			b.Fatal(err)
		}
	}
	admin := c.Admin()
	for pool, pgs := range map[string]int{"blocks": 16384, "files": 4096, "meta": 512} {
		if err := admin.CreatePool(b.Context(), ceph.PoolSpec{Name: pool, PGs: pgs, AutoscaleMode: "off"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.FillBytes("blocks", 4000*tebibyte); err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkBuild5000(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var c *Cluster
	for b.Loop() {
		c = bigCluster(b)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/mebibyte, "MiB-held")
	runtime.KeepAlive(c)
}

func BenchmarkSnapshot5000(b *testing.B) {
	c := bigCluster(b)
	admin := c.Admin()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := admin.Snapshot(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostLoss5000 loses a host of ten OSDs and waits until all is clean again.
func BenchmarkHostLoss5000(b *testing.B) {
	c := bigCluster(b)
	n := 0
	for b.Loop() {
		c.PowerOff(fmt.Sprintf("n%d", n))
		n++
		for range 100 {
			c.Advance(10 * time.Minute)
			if c.data.sums.states[pgActive|pgClean] == c.data.sums.total {
				break
			}
		}
		if got := c.data.sums.states[pgActive|pgClean]; got != c.data.sums.total {
			b.Fatalf("%d of %d PGs are clean", got, c.data.sums.total)
		}
	}
}

func BenchmarkOKToStop5000(b *testing.B) {
	c := bigCluster(b)
	admin := c.Admin()
	for b.Loop() {
		if _, err := admin.OSDOKToStop(b.Context(), 1, 2, 3); err != nil {
			b.Fatal(err)
		}
	}
}
