//go:build e2e

package rados

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

func newImage(t *testing.T, pool string) (*cephtest.Cluster, ceph.Client, ceph.ImageRef) {
	t.Helper()
	cluster := cephtest.Shared(t)
	c := connect(t, config(cluster))
	makePool(t, cluster, c, pool)
	ref := ceph.ImageRef{Pool: pool, Name: "volume"}
	do(t, c.CreateImage(within(t, patience), ceph.ImageSpec{ImageRef: ref, Size: 64 << 20,
		Metadata: map[string]string{"owner": "pvc-1", "empty": "", "long": strings.Repeat("x", 4000)}}))
	return cluster, c, ref
}

// Another client that has the image open is seen, keeps it from being removed,
// and none of this client's own calls leaves a watch.
func TestImageInUse(t *testing.T) {
	cluster, c, ref := newImage(t, "inuse")
	watchers := func() ([]ceph.Watcher, error) { return c.ImageWatchers(within(t, patience), ref) }
	for name, call := range map[string]func(context.Context) error{
		"info":   func(ctx context.Context) error { _, err := c.Image(ctx, ref); return err },
		"resize": func(ctx context.Context) error { return c.ResizeImage(ctx, ref, 65<<20) },
		"snapshot": func(ctx context.Context) error {
			return c.CreateSnapshot(ctx, ceph.SnapshotRef{ImageRef: ref, Snapshot: "s"})
		},
		"metadata": func(ctx context.Context) error { return c.SetImageMetadata(ctx, ref, "k", "v") },
	} {
		do(t, call(within(t, patience)))
		if w, err := watchers(); err != nil || len(w) != 0 {
			t.Errorf("after %s: watchers %v, %v", name, w, err)
		}
	}
	do(t, c.RemoveSnapshot(within(t, patience), ceph.SnapshotRef{ImageRef: ref, Snapshot: "s"}))

	writeForever(t, cluster, ref)
	NewWithT(t).Eventually(watchers, patience).Should(HaveLen(1))
	w, err := watchers()
	if err != nil || len(w) != 1 || !strings.HasPrefix(w[0].Client, "client.") || !strings.Contains(w[0].Addr, ":0/") {
		t.Fatalf("watchers = %+v, %v", w, err)
	}
	wantFailure(t, c.RemoveImage(within(t, patience), ref), ceph.ErrBusy,
		"rbd rm inuse/volume: device or resource busy: "+w[0].Client+" at "+w[0].Addr+" has the image open")
	lockers := func() ([]ceph.Locker, error) { return c.ImageLockers(within(t, patience), ref) }
	NewWithT(t).Eventually(lockers, patience).Should(ConsistOf(
		SatisfyAll(HaveField("Client", w[0].Client), HaveField("Addr", w[0].Addr))), "the client that writes")
}

// writeForever runs a client that has the image open and holds its lock, until the test ends.
func writeForever(t *testing.T, cluster *cephtest.Cluster, ref ceph.ImageRef) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := cluster.Tool(ctx, "rbd", "bench", ref.String(), "--io-type", "write", "--io-size", "4096", "--io-threads", "1", "--io-total", "1T")
	do(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
}

func TestImageLockers(t *testing.T) {
	cluster, c, ref := newImage(t, "locked")
	if l, err := c.ImageLockers(within(t, patience), ref); err != nil || len(l) != 0 {
		t.Errorf("lockers = %v, %v, want nobody", l, err)
	}
	if out, err := cluster.Tool(within(t, patience), "rbd", "lock", "add", ref.String(), "maintenance").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := c.ImageLockers(within(t, patience), ref)
	if err != nil || len(l) != 1 {
		t.Fatalf("lockers = %v, %v, want one", l, err)
	}
	if l[0].Cookie != "maintenance" || !strings.HasPrefix(l[0].Client, "client.") || !strings.Contains(l[0].Addr, ":0/") {
		t.Errorf("locker = %+v", l[0])
	}
	_, err = c.ImageLockers(within(t, patience), ceph.ImageRef{Pool: ref.Pool, Name: "none"})
	wantFailure(t, err, ceph.ErrNotFound, "rbd lock ls locked/none: image none does not exist")
}

// Metadata written past librbd is what librbd and its tools read.
func TestImageMetadataIsRBDs(t *testing.T) {
	cluster, c, ref := newImage(t, "metadata")
	out, err := cluster.Tool(within(t, patience), "rbd", "image-meta", "get", ref.String(), "owner").Output()
	if err != nil || strings.TrimSpace(string(out)) != "pvc-1" {
		t.Errorf("rbd image-meta get = %q, %v", out, err)
	}
	if err := cluster.Tool(within(t, patience), "rbd", "image-meta", "set", ref.String(), "theirs", "1").Run(); err != nil {
		t.Fatal(err)
	}
	do(t, c.RemoveImageMetadata(within(t, patience), ref, "long"))
	do(t, c.RemoveImageMetadata(within(t, patience), ref, "long"))
	got, err := c.ImageMetadata(within(t, patience), ref)
	do(t, err)
	if diff := cmp.Diff(map[string]string{"owner": "pvc-1", "empty": "", "theirs": "1"}, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	wantFailure(t, c.SetImageMetadata(within(t, patience), ceph.ImageRef{Pool: ref.Pool, Name: "none"}, "k", "v"), ceph.ErrNotFound, "image none does not exist")
	objects, err := cluster.Tool(within(t, patience), "rados", "-p", ref.Pool, "ls").Output()
	if err != nil || strings.Count(string(objects), "rbd_header.") != 1 {
		t.Errorf("objects = %s, %v, want one image header", objects, err)
	}
}

// librbd gives a clone its parent's metadata. CloneImage leaves only its own.
func TestCloneHasItsOwnMetadata(t *testing.T) {
	_, c, ref := newImage(t, "cloned")
	from := ceph.SnapshotRef{ImageRef: ref, Snapshot: "s"}
	do(t, c.CreateSnapshot(within(t, patience), from))
	for name, want := range map[string]map[string]string{"bare": {}, "own": {"owner": "pvc-2", "new": "1"}} {
		child := ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: ref.Pool, Name: name}, Metadata: want}
		do(t, c.CloneImage(within(t, patience), from, child))
		got, err := c.ImageMetadata(within(t, patience), child.ImageRef)
		do(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metadata of %s (-want +got):\n%s", name, diff)
		}
	}
}
