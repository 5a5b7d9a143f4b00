package plan

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// forecastWorld has hosts with so many OSDs each, and an OSD 0 with so many PGs of so many bytes, of a part of which it is the primary.
func forecastWorld(hosts, each, pgs, primary int, bytes int64) *operationComputation {
	s := &ceph.Snapshot{
		Pools: []ceph.Pool{{ID: 1, Type: ceph.Replicated, Size: 3, MinSize: 2}},
		CRUSH: ceph.CRUSHMap{Rules: []ceph.CRUSHRule{{FailureDomain: "host"}}},
	}
	for host := range hosts {
		bucket := ceph.Bucket{ID: -1 - host, Name: fmt.Sprintf("h%d", host), Type: "host"}
		for i := range each {
			id := host*each + i
			s.OSDs = append(s.OSDs, ceph.OSD{ID: id, Up: true, In: true, Weight: 1, CRUSHWeight: 1, TotalBytes: 1 << 44})
			bucket.Items = append(bucket.Items, ceph.CRUSHItem{ID: id, Weight: 1})
		}
		s.CRUSH.Buckets = append(s.CRUSH.Buckets, bucket)
	}
	c := &operationComputation{snapshot: s, tree: newCRUSHTree(s)}
	c.osds = map[int32]bool{0: true}
	c.in.PGs = map[int32][]ceph.PG{0: nil}
	for i := range pgs {
		acting := []int{each, 0, 2 * each}
		if i < primary {
			acting = []int{0, each, 2 * each}
		}
		c.in.PGs[0] = append(c.in.PGs[0], ceph.PG{ID: fmt.Sprintf("1.%x", i), Up: acting, Acting: acting, Bytes: bytes})
	}
	return c
}

// The estimate is within a factor of two of what was measured where little data is in many PGs, and is that of the bytes where there is
// much.
func TestForecastSeconds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hosts, each, pgs, primary int
		bytes                     int64
		least, most               int32
	}{
		"measured: 449 MB in 27 s":             {3, 2, 17, 6, 26_400_000, 14, 54},
		"nothing to move":                      {3, 2, 0, 0, 0, 0, 0},
		"empty PGs of few":                     {3, 2, 1, 0, 0, 6, 6},
		"many take in, the primary is the one": {20, 4, 100, 40, 0, 45, 45},
		"many take in":                         {20, 4, 100, 1, 0, 7, 7},
		"8 TB: hours, as by the bytes alone":   {20, 4, 100, 33, 80e9, 10000, 10100},
	} {
		c := forecastWorld(test.hosts, test.each, test.pgs, test.primary, test.bytes)
		streams := min(test.pgs, len(c.receivers("")), assumedStreams)
		got := moveSeconds(int64(test.pgs)*test.bytes, test.pgs, streams, c.rounds())
		if got < test.least || got > test.most {
			t.Errorf("%s: %d s, want %d to %d", name, got, test.least, test.most)
		}
	}
}
