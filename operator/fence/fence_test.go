package fence

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/plan"
)

// world is a cluster with a pool of ours, and images that two nodes write.
type world struct {
	*testing.T
	*sim.Client
	cluster *sim.Cluster
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, cluster.Admin(), cluster}
	for _, host := range []string{"s1", "s2", "s3"} {
		_, err := cluster.AddHost(sim.Host{Name: host, OSDs: 1})
		w.must(err)
	}
	w.pool("fast", true)
	w.pool("by-hand", false)
	for _, node := range []string{"n1", "n2"} {
		_, err := w.EnsureEntity(t.Context(), keys.NameNode(node), keys.NodeCaps())
		w.must(err)
	}
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) pool(name string, ours bool) {
	w.Helper()
	ctx := w.Context()
	w.must(w.CreatePool(ctx, ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 8}))
	w.must(w.EnableApplication(ctx, name, plan.ApplicationRBD))
	if ours {
		w.must(w.SetApplicationValue(ctx, name, plan.ApplicationRBD, plan.PoolOwnerKey, plan.PoolOwner(name)))
	}
	w.must(w.InitImagePool(ctx, name))
}

// volume makes an image that a node has open, with the client's address recorded.
func (w *world) volume(pool, image, node, ip string) *sim.ImageHandle {
	w.Helper()
	ref := ceph.ImageRef{Pool: pool, Name: image}
	err := w.CreateImage(w.Context(), ceph.ImageSpec{ImageRef: ref, Size: 1 << 30})
	if err != nil && !errors.Is(err, ceph.ErrExists) {
		w.Fatal(err)
	}
	handle, err := w.cluster.OpenImage(ref, ip)
	w.must(err)
	w.must(w.SetImageMetadata(w.Context(), ref, ceph.ImageKeyClient(node), handle.Addr()))
	return handle
}

func (w *world) fence(node Node) Report {
	w.Helper()
	report, err := Fence(w.Context(), w, node, w.cluster.Now())
	w.must(err)
	return report
}

// A fenced node writes no more, whatever it had open; another goes on, also on a volume that both have.
func TestFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost := []*sim.ImageHandle{w.volume("fast", "pvc-1", "n1", "10.0.0.1"), w.volume("fast", "pvc-2", "n1", "10.0.0.1"), w.volume("fast", "shared", "n1", "10.0.0.1")}
	healthy := []*sim.ImageHandle{w.volume("fast", "pvc-3", "n2", "10.0.0.2"), w.volume("fast", "shared", "n2", "10.0.0.2")}
	report := w.fence(Node{"n1", "boot-1"})
	want := Report{User: "client.seamount-node-n1", Addresses: report.Addresses}
	if diff := cmp.Diff(want, report); diff != "" || len(report.Addresses) != 3 {
		t.Errorf("%d addresses; %s", len(report.Addresses), diff)
	}
	for _, handle := range lost {
		if handle.Write(1) == nil {
			t.Error("the fenced node writes")
		}
	}
	for _, handle := range healthy {
		if err := handle.Write(1); err != nil {
			t.Errorf("the other node does not write: %v", err)
		}
	}
	user, err := w.Entity(t.Context(), "client.seamount-node-n1")
	w.must(err)
	if boot, fenced := keys.FencedBoot(user.Caps); !fenced || boot != "boot-1" {
		t.Errorf("the user's capabilities: %v", user.Caps)
	}
	client, err := w.cluster.Client(user.Name, user.Key)
	w.must(err)
	if _, err := client.ListImages(t.Context(), "fast"); !errors.Is(err, ceph.ErrPermission) {
		t.Errorf("the fenced user reads: %v", err)
	}
}

// files makes a filesystem with two ranks.
func (w *world) files(name string) {
	w.Helper()
	ctx := w.Context()
	for _, pool := range []string{name + "-metadata", name + "-data"} {
		w.must(w.CreatePool(ctx, ceph.PoolSpec{Name: pool, Type: ceph.Replicated, PGs: 8}))
	}
	w.must(w.CreateFilesystem(ctx, name, name+"-metadata", name+"-data"))
	w.must(w.SetFilesystemOption(ctx, name, "max_mds", "2"))
	w.cluster.StartMDS(name + "-a")
	w.cluster.StartMDS(name + "-b")
	w.cluster.Advance(time.Minute)
}

func (w *world) mount(filesystem, node, ip string) *sim.FileHandle {
	w.Helper()
	handle, err := w.cluster.MountFiles(filesystem, keys.NameNode(node), ip)
	w.must(err)
	return handle
}

