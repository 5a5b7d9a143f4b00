package controller

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/volume"
)

func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	w.write(imageOf("fast", handle.ImageOf("v")), 8*mebibyte)
	request := &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: id, Parameters: map[string]string{"clusterNamespace": "seamount", "cluster": "main"}}
	first, err := w.server.CreateSnapshot(t.Context(), request)
	w.ok(err)
	again, err := w.server.CreateSnapshot(t.Context(), request)
	w.ok(err)
	s := first.GetSnapshot()
	if !s.GetReadyToUse() || s.GetSizeBytes() != gibibyte || s.GetSourceVolumeId() != id || s.GetCreationTime() == nil || again.GetSnapshot().String() != s.String() {
		t.Errorf("got %v, then %v", first, again)
	}
	restored := w.create(fromSnapshot(asked("restored", 2*gibibyte), s.GetSnapshotId()))
	clone := w.create(fromVolume(asked("clone", gibibyte), id))
	for _, one := range w.look() {
		if len(one.Snapshots) != 0 {
			t.Errorf("%s kept the snapshots %v", one.Name, one.Snapshots)
		}
	}
	w.delete(id)
	w.deleteSnapshot(s.GetSnapshotId())
	if names := w.names(); strings.Count(names, "(") != 2 {
		t.Errorf("source and snapshot wait in the trash for what reads from them: %s", names)
	}
	w.delete(restored)
	w.delete(clone)
	if names := w.names(); names != "" {
		t.Errorf("left: %s", names)
	}
}

func TestSnapshotRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, other := w.create(asked("v", gibibyte)), w.create(asked("w", gibibyte))
	w.snapshot("s", id)
	tests := map[string]struct {
		request *csi.CreateSnapshotRequest
		code    codes.Code
	}{
		"no name":         {&csi.CreateSnapshotRequest{SourceVolumeId: id}, codes.InvalidArgument},
		"no source":       {&csi.CreateSnapshotRequest{Name: "t"}, codes.InvalidArgument},
		"unknown source":  {&csi.CreateSnapshotRequest{Name: "t", SourceVolumeId: "seamount/main/fast/pvc-x"}, codes.NotFound},
		"another source":  {&csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: other}, codes.AlreadyExists},
		"another cluster": {&csi.CreateSnapshotRequest{Name: "t", SourceVolumeId: id, Parameters: map[string]string{"cluster": "x"}}, codes.InvalidArgument},
	}
	for name, tt := range tests {
		if _, err := w.server.CreateSnapshot(t.Context(), tt.request); status.Code(err) != tt.code {
			t.Errorf("%s: got %v, want %s", name, err, tt.code)
		}
	}
}

// TestVolumeAndSnapshotOfOneName shows that requests of the same name for a volume and a snapshot do not meet.
func TestVolumeAndSnapshotOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("same", gibibyte))
	snapshot := w.snapshot("same", id)
	if snapshot == id {
		t.Errorf("both are %s", id)
	}
	_, err := w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: snapshot})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a snapshot was deleted as a volume: %v", err)
	}
}

// TestDepth makes generations of restored volumes: none is read through more images than allowed.
func TestDepth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("g0", gibibyte))
	w.write(imageOf("fast", handle.ImageOf("g0")), 4*mebibyte)
	for n := 1; n < 8; n++ {
		snapshot := w.snapshot(fmt.Sprintf("s%d", n), id)
		id = w.create(fromSnapshot(asked(fmt.Sprintf("g%d", n), gibibyte), snapshot))
		h, err := handle.Parse(id)
		w.ok(err)
		if depth := w.depth(imageOf(h.Pool, h.Image)); depth > maxDepth {
			t.Errorf("generation %d is read through %d images", n, depth)
		}
	}
}

// depth counts the images that one is read through, and checks that its record does not say less.
func (w *world) depth(ref ceph.ImageRef) int {
	w.t.Helper()
	detail, err := w.admin.InspectImage(w.t.Context(), ref)
	w.ok(err)
	record, err := volume.Of(ref.Name, detail.Metadata)
	w.ok(err)
	depth := 0
	for detail.Parent != nil {
		depth++
		detail, err = w.admin.InspectImageByID(w.t.Context(), detail.Parent.Pool, detail.ParentID)
		w.ok(err)
	}
	if record.Depth < depth {
		w.t.Errorf("%s says it is read through %d images, and it is %d", ref, record.Depth, depth)
	}
	return depth
}

// TestAnyOrder makes families of volumes, snapshots and clones at random, and deletes them in any order. Nothing may be left,
// and nothing that lives may be hurt.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a sequence that can be repeated
			f := &family{world: w, random: random}
			for n := range 30 {
				f.step(n)
			}
			for len(f.volumes)+len(f.snapshots) > 0 {
				f.remove()
			}
			if names := w.names(); names != "" {
				t.Errorf("left: %s", names)
			}
		})
	}
}

