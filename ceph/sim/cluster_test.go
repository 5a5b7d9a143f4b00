package sim

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// newCluster makes a cluster of hosts that are all alike.
func newCluster(t testing.TB, o Options, hosts, osdsPerHost int) *Cluster {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for h := range hosts {
		if _, err := c.AddHost(Host{Name: fmt.Sprintf("n%d", h), OSDs: osdsPerHost}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func mustPool(t testing.TB, c *Cluster, spec ceph.PoolSpec) {
	t.Helper()
	if spec.AutoscaleMode == "" {
		spec.AutoscaleMode = "off"
	}
	if err := c.Admin().CreatePool(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
}

func mustSnapshot(t testing.TB, c *Cluster) *ceph.Snapshot {
	t.Helper()
	s, err := c.Admin().Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