// The sessions of a fenced node end, with every rank of every filesystem, and those of other nodes go on. Its addresses stay
// on the blocklist for years, although an eviction puts them there for an hour.
func TestFenceEndsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files("home")
	w.files("scratch")
	lost := []*sim.FileHandle{w.mount("home", "n1", "10.0.0.1"), w.mount("home", "n1", "10.0.0.1"), w.mount("scratch", "n1", "10.0.0.1")}
	healthy := []*sim.FileHandle{w.mount("home", "n2", "10.0.0.2"), w.mount("scratch", "n2", "10.0.0.2"), w.mount("home", "n11", "10.0.0.1")}
	if report := w.fence(Node{"n1", "boot-1"}); len(report.Addresses) != len(lost) {
		t.Errorf("blocked %v", report.Addresses)
	}
	w.cluster.Advance(2 * time.Hour)
	for _, handle := range lost {
		if handle.Write() == nil {
			t.Error("the fenced node writes")
		}
	}
	for _, handle := range healthy {
		if err := handle.Write(); err != nil {
			t.Errorf("another node does not write: %v", err)
		}
	}
	for _, fs := range []string{"home", "scratch"} {
		for rank := range 2 {
			left, err := w.FileSessions(t.Context(), ceph.RankRef{Filesystem: fs, Rank: rank}, keys.NameNode("n1"))
			if err != nil || len(left) > 0 {
				t.Errorf("%s:%d has %v, %v", fs, rank, left, err)
			}
		}
	}
	before := w.cluster.Calls()
	w.fence(Node{"n1", "boot-1"})
	for _, call := range []string{"AddBlocklist", "EvictFileSessions", "SetCaps"} {
		if after := w.cluster.Calls(); after[call] != before[call] {
			t.Errorf("the second time: %s", call)
		}
	}
}

// slow is a client with which time passes at each call.
type slow struct{ *world }

func (s slow) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	err := s.world.AddBlocklist(ctx, addr, d)
	s.cluster.Advance(time.Second)
	return err
}

// Metadata servers end the sessions of who is on the blocklist by themselves: their addresses are told and read back although
// no session is left to know them from.
func TestFenceRemembersSessionsThatEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files("home")
	handle, healthy := w.mount("home", "n1", "10.0.0.1"), w.mount("home", "n2", "10.0.0.2")
	report, err := Fence(t.Context(), slow{w}, Node{"n1", "boot-1"}, w.cluster.Now())
	w.must(err)
	if diff := cmp.Diff([]string{handle.Addr()}, report.Addresses); diff != "" {
		t.Error(diff)
	}
	if w.cluster.Calls()["EvictFileSessions"] > 0 || handle.Write() == nil {
		t.Error("the session did not end by itself")
	}
	w.must(healthy.Write())
}

// As long as a session may be left, the node is not fenced, and it is told why.
func TestFenceFailsWhileSessionsMayBeLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(w *world)
		says  string
	}{
		"the sessions cannot be read":  {func(w *world) { w.cluster.Inject(sim.Fault{Calls: "FileSessions", Times: 1, Effect: sim.Again()}) }, "list the sessions"},
		"the sessions cannot be ended": {func(w *world) { w.cluster.Inject(sim.Fault{Calls: "EvictFileSessions", Times: 1, Effect: sim.Again()}) }, "end the sessions"},
		"a rank has no server":         {func(w *world) { w.cluster.StopMDS("home-b") }, "rank 1 has no server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.files("home")
			handle := w.mount("home", "n1", "10.0.0.1")
			test.spoil(w)
			if _, err := Fence(t.Context(), w, Node{"n1", "boot-1"}, w.cluster.Now()); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("fenced: %v", err)
			}
			w.cluster.StartMDS("home-b")
			w.cluster.Advance(time.Minute)
			w.fence(Node{"n1", "boot-1"})
			if handle.Write() == nil {
				t.Error("the fenced node writes")
			}
		})
	}
}