// family is what lives.
type family struct {
	*world
	random             *rand.Rand
	volumes, snapshots []string
}

func (f *family) step(n int) {
	f.t.Helper()
	name := fmt.Sprintf("n%d", n)
	switch choice := f.random.IntN(6); {
	case choice == 0 || len(f.volumes) == 0:
		f.volumes = append(f.volumes, f.create(asked(name, gibibyte)))
	case choice == 1:
		f.snapshots = append(f.snapshots, f.snapshot(name, f.any(f.volumes)))
	case choice == 2:
		f.volumes = append(f.volumes, f.create(fromVolume(asked(name, gibibyte), f.any(f.volumes))))
	case choice == 3 && len(f.snapshots) > 0:
		f.volumes = append(f.volumes, f.create(fromSnapshot(asked(name, gibibyte), f.any(f.snapshots))))
	default:
		f.remove()
	}
	f.alive()
}

func (f *family) any(ids []string) string { return ids[f.random.IntN(len(ids))] }

// remove deletes something that lives.
func (f *family) remove() {
	f.t.Helper()
	at := f.random.IntN(len(f.volumes) + len(f.snapshots))
	if at < len(f.volumes) {
		f.delete(f.volumes[at])
		f.volumes = slices.Delete(f.volumes, at, at+1)
		return
	}
	at -= len(f.volumes)
	f.deleteSnapshot(f.snapshots[at])
	f.snapshots = slices.Delete(f.snapshots, at, at+1)
}

// alive checks that what lives is there, and that the trash holds nothing that nobody reads.
func (f *family) alive() {
	f.t.Helper()
	ctx := f.t.Context()
	for _, id := range f.volumes {
		_, err := f.server.ControllerGetVolume(ctx, &csi.ControllerGetVolumeRequest{VolumeId: id})
		f.ok(err)
	}
	for _, id := range f.snapshots {
		_, err := f.server.GetSnapshot(ctx, &csi.GetSnapshotRequest{SnapshotId: id})
		f.ok(err)
	}
	purged, err := Sweep(ctx, f.admin, "fast")
	f.ok(err)
	if purged > 0 {
		f.t.Errorf("%d images waited in the trash for nothing", purged)
	}
}

func TestDeleteRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	ref := imageOf("fast", handle.ImageOf("v"))
	handleOf, err := w.cluster.OpenImage(ref, "10.0.0.7")
	w.ok(err)
	w.ok(w.admin.SetImageMetadata(t.Context(), ref, ceph.ImageKeyClient("n1"), handleOf.Addr()))
	_, err = w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: id})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "node n1 (") {
		t.Errorf("in use: got %v", err)
	}
	handleOf.Close()
	w.ok(w.admin.CreateSnapshot(t.Context(), ceph.SnapshotRef{ImageRef: ref, Snapshot: "by-hand"}))
	_, err = w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: id})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "by-hand") {
		t.Errorf("a snapshot of others: got %v", err)
	}
	w.ok(w.admin.RemoveSnapshot(t.Context(), ceph.SnapshotRef{ImageRef: ref, Snapshot: "by-hand"}))
	w.delete(id)
	w.delete(id)
	w.delete("nonsense")
	w.deleteSnapshot("nonsense")
	if _, err := w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no identifier: got %v", err)
	}
}

// quicker is a cluster on which another call is done with a clone right before this one makes it, and yet another one begins
// right after.
type quicker struct {
	ceph.Client
	before, after func()
}

func (q *quicker) CloneImage(ctx context.Context, parent ceph.SnapshotRef, child ceph.ImageSpec) error {
	before, after := q.before, q.after
	q.before, q.after = func() {}, func() {}
	before()
	defer after()
	return q.Client.CloneImage(ctx, parent, child)
}

// TestOvertaken: the process goes on with a call whose caller has given up, beside the one that repeats it.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	base := ceph.SnapshotRef{ImageRef: imageOf("fast", handle.ImageOf("v")), Snapshot: handle.ImageOf("c")}
	for name, again := range map[string]bool{"done": false, "done, and begun again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			source := w.create(asked("v", gibibyte))
			request := fromVolume(asked("c", gibibyte), source)
			w.connect(&quicker{w.admin, func() { w.ok(w.admin.RemoveSnapshot(t.Context(), base)) }, func() {
				if again {
					w.ok(w.admin.CreateSnapshot(t.Context(), base))
				}
			}})
			if _, err := w.server.CreateVolume(t.Context(), request); status.Code(err) != codes.Aborted {
				t.Errorf("overtaken: got %v, want it to be asked again", err)
			}
			w.create(request)
		})
	}
}
