package audit

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// world is a simulated cluster and the auditor of it.
type world struct {
	*testing.T
	cluster *sim.Cluster
	admin   *sim.Client
	known   Known
	now     time.Time
	told    []Finding
	auditor *Auditor
	fail    error
	// unopened are images that cannot be opened.
	unopened map[string]bool
}

// parentless is a cluster in which some images cannot be opened, since what they read from is gone.
type parentless struct {
	session.Ceph
	names map[string]bool
}

func (p parentless) InspectImage(ctx context.Context, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	if p.names[ref.Name] {
		return ceph.ImageDetail{}, &ceph.Error{Op: "rbd info", Target: ref.String(), Kind: ceph.ErrNotFound}
	}
	return p.Ceph.InspectImage(ctx, ref)
}

func (w *world) Session(context.Context, types.NamespacedName) (session.Session, error) {
	return session.Session{Cluster: w.Clusters()[0], Ceph: parentless{w.admin, w.unopened}}, w.fail
}

func (w *world) Clusters() []types.NamespacedName {
	return []types.NamespacedName{{Namespace: "seamount", Name: "main"}}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: 1, Mons: []string{"a"}, Mgrs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := c.AddHost(sim.Host{Name: fmt.Sprintf("node%d", n), OSDs: 1, Size: 10 << 30}); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(10 * time.Second)
	w := &world{T: t, cluster: c, admin: c.Admin(), now: time.Unix(1e9, 0)}
	w.ok(w.admin.CreatePool(t.Context(), ceph.PoolSpec{Name: "fast", Type: ceph.Replicated, PGs: 4}))
	w.ok(w.admin.EnableApplication(t.Context(), "fast", "rbd"))
	w.ok(w.admin.SetApplicationValue(t.Context(), "fast", "rbd", "seamount.owner", "StoragePool/fast"))
	c.Advance(time.Minute)
	w.auditor = &Auditor{
		Sessions: w, Now: func() time.Time { return w.now }, Log: logr.Discard(),
		Known: func(context.Context) (Known, error) { return w.known, nil },
		Tell:  func(_ context.Context, f Finding) { w.told = append(w.told, f) },
	}
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected: %v", err)
	}
}

// image makes an image, with a record when it is complete.
func (w *world) image(name string, complete bool) ceph.ImageRef {
	w.Helper()
	spec := ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "fast", Name: name}, Size: 1 << 30}
	if complete {
		record, err := volume.Record{Kind: volume.Volume, Image: name, Request: name}.Encode()
		w.ok(err)
		spec.Metadata = map[string]string{ceph.ImageKeyVolume: record}
	}
	w.ok(w.admin.CreateImage(w.Context(), spec))
	return spec.ImageRef
}

func numbered(n int) string { return fmt.Sprintf("pvc-00000000-0000-4000-8000-%012d", n) }

func (w *world) pass(after time.Duration) {
	w.Helper()
	w.now = w.now.Add(after)
	w.ok(w.auditor.Pass(w.Context()))
}

func (w *world) images() string {
	w.Helper()
	names, err := w.admin.ListImages(w.Context(), "fast")
	w.ok(err)
	return strings.Join(names, " ")
}

// TestAudit leaves everything alone for ten minutes, tells once, and removes what is provably ours and unused.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.image(numbered(1), false) // half-made
	w.image(numbered(2), true)  // forgotten, and blank
	full := w.image(numbered(3), true)
	h, err := w.cluster.OpenImage(full, "10.0.0.9")
	w.ok(err)
	w.ok(h.Write(1))
	h.Close()
	w.image(numbered(4), true) // in use
	w.image("by-hand", false)
	w.known = Known{
		Handles:  map[string]string{of(numbered(4)).String(): "PersistentVolume a", of(numbered(9)).String(): "PersistentVolume lost"},
		Requests: map[string]bool{},
	}
	w.pass(0)
	w.pass(9 * time.Minute)
	all := w.images()
	if len(w.told) != 0 || strings.Count(all, "pvc-") != 4 {
		t.Errorf("after nine minutes: told %+v, left %s", w.told, all)
	}
	w.pass(2 * time.Minute)
	w.pass(5 * time.Minute)
	if want := strings.Join([]string{"by-hand", numbered(3), numbered(4)}, " "); w.images() != want {
		t.Errorf("left %s, want %s", w.images(), want)
	}
	reasons := map[Reason]int{}
	for _, f := range w.told {
		reasons[f.Reason]++
	}
	if reasons[Unfinished] != 1 || reasons[Orphaned] != 2 || reasons[Missing] != 1 {
		t.Errorf("told %+v", w.told)
	}
	if n := testutil.CollectAndCount(w.auditor); n != 2 {
		t.Errorf("%d series, want one of Orphaned and one of Missing", n)
	}
}

