package controller

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
)

// TestResumeClone meets clones that librbd was making when the process died: still with its parent's metadata, or not even tied to
// its parent. Those without the mark of origin are made anew.
func TestResumeClone(t *testing.T) {
	t.Parallel()
	clone := imageOf("fast", handle.ImageOf("c"))
	source := imageOf("fast", handle.ImageOf("v"))
	base := ceph.SnapshotRef{ImageRef: source, Snapshot: clone.Name}
	tests := map[string]struct {
		half func(*world)
		anew bool
	}{
		"with its parent's metadata": {func(w *world) {
			metadata, err := w.admin.ImageMetadata(w.t.Context(), source)
			w.ok(err)
			metadata[ceph.ImageKeyGeneration] = "7"
			w.ok(w.admin.CloneImage(w.t.Context(), base, ceph.ImageSpec{ImageRef: clone, Metadata: metadata}))
		}, true},
		"without metadata": {func(w *world) {
			w.ok(w.admin.CloneImage(w.t.Context(), base, ceph.ImageSpec{ImageRef: clone}))
		}, true},
		"without a parent": {func(w *world) {
			w.ok(w.admin.CreateImage(w.t.Context(), ceph.ImageSpec{ImageRef: clone, Size: gibibyte}))
		}, true},
		"marked, without a record": {func(w *world) {
			origin := map[string]string{ceph.ImageKeyOrigin: clone.Name + " of seamount/main/fast/" + source.Name}
			w.ok(w.admin.CloneImage(w.t.Context(), base, ceph.ImageSpec{ImageRef: clone, Metadata: origin}))
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newWorld(t)
			whole.create(fromVolume(asked("c", gibibyte), whole.create(asked("v", gibibyte))))
			w := newWorld(t)
			id := w.create(asked("v", gibibyte))
			w.ok(w.admin.CreateSnapshot(w.t.Context(), base))
			tt.half(w)
			before, err := w.admin.Image(t.Context(), clone)
			w.ok(err)
			w.repeat(func() error {
				_, err := w.server.CreateVolume(t.Context(), fromVolume(asked("c", gibibyte), id))
				return err
			})
			after, err := w.admin.Image(t.Context(), clone)
			w.ok(err)
			if anew := after.ID != before.ID; anew != tt.anew {
				t.Errorf("made anew: %t, want %t", anew, tt.anew)
			}
			if diff := cmp.Diff(whole.look(), w.look()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestForeignClone finds an image of the clone's name that is somebody else's.
func TestForeignClone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	ref := imageOf("fast", handle.ImageOf("c"))
	w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
	w.write(ref, mebibyte)
	before := w.look()
	_, err := w.server.CreateVolume(t.Context(), fromVolume(asked("c", gibibyte), id))
	if status.Code(err) != codes.AlreadyExists || !strings.Contains(err.Error(), "holds data") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, w.look()); diff != "" {
		t.Errorf("it was changed (-before +after):\n%s", diff)
	}
}

// TestOpenAndUnfinished finds an image of its name that has no record and that a client has open, as one of a process that died
// does for half a minute: the call is repeated, and goes on with the image once nobody has it open.
func TestOpenAndUnfinished(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]bool{"empty": false, "clone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			request := asked("c", gibibyte)
			if source {
				request = fromVolume(request, w.create(asked("v", gibibyte)))
			}
			ref := imageOf("fast", handle.ImageOf("c"))
			w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
			open, err := w.cluster.OpenImage(ref, "10.9.9.9")
			w.ok(err)
			open.Crash()
			before := w.look()
			if _, err := w.server.CreateVolume(t.Context(), request); status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), open.Client()) {
				t.Errorf("got %v", err)
			}
			_, err = w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: "seamount/main/fast/" + ref.Name})
			if status.Code(err) != codes.FailedPrecondition {
				t.Errorf("delete: got %v", err)
			}
			if diff := cmp.Diff(before, w.look()); diff != "" {
				t.Errorf("it was changed (-before +after):\n%s", diff)
			}
			w.cluster.Advance(31 * time.Second)
			w.repeat(func() error { _, err := w.server.CreateVolume(t.Context(), request); return err })
		})
	}
}

// headless is a cluster in which an image's name is taken and there is no image.
type headless struct {
	session.Ceph
	left bool
}

