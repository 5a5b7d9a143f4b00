//go:build e2e

// Package fence shows on a real Ceph what the users of nodes may do, and that a fenced node writes no more.
package fence

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/ceph/rados/mds"
	"github.com/seamount-dev/seamount/operator/fence"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
)

func TestMain(m *testing.M) {
	mds.Use()
	os.Exit(cephtest.Main(m))
}

// TestCeph16 is about the daemons of the machine's own Ceph.
func TestCeph16(t *testing.T) { onRelease(t, cephtest.Shared(t)) }

// TestCeph20 is about those of our image of Ceph 20.
func TestCeph20(t *testing.T) { built.Rerun(t, built.One(t, "ceph-20").Root(t), "TestRoot") }

// TestRoot is run by TestCeph20, with the libraries of the image.
func TestRoot(t *testing.T) {
	onRelease(t, cephtest.Start(t, cephtest.Options{OSDs: 3, MDS: 1, Rootfs: built.RerunRoot(t)}))
}

// onRelease runs all tests on one cluster.
func onRelease(t *testing.T, cluster *cephtest.Cluster) {
	t.Run("WhatANodeMayDo", func(t *testing.T) { whatANodeMayDo(t, cluster) })
	t.Run("WhatTheControllerMayDo", func(t *testing.T) { whatTheControllerMayDo(t, cluster) })
	t.Run("Fence", func(t *testing.T) { fenced(t, cluster) })
	t.Run("FenceFiles", func(t *testing.T) { filesFenced(t, cluster) })
}

const (
	patience = 4 * time.Minute
	// impatience is for what cannot succeed: a program that nobody lets in waits for ever.
	impatience = 10 * time.Second
)

func within(t testing.TB) context.Context { return during(t, patience) }