// TestAuditCutShort removes a clone that was never marked, with what it was to be made of, and keeps a volume that cannot be opened.
func TestAuditCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source, clone := w.image(numbered(1), true), ceph.ImageRef{Pool: "fast", Name: numbered(2)}
	base := ceph.SnapshotRef{ImageRef: source, Snapshot: clone.Name}
	w.ok(w.admin.CreateSnapshot(t.Context(), base))
	w.ok(w.admin.CloneImage(t.Context(), base, ceph.ImageSpec{ImageRef: clone}))
	w.image(numbered(3), true)
	w.image(numbered(4), false)
	w.unopened = map[string]bool{numbered(3): true, numbered(4): true}
	w.known = Known{Handles: map[string]string{of(numbered(1)).String(): "PersistentVolume a"}, Requests: map[string]bool{}}
	w.pass(0)
	w.pass(11 * time.Minute)
	if want := numbered(1) + " " + numbered(3); w.images() != want {
		t.Errorf("left %s, want %s", w.images(), want)
	}
	if snaps, err := w.admin.ListSnapshots(t.Context(), source); err != nil || len(snaps) != 0 {
		t.Errorf("the source has snapshots %+v (%v)", snaps, err)
	}
	reasons := map[string]Reason{}
	for _, f := range w.told {
		reasons[f.Handle.Name()] = f.Reason
	}
	want := map[string]Reason{numbered(2): Unfinished, numbered(3): Orphaned, numbered(4): Headless}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestAuditComesBack looks again before it removes: a claim of the image may have come back into sight.
func TestAuditComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.image(numbered(1), true)
	w.pass(0)
	calls := 0
	w.auditor.Known = func(context.Context) (Known, error) {
		if calls++; calls > 1 {
			return Known{Requests: map[string]bool{numbered(1): true}}, nil
		}
		return Known{}, nil
	}
	w.pass(11 * time.Minute)
	if w.images() != numbered(1) {
		t.Errorf("left %q", w.images())
	}
}

// TestAuditSweeps purges parents that nothing reads any more, and leaves alone what somebody else put into the trash.
func TestAuditSweeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours, theirs := w.image(numbered(1), true), w.image(numbered(2), true)
	w.ok(w.admin.SetImageMetadata(t.Context(), ours, ceph.ImageKeyDeleting, ours.Name))
	w.ok(w.admin.TrashImage(t.Context(), ours, 0))
	w.ok(w.admin.TrashImage(t.Context(), theirs, 0))
	w.pass(0)
	trash, err := w.admin.ListTrash(t.Context(), "fast")
	w.ok(err)
	if len(trash) != 1 || trash[0].Name != theirs.Name {
		t.Errorf("in the trash: %+v", trash)
	}
}

// TestAuditBlind judges nothing that it could not list.
func TestAuditBlind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known.Handles = map[string]string{of(numbered(1)).String(): "PersistentVolume a"}
	w.fail = &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable}
	for range 3 {
		w.now = w.now.Add(time.Hour)
		if err := w.auditor.Pass(t.Context()); err == nil {
			t.Error("the pass did not say that it saw nothing")
		}
	}
	if len(w.told) != 0 {
		t.Errorf("told %+v", w.told)
	}
}