func (h *headless) CreateImage(ctx context.Context, spec ceph.ImageSpec) error {
	if h.left {
		return &ceph.Error{Op: "rbd create", Target: spec.String(), Kind: ceph.ErrExists}
	}
	return h.Ceph.CreateImage(ctx, spec)
}

func (h *headless) RemoveImage(ctx context.Context, ref ceph.ImageRef) error {
	if h.left {
		h.left = false
		return nil
	}
	return h.Ceph.RemoveImage(ctx, ref)
}

// halfMade is a cluster in which a snapshot was noted and not finished: it is listed, and cannot be cloned.
type halfMade struct {
	session.Ceph
	left bool
}

func (h *halfMade) CloneImage(ctx context.Context, from ceph.SnapshotRef, to ceph.ImageSpec) error {
	if h.left {
		return &ceph.Error{Op: "rbd clone", Target: to.String(), Kind: ceph.ErrNotFound}
	}
	return h.Ceph.CloneImage(ctx, from, to)
}

func (h *halfMade) RemoveSnapshot(ctx context.Context, ref ceph.SnapshotRef) error {
	h.left = false
	return h.Ceph.RemoveSnapshot(ctx, ref)
}

// TestHalfMadeBase makes the snapshot anew that a clone is made of when its making was cut short.
func TestHalfMadeBase(t *testing.T) {
	t.Parallel()
	whole := newWorld(t)
	whole.create(fromVolume(asked("c", gibibyte), whole.create(asked("v", gibibyte))))
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	w.ok(w.admin.CreateSnapshot(t.Context(), ceph.SnapshotRef{ImageRef: imageOf("fast", handle.ImageOf("v")), Snapshot: handle.ImageOf("c")}))
	w.through(&halfMade{Ceph: w.admin, left: true})
	attempt := func() error {
		_, err := w.server.CreateVolume(t.Context(), fromVolume(asked("c", gibibyte), id))
		return err
	}
	if err := attempt(); status.Code(err) != codes.Aborted {
		t.Errorf("got %v", err)
	}
	w.ok(attempt())
	if diff := cmp.Diff(whole.look(), w.look()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type oneSession session.Session

func (o oneSession) Session(context.Context, types.NamespacedName) (session.Session, error) {
	return session.Session(o), nil
}

func (o oneSession) Clusters() []types.NamespacedName { return []types.NamespacedName{o.Cluster} }

// through lets the server reach its cluster through what stands in for it.
func (w *world) through(c session.Ceph) {
	w.server.sessions = oneSession{Cluster: types.NamespacedName{Namespace: "seamount", Name: "main"}, Ceph: c}
}

// TestHeadless leaves a name without an image to whoever may be making it, and clears it away after a minute.
func TestHeadless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left := &headless{Ceph: w.admin, left: true}
	w.through(left)
	w.clearsAway(asked("v", gibibyte), func() bool { return left.left })
}

// clearsAway asks for a volume whose name is taken by what was cut short: that is left alone for a minute, then it goes, and the
// volume is made.
func (w *world) clearsAway(request *csi.CreateVolumeRequest, left func() bool) {
	w.t.Helper()
	attempt := func() error {
		_, err := w.server.CreateVolume(w.t.Context(), request)
		return err
	}
	for range 3 {
		if err := attempt(); status.Code(err) != codes.Aborted || !left() {
			w.t.Fatalf("got %v, cleared away: %t", err, !left())
		}
		w.now = w.now.Add(19 * time.Second)
	}
	w.now = w.now.Add(10 * time.Second)
	if err := attempt(); status.Code(err) != codes.Aborted || left() {
		w.t.Errorf("got %v, cleared away: %t", err, !left())
	}
	w.ok(attempt())
}

// TestIncomplete finds an image that librbd had not made all of when it was killed: it is cleared away as a name without one is.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]bool{"empty": false, "clone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(w *world) *csi.CreateVolumeRequest {
				if source {
					return fromVolume(asked("c", gibibyte), w.create(asked("v", gibibyte)))
				}
				return asked("c", gibibyte)
			}
			whole, w := newWorld(t), newWorld(t)
			whole.create(ask(whole))
			request, ref := ask(w), imageOf("fast", handle.ImageOf("c"))
			w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
			w.ok(w.cluster.CutShort(ref))
			w.clearsAway(request, func() bool {
				_, err := w.admin.Image(t.Context(), ref)
				return err == nil
			})
			if diff := cmp.Diff(whole.look(), w.look()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unopened is a cluster in which no image can be opened, since what each reads from is gone.
type unopened struct{ session.Ceph }

func (u unopened) InspectImage(_ context.Context, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	return ceph.ImageDetail{}, &ceph.Error{Op: "rbd info", Target: ref.String(), Kind: ceph.ErrNotFound}
}

func (u unopened) InspectImageByID(_ context.Context, pool, id string) (ceph.ImageDetail, error) {
	return ceph.ImageDetail{}, &ceph.Error{Op: "rbd info", Target: pool + "/" + id, Kind: ceph.ErrNotFound}
}

// TestUnopenedVolume does not take a volume that cannot be opened for a name without an image, however long that lasts.
func TestUnopenedVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(asked("v", gibibyte))
	before := w.look()
	w.through(unopened{w.admin})
	for _, want := range []codes.Code{codes.Aborted, codes.FailedPrecondition, codes.FailedPrecondition} {
		if _, err := w.server.CreateVolume(t.Context(), asked("v", gibibyte)); status.Code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
		w.now = w.now.Add(61 * time.Second)
	}
	if diff := cmp.Diff(before, w.look()); diff != "" {
		t.Errorf("it was changed (-before +after):\n%s", diff)
	}
}