// A fence that is repeated changes nothing, and one that was cut short is completed.
func TestFenceAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.volume("fast", "pvc-1", "n1", "10.0.0.1")
	w.volume("fast", "pvc-2", "n1", "10.0.0.1")
	broken := errors.New("the connection broke")
	cut := &failing{Client: w, blocks: 1, err: broken}
	if _, err := Fence(t.Context(), cut, Node{"n1", "boot-1"}, w.cluster.Now()); !errors.Is(err, broken) {
		t.Fatalf("cut short: %v", err)
	}
	if report := w.fence(Node{"n1", "boot-1"}); len(report.Addresses) != 2 {
		t.Errorf("blocked %v", report.Addresses)
	}
	counting := &failing{Client: w, blocks: 1000}
	if _, err := Fence(t.Context(), counting, Node{"n1", "boot-1"}, w.cluster.Now()); err != nil || counting.wrote > 0 {
		t.Errorf("%d writes the second time, %v", counting.wrote, err)
	}
}

// failing lets some addresses be blocked, and counts writes.
type failing struct {
	Client
	blocks, wrote int
	err           error
}

func (f *failing) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	f.wrote++
	if f.blocks--; f.blocks < 0 {
		return f.err
	}
	return f.Client.AddBlocklist(ctx, addr, d)
}

func (f *failing) SetCaps(ctx context.Context, entity string, caps ceph.Caps) error {
	f.wrote++
	return f.Client.SetCaps(ctx, entity, caps)
}

// late lets a client of the node record its address after the images were read.
type late struct {
	Client
	record func()
}

func (l *late) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	if l.record != nil {
		l.record()
		l.record = nil
	}
	return l.Client.AddBlocklist(ctx, addr, d)
}

func TestFenceSeesClientsThatAppearMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.volume("fast", "pvc-1", "n1", "10.0.0.1")
	var handle *sim.ImageHandle
	l := &late{w, func() { handle = w.volume("fast", "pvc-2", "n1", "10.0.0.1") }}
	report, err := Fence(t.Context(), l, Node{"n1", "boot-1"}, w.cluster.Now())
	if err != nil || len(report.Addresses) != 2 {
		t.Errorf("blocked %v, %v", report.Addresses, err)
	}
	if handle.Write(1) == nil {
		t.Error("the client that came late writes")
	}
}

// meddling gives capabilities back before they are read back, or does not put an address on the list.
type meddling struct {
	Client
	caps, block bool
}

func (m *meddling) Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error) {
	if m.caps {
		if err := m.SetCaps(ctx, keys.NameNode("n1"), keys.NodeCaps()); err != nil {
			return nil, err
		}
	}
	return m.Client.Blocklist(ctx)
}

func (m *meddling) AddBlocklist(ctx context.Context, addr string, d time.Duration) error {
	if m.block {
		return nil
	}
	return m.Client.AddBlocklist(ctx, addr, d)
}

func TestFenceIsReadBack(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]meddling{"capabilities": {caps: true}, "blocklist": {block: true}} {
		w := newWorld(t)
		w.volume("fast", "pvc-1", "n1", "10.0.0.1")
		m.Client = w
		if _, err := Fence(t.Context(), &m, Node{"n1", "boot-1"}, w.cluster.Now()); !errors.Is(err, ErrNotFenced) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFenceOfAnUnknownNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if report := w.fence(Node{"n9", "boot"}); report.User != "" || len(report.Addresses) > 0 {
		t.Errorf("fenced %+v", report)
	}
}

// Only another boot of the node gets its capabilities back, and the addresses stay where they are.
func TestUnfence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handle := w.volume("fast", "pvc-1", "n1", "10.0.0.1")
	w.must(Unfence(t.Context(), w, Node{"n1", "boot-1"})) // is not fenced
	w.fence(Node{"n1", "boot-1"})
	for _, boot := range []string{"boot-1", ""} {
		if err := Unfence(t.Context(), w, Node{"n1", boot}); !errors.Is(err, ErrSameBoot) {
			t.Errorf("boot %q: %v", boot, err)
		}
	}
	w.must(Unfence(t.Context(), w, Node{"n1", "boot-2"}))
	user, err := w.Entity(t.Context(), keys.NameNode("n1"))
	w.must(err)
	if diff := cmp.Diff(keys.NodeCaps(), user.Caps); diff != "" {
		t.Error(diff)
	}
	if handle.Write(1) == nil {
		t.Error("a client of the former boot writes")
	}
	w.must(Unfence(t.Context(), w, Node{"n9", "boot"}))
}

// A fence in a boot that nobody knows can be lifted by hand only.
func TestUnfenceOfAnUnknownBoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fence(Node{"n1", ""})
	if err := Unfence(t.Context(), w, Node{"n1", "boot-2"}); !errors.Is(err, ErrSameBoot) {
		t.Error(err)
	}
}
