//go:build e2e && linux && cgo

package conformance

import (
	"context"
	"os"
	"testing"

	"github.com/seamount-dev/seamount/ceph/conformance"
	"github.com/seamount-dev/seamount/ceph/rados/mds"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
)

func TestMain(m *testing.M) {
	mds.Use()
	os.Exit(cephtest.Main(m))
}

// TestHost runs the suite on the daemons of the machine's own Ceph, 16.
func TestHost(t *testing.T) {
	t.Parallel()
	run(t, cephtest.Shared(t))
}

// TestCeph18 runs it on the daemons of our image of Ceph 18.
func TestCeph18(t *testing.T) {
	t.Parallel()
	runRoot(t, built.One(t, "ceph-18").Root(t))
}

// TestCeph20 runs it on the daemons of our image of Ceph 20 and with the client
// libraries of that image.
func TestCeph20(t *testing.T) {
	t.Parallel()
	built.Rerun(t, built.One(t, "ceph-20").Root(t), "TestRoot")
}

// TestRoot is run by TestCeph20, with other libraries than the rest.
func TestRoot(t *testing.T) { runRoot(t, built.RerunRoot(t)) }

func runRoot(t *testing.T, root string) {
	run(t, cephtest.Start(t, cephtest.Options{OSDs: 3, MDS: 1, Rootfs: root}))
}

func run(t *testing.T, c *cephtest.Cluster) {
	b, err := newBackend(context.WithoutCancel(t.Context()), c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.admin.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	conformance.Run(t, func(testing.TB) conformance.Backend { return b })
}