// TestSweepUnopened goes on with purges that were cut short, and leaves alone what somebody else put into the trash.
func TestSweepUnopened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, metadata := range map[string]map[string]string{"v": {ceph.ImageKeyDeleting: "v"}, "theirs": nil} {
		ref := imageOf("fast", handle.ImageOf(name))
		w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte, Metadata: metadata}))
		w.ok(w.admin.TrashImage(t.Context(), ref, 0))
	}
	swept, err := Sweep(t.Context(), unopened{w.admin}, "fast")
	w.ok(err)
	left, err := w.admin.ListTrash(t.Context(), "fast")
	w.ok(err)
	if swept != 1 || len(left) != 1 || left[0].Name != handle.ImageOf("theirs") {
		t.Errorf("%d swept, left %+v", swept, left)
	}
}

// overtaking is a cluster in which another process marks a clone between two looks at it.
type overtaking struct {
	session.Ceph
	looks int
	mark  func() error
}

func (o *overtaking) InspectImage(ctx context.Context, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	if ref.Name == handle.ImageOf("c") {
		if o.looks++; o.looks == 2 {
			if err := o.mark(); err != nil {
				return ceph.ImageDetail{}, err
			}
		}
	}
	return o.Ceph.InspectImage(ctx, ref)
}

// TestNotMadeAnew leaves a clone alone that looked cut short, and that another process was just making.
func TestNotMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	clone := imageOf("fast", handle.ImageOf("c"))
	base := ceph.SnapshotRef{ImageRef: imageOf("fast", handle.ImageOf("v")), Snapshot: clone.Name}
	w.ok(w.admin.CreateSnapshot(t.Context(), base))
	w.ok(w.admin.CloneImage(t.Context(), base, ceph.ImageSpec{ImageRef: clone}))
	before, err := w.admin.Image(t.Context(), clone)
	w.ok(err)
	w.through(&overtaking{Ceph: w.admin, mark: func() error {
		return w.admin.SetImageMetadata(t.Context(), clone, ceph.ImageKeyOrigin, clone.Name+" of seamount/main/fast/"+base.Name)
	}})
	if _, err := w.server.CreateVolume(t.Context(), fromVolume(asked("c", gibibyte), id)); status.Code(err) != codes.Aborted {
		t.Errorf("got %v", err)
	}
	_, err = w.server.CreateVolume(t.Context(), fromVolume(asked("c", gibibyte), id))
	w.ok(err)
	after, err := w.admin.Image(t.Context(), clone)
	w.ok(err)
	if after.ID != before.ID {
		t.Errorf("it was made anew: %s became %s", before.ID, after.ID)
	}
}

// TestLostObjectMap says of a volume that cannot have a snapshot what to do.
func TestLostObjectMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	w.ok(w.cluster.CutShort(imageOf("fast", handle.ImageOf("v"))))
	before := w.look()
	_, err := w.server.CreateSnapshot(t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: id})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "rbd object-map rebuild fast/"+handle.ImageOf("v")) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, w.look()); diff != "" {
		t.Errorf("something is left (-want +got):\n%s", diff)
	}
}