func during(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, cluster *cephtest.Cluster, user ceph.Entity) *rados.Client {
	t.Helper()
	c, err := rados.Connect(within(t), rados.Config{MonHosts: cluster.MonHosts(), FSID: cluster.FSID(), Entity: user.Name, Key: user.Key})
	do(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// pool makes a pool of images, of a StoragePool or of somebody.
func pool(t testing.TB, cluster *cephtest.Cluster, admin *rados.Client, name string, ours bool) {
	t.Helper()
	_, err := cluster.Ceph(within(t), "osd", "pool", "create", name, "8")
	do(t, err)
	do(t, admin.InitImagePool(within(t), name))
	if ours {
		do(t, admin.SetApplicationValue(within(t), name, plan.ApplicationRBD, plan.PoolOwnerKey, plan.PoolOwner(name)))
	}
	t.Cleanup(func() {
		if err := admin.DeletePool(within(t), name); err != nil {
			t.Error(err)
		}
	})
}

func image(t testing.TB, admin *rados.Client, pool, name string) ceph.ImageRef {
	t.Helper()
	ref := ceph.ImageRef{Pool: pool, Name: name}
	do(t, admin.CreateImage(within(t), ceph.ImageSpec{ImageRef: ref, Size: 64 << 20}))
	return ref
}

// node makes the user of a node.
func node(t testing.TB, admin *rados.Client, name string, reach ...keys.Files) ceph.Entity {
	t.Helper()
	user, err := admin.EnsureEntity(within(t), keys.NameNode(name), keys.NodeCaps(reach...))
	do(t, err)
	t.Cleanup(func() {
		if err := admin.RemoveEntity(within(t), user.Name); err != nil {
			t.Error(err)
		}
	})
	return user
}

// as runs a program of Ceph's as a user, which has nothing but its key.
func as(ctx context.Context, cluster *cephtest.Cluster, user ceph.Entity, program string, args ...string) *exec.Cmd {
	return cluster.Tool(ctx, program, append([]string{"--name", user.Name, "--key", user.Key.Reveal()}, args...)...)
}

// write writes into an image, for a moment or until the context ends.
func write(ctx context.Context, cluster *cephtest.Cluster, user ceph.Entity, ref ceph.ImageRef, total string) *exec.Cmd {
	return as(ctx, cluster, user, "rbd", "bench", ref.String(), "--io-type", "write", "--io-size", "4096", "--io-threads", "1", "--io-total", total)
}

// What a node needs, it can: images of StoragePools, with their lock and metadata, and the blocklist for a single client.
// Nothing beyond that.
func whatANodeMayDo(t *testing.T, cluster *cephtest.Cluster) {
	admin := connect(t, cluster, cluster.Admin())
	pool(t, cluster, admin, "fast", true)
	pool(t, cluster, admin, "theirs", false)
	ours, others := image(t, admin, "fast", "volume"), image(t, admin, "theirs", "volume")
	user := node(t, admin, "n1")
	c := connect(t, cluster, user)

	if out, err := write(within(t), cluster, user, ours, "64K").CombinedOutput(); err != nil {
		t.Errorf("write to an image of a StoragePool: %v: %s", err, out)
	}
	do(t, c.SetImageMetadata(within(t), ours, ceph.ImageKeyGeneration, "1"))
	do(t, c.AddBlocklist(within(t), "10.99.99.99:0/4711", time.Minute))
	t.Cleanup(func() { do(t, admin.RemoveBlocklist(within(t), "10.99.99.99:0/4711")) })

	if out, err := write(within(t), cluster, user, others, "64K").CombinedOutput(); err == nil {
		t.Errorf("wrote to an image of another pool: %s", out)
	}
	for what, call := range map[string]func(context.Context) error{
		"read an image of another pool":   func(ctx context.Context) error { _, err := c.Image(ctx, others); return err },
		"list the images of another pool": func(ctx context.Context) error { _, err := c.ListImages(ctx, "theirs"); return err },
		"write metadata in another pool":  func(ctx context.Context) error { return c.SetImageMetadata(ctx, others, "k", "v") },
		"make a user": func(ctx context.Context) error {
			_, err := c.EnsureEntity(ctx, "client.mine", keys.NodeCaps())
			return err
		},
		"read a key":                       func(ctx context.Context) error { _, err := c.Entity(ctx, "client.admin"); return err },
		"give itself more":                 func(ctx context.Context) error { return c.SetCaps(ctx, user.Name, ceph.Caps{"mon": "allow *"}) },
		"blocklist a host as a whole":      func(ctx context.Context) error { return c.AddBlocklist(ctx, "10.99.99.98:0/0", time.Minute) },
		"take somebody off the blocklist":  func(ctx context.Context) error { return c.RemoveBlocklist(ctx, "10.99.99.99:0/4711") },
		"delete a pool":                    func(ctx context.Context) error { return c.DeletePool(ctx, "theirs") },
		"change the central configuration": func(ctx context.Context) error { return c.SetConfig(ctx, "global", "osd_max_backfills", "9") },
	} {
		if err := call(within(t)); !errors.Is(err, ceph.ErrPermission) {
			t.Errorf("%s: %v, want no permission", what, err)
		}
	}
	out, err := cluster.Ceph(within(t), "config-key", "set", "dm-crypt/x", "secret")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := as(within(t), cluster, user, "ceph", "config-key", "get", "dm-crypt/x").CombinedOutput(); err == nil || strings.Contains(string(out), "secret") {
		t.Errorf("read what the mons keep for others: %s", out)
	}
}

// The controller's user makes, clones and deletes volumes and reads how full pools are, and no more.
func whatTheControllerMayDo(t *testing.T, cluster *cephtest.Cluster) {
	admin := connect(t, cluster, cluster.Admin())
	pool(t, cluster, admin, "fast", true)
	pool(t, cluster, admin, "theirs", false)
	user, err := admin.EnsureEntity(within(t), keys.NameCSI, keys.CSICaps())
	do(t, err)
	t.Cleanup(func() { do(t, admin.RemoveEntity(within(t), user.Name)) })
	c := connect(t, cluster, user)

	ref := ceph.ImageRef{Pool: "fast", Name: "a"}
	snapshot := ceph.SnapshotRef{ImageRef: ref, Snapshot: "s"}
	do(t, c.CreateImage(within(t), ceph.ImageSpec{ImageRef: ref, Size: 16 << 20, Metadata: map[string]string{"k": "v"}}))
	do(t, c.CreateSnapshot(within(t), snapshot))
	do(t, c.CloneImage(within(t), snapshot, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "fast", Name: "b"}}))
	do(t, c.FlattenImage(within(t), ceph.ImageRef{Pool: "fast", Name: "b"}))
	do(t, c.RemoveSnapshot(within(t), snapshot))
	do(t, c.TrashImage(within(t), ref, 0))
	do(t, c.RemoveImage(within(t), ceph.ImageRef{Pool: "fast", Name: "b"}))
	pools, err := c.Pools(within(t))
	if err != nil || len(pools) < 2 {
		t.Errorf("pools: %d, %v", len(pools), err)
	}
	for what, call := range map[string]func(context.Context) error{
		"make an image in another pool": func(ctx context.Context) error {
			return c.CreateImage(ctx, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "theirs", Name: "x"}, Size: 1 << 20})
		},
		"make a user": func(ctx context.Context) error {
			_, err := c.EnsureEntity(ctx, "client.mine", keys.NodeCaps())
			return err
		},
		"delete a pool": func(ctx context.Context) error { return c.DeletePool(ctx, "theirs") },
	} {
		if err := call(within(t)); !errors.Is(err, ceph.ErrPermission) {
			t.Errorf("%s: %v, want no permission", what, err)
		}
	}
}

