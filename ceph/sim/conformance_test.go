package sim_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/conformance"
	"github.com/seamount-dev/seamount/ceph/sim"
)

// backend lets the conformance suite drive a simulated cluster.
type backend struct {
	cluster *sim.Cluster
	admin   *sim.Client
	release int
}

func (b *backend) Admin() ceph.Client { return b.admin }
func (b *backend) Release() int       { return b.release }

func (b *backend) Connect(_ context.Context, entity string, key ceph.Secret) (ceph.Client, error) {
	return b.cluster.Client(entity, key)
}

func (b *backend) StopOSD(_ context.Context, id int) error {
	b.cluster.StopOSD(id)
	return nil
}

func (b *backend) StartOSD(_ context.Context, id int) error {
	return b.cluster.StartOSD(id, sim.OSDDaemon{})
}

func (b *backend) HoldImage(_ context.Context, ref ceph.ImageRef) (func() error, error) {
	h, err := b.cluster.OpenImage(ref, "10.9.9.9")
	if err != nil {
		return nil, err
	}
	release := func() error {
		h.Close()
		return nil
	}
	return release, h.Lock()
}

func (b *backend) WriteImage(_ context.Context, ref ceph.ImageRef, bytes int64) error {
	h, err := b.cluster.OpenImage(ref, "10.9.9.9")
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Write(bytes)
}

// MountFiles leaves the client mounted: the simulator's go with their filesystem.
func (b *backend) MountFiles(_ context.Context, filesystem, entity string, _ ceph.Secret) (func() error, error) {
	_, err := b.cluster.MountFiles(filesystem, entity, "10.9.9.9")
	return func() error { return nil }, err
}

func (b *backend) FreezeMons(context.Context) (func() error, error) {
	remove := b.cluster.Inject(sim.Fault{Calls: "*", Effect: sim.Hang()})
	return func() error {
		remove()
		return nil
	}, nil
}

func (b *backend) Pass(ctx context.Context) error {
	b.cluster.Advance(500 * time.Millisecond)
	return ctx.Err()
}

// Explain has nothing to add: a simulated call gets no answer only where a case wants none.
func (b *backend) Explain(context.Context) string { return "simulated" }

func newBackend(t testing.TB, release int) conformance.Backend {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: 1, Release: release, Mons: []string{"a"}, Mgrs: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := c.AddHost(sim.Host{Name: fmt.Sprintf("node%d", n), OSDs: 1, Size: 10 << 30}); err != nil {
			t.Fatal(err)
		}
	}
	c.StartMDS("a")
	c.Advance(10 * time.Second)
	return &backend{cluster: c, admin: c.Admin(), release: release}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, release := range []int{16, 18, 20} {
		t.Run(fmt.Sprint(release), func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(t testing.TB) conformance.Backend { return newBackend(t, release) })
		})
	}
}