// writer writes until it ends or is stopped.
type writer struct {
	done chan error
	stop context.CancelFunc
}

func start(t *testing.T, cluster *cephtest.Cluster, user ceph.Entity, ref ceph.ImageRef) *writer {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &writer{done: make(chan error, 1), stop: stop}
	cmd := write(ctx, cluster, user, ref, "1T")
	do(t, cmd.Start())
	go func() { w.done <- cmd.Wait() }()
	t.Cleanup(stop)
	return w
}

// record waits until a writer has the image, and records its address as a node does before its first write.
func record(t *testing.T, admin *rados.Client, node string, ref ceph.ImageRef) string {
	t.Helper()
	lockers := func() ([]ceph.Locker, error) { return admin.ImageLockers(within(t), ref) }
	NewWithT(t).Eventually(lockers, patience).Should(HaveLen(1))
	l, err := lockers()
	do(t, err)
	do(t, admin.SetImageMetadata(within(t), ref, ceph.ImageKeyClient(node), l[0].Addr))
	return l[0].Addr
}

// fenced fences a node that writes: its write fails, no new client of it gets in, and another node goes on. Lifted for
// another boot, it writes again.
func fenced(t *testing.T, cluster *cephtest.Cluster) {
	g := NewWithT(t)
	admin := connect(t, cluster, cluster.Admin())
	pool(t, cluster, admin, "fast", true)
	lost, healthy := image(t, admin, "fast", "pvc-1"), image(t, admin, "fast", "pvc-2")
	n1, n2 := node(t, admin, "n1"), node(t, admin, "n2")
	doomed, living := start(t, cluster, n1, lost), start(t, cluster, n2, healthy)
	address, other := record(t, admin, "n1", lost), record(t, admin, "n2", healthy)
	// Whoever holds the lock takes the snapshot, whoever asks for it.
	do(t, admin.CreateSnapshot(within(t), ceph.SnapshotRef{ImageRef: healthy, Snapshot: "s"}))
	do(t, admin.RemoveSnapshot(within(t), ceph.SnapshotRef{ImageRef: healthy, Snapshot: "s"}))

	report, err := fence.Fence(within(t), admin, fence.Node{Name: "n1", Boot: "boot-1"}, time.Now())
	do(t, err)
	t.Cleanup(func() { do(t, admin.RemoveBlocklist(within(t), address)) })
	if diff := cmp.Diff(fence.Report{User: n1.Name, Addresses: []string{address}}, report); diff != "" {
		t.Error(diff)
	}
	g.Eventually(doomed.done, patience).Should(Receive(HaveOccurred()), "the fenced client ends with an error")
	g.Consistently(living.done, "2s").ShouldNot(Receive(), "the other node writes on")
	lockers, err := admin.ImageLockers(within(t), healthy)
	if err != nil || len(lockers) != 1 || lockers[0].Addr != other {
		t.Errorf("the other node's lock: %v, %v", lockers, err)
	}
	if out, err := write(during(t, impatience), cluster, n1, lost, "64K").CombinedOutput(); err == nil {
		t.Errorf("a new client of the fenced node writes: %s", out)
	}
	if out, err := write(within(t), cluster, n2, lost, "64K").CombinedOutput(); err != nil {
		t.Errorf("the volume did not move: %v: %s", err, out)
	}

	again, err := fence.Fence(within(t), admin, fence.Node{Name: "n1", Boot: "boot-1"}, time.Now())
	if diff := cmp.Diff(report, again); err != nil || diff != "" {
		t.Errorf("the second time: %v %s", err, diff)
	}
	if err := fence.Unfence(within(t), admin, fence.Node{Name: "n1", Boot: "boot-1"}); !errors.Is(err, fence.ErrSameBoot) {
		t.Errorf("unfenced in the same boot: %v", err)
	}
	do(t, fence.Unfence(within(t), admin, fence.Node{Name: "n1", Boot: "boot-2"}))
	if out, err := write(within(t), cluster, n1, lost, "64K").CombinedOutput(); err != nil {
		t.Errorf("after another boot: %v: %s", err, out)
	}
	living.stop()
	g.Eventually(living.done, patience).Should(Receive())
}
