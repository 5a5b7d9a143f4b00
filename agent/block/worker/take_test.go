package worker

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph"
)

const (
	own         = "10.0.0.1:0/11"
	predecessor = "10.0.0.1:0/10"
	stranger    = "10.0.0.2:0/20"
)

// fakeImage is an image in memory. done records what was done to it, in order.
type fakeImage struct {
	content  []byte
	lockers  []ceph.Locker
	metadata map[string]string
	fail     map[string]error
	done     []string
}

func (f *fakeImage) do(what string) error {
	f.done = append(f.done, what)
	return f.fail[what]
}

func (f *fakeImage) Size() (int64, error) { return int64(len(f.content)), nil }
func (f *fakeImage) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.content)) {
		return 0, errors.New("librbd has an error behind the end")
	}
	n := copy(p, f.content[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, f.fail["read"]
}
func (f *fakeImage) WriteAt(p []byte, off int64) (int, error) {
	return copy(f.content[off:], p), f.do("write")
}
func (f *fakeImage) Discard(off, length int64) error {
	if off+length > int64(len(f.content)) {
		return errors.New("behind the end")
	}
	return f.do("discard")
}
func (f *fakeImage) Flush() error                         { return f.do("flush") }
func (f *fakeImage) Lockers() ([]ceph.Locker, error)      { return f.lockers, f.fail["lockers"] }
func (f *fakeImage) BreakLock(l ceph.Locker) error        { return f.do("break " + l.Addr) }
func (f *fakeImage) Lock() error                          { return f.do("lock") }
func (f *fakeImage) Metadata() (map[string]string, error) { return maps.Clone(f.metadata), nil }
func (f *fakeImage) SetMetadata(key, value string) error {
	if f.metadata == nil {
		f.metadata = map[string]string{}
	}
	f.metadata[key] = value
	return f.do("set " + key + "=" + value)
}
func (f *fakeImage) RemoveMetadata(key string) error {
	delete(f.metadata, key)
	return f.do("remove " + key)
}
func (f *fakeImage) Blank() (bool, error) { return false, nil }
func (f *fakeImage) Close() error         { return f.do("close") }

// fakeCluster has one image.
type fakeCluster struct {
	image *fakeImage
	list  []ceph.BlocklistEntry
}

func (f *fakeCluster) Address() string                         { return own }
func (f *fakeCluster) Open(ceph.ImageRef, bool) (Image, error) { return f.image, nil }
func (f *fakeCluster) Blocklist(context.Context) ([]ceph.BlocklistEntry, error) {
	return f.list, nil
}
func (f *fakeCluster) AddBlocklist(_ context.Context, address string, _ time.Duration) error {
	return f.image.do("fence " + address)
}

func locker(address string) []ceph.Locker { return []ceph.Locker{{Client: "client.1", Addr: address}} }

const (
	setOwn        = "set seamount.client.node=" + own
	setGeneration = "set seamount.generation="
)

func TestTake(t *testing.T) {
	t.Parallel()
	mine := map[string]string{"seamount.client.node": predecessor, "seamount.generation": "4"}
	theirs := map[string]string{"seamount.client.other": stranger, "seamount.generation": "4"}
	takeover := Attach{Access: block.SingleNode, Takeover: true, Generation: 4}
	takeover.Predecessors = []string{predecessor}
	for name, c := range map[string]struct {
		asked      Attach
		lockers    []ceph.Locker
		metadata   map[string]string
		fenced     []string
		fail       map[string]error
		generation uint64
		code       block.Code
		done       []string
	}{
		"a new image": {asked: Attach{Access: block.SingleNode}, generation: 1, done: []string{setOwn, "lock", setGeneration + "1"}},
		"an image that was used": {asked: Attach{Access: block.SingleNode}, metadata: theirs, generation: 5,
			done: []string{setOwn, "lock", setGeneration + "5"}},
		"a lock that this node's dead worker left": {asked: Attach{Access: block.SingleNode}, lockers: locker(predecessor), metadata: mine, generation: 5,
			done: []string{"fence " + predecessor, "break " + predecessor, "lock", setOwn, setGeneration + "5"}},
		"another node's lock":     {asked: Attach{Access: block.SingleNode}, lockers: locker(stranger), metadata: theirs, code: block.Locked},
		"nobody knows whose lock": {asked: Attach{Access: block.SingleNode}, lockers: locker(stranger), code: block.Locked},
		"a lock of a fenced node": {asked: Attach{Access: block.SingleNode}, lockers: locker(stranger), metadata: theirs, fenced: []string{stranger}, generation: 5,
			done: []string{"break " + stranger, "lock", setOwn, setGeneration + "5"}},
		"its own lock": {asked: Attach{Access: block.SingleNode}, lockers: locker(own), metadata: map[string]string{"seamount.client.node": own}, code: block.Locked},
		"a lock taken at this moment": {asked: Attach{Access: block.SingleNode}, fail: map[string]error{"lock": ceph.ErrReadOnly}, code: block.Unavailable,
			done: []string{setOwn, "lock"}},
		"no exclusive lock": {asked: Attach{Access: block.SingleNode}, fail: map[string]error{"lock": ceph.ErrInvalid}, code: block.Invalid,
			done: []string{setOwn, "lock"}},
		"who holds the lock is not known": {asked: Attach{Access: block.SingleNode}, fail: map[string]error{"lockers": ceph.ErrTimeout}, code: block.Timeout},
		"a generation that is no number": {asked: Attach{Access: block.SingleNode}, metadata: map[string]string{"seamount.generation": "x"}, code: block.Invalid,
			done: []string{setOwn, "lock"}},

		"takeover":                         {asked: takeover, lockers: locker(predecessor), metadata: mine, generation: 4, done: []string{"break " + predecessor, "lock", setOwn}},
		"takeover, the lock is gone":       {asked: takeover, metadata: mine, generation: 4, done: []string{"lock", setOwn}},
		"takeover, used meanwhile":         {asked: takeover, metadata: map[string]string{"seamount.generation": "5"}, code: block.Superseded, done: []string{"lock"}},
		"takeover, in use now":             {asked: takeover, lockers: locker(stranger), metadata: theirs, code: block.Superseded},
		"takeover, the generation is gone": {asked: takeover, code: block.Superseded, done: []string{"lock"}},

		"readers":                         {asked: Attach{Access: block.MultiNodeReadOnly}, lockers: locker(stranger)},
		"several writers":                 {asked: Attach{Access: block.MultiNode}, lockers: locker(stranger), done: []string{setOwn}},
		"takeover among several writers":  {asked: Attach{Access: block.MultiNode, Takeover: true}, code: block.Superseded},
		"hand-over among several writers": {asked: Attach{Access: block.MultiNode, Takeover: true, Drained: true}, done: []string{setOwn}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := &fakeImage{lockers: c.lockers, metadata: maps.Clone(c.metadata), fail: c.fail}
			cluster := &fakeCluster{image: image}
			for _, a := range c.fenced {
				cluster.list = append(cluster.list, ceph.BlocklistEntry{Addr: a})
			}
			c.asked.Node = "node"
			generation, err := taking{c.asked, cluster, image}.take(t.Context())
			if code := codeOf(err); code != c.code || err == nil && generation != c.generation {
				t.Errorf("generation %d, error %v, want %d, %q", generation, err, c.generation, c.code)
			}
			if diff := cmp.Diff(c.done, image.done); diff != "" {
				t.Errorf("done:\n%s", diff)
			}
		})
	}
}

func codeOf(err error) block.Code {
	if err == nil {
		return ""
	}
	return block.CodeOf(translate(err))
}

// A refusal names the node that holds the lock.
func TestLockedNamesTheHolder(t *testing.T) {
	t.Parallel()
	image := &fakeImage{lockers: locker(stranger), metadata: map[string]string{"seamount.client.other": stranger}}
	_, err := taking{Attach{Access: block.SingleNode}, &fakeCluster{image: image}, image}.take(t.Context())
	var refused *block.Error
	want := &block.Holder{Address: stranger, Client: "client.1", Node: "other"}
	if !errors.As(err, &refused) || !cmp.Equal(refused.Holder, want) {
		t.Errorf("error %v, holder %+v", err, refused)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	remove := "remove seamount.client.node"
	for name, c := range map[string]struct {
		lockers  []ceph.Locker
		metadata map[string]string
		done     []string
	}{
		"nothing":             {},
		"a lock of this node": {locker(predecessor), map[string]string{"seamount.client.node": predecessor}, []string{"fence " + predecessor, "break " + predecessor, "lock", remove}},
		"an address":          {nil, map[string]string{"seamount.client.node": predecessor}, []string{remove}},
		"somebody else's":     {locker(stranger), map[string]string{"seamount.client.other": stranger}, nil},
		"an address, and somebody else's lock": {locker(stranger),
			map[string]string{"seamount.client.node": predecessor, "seamount.client.other": stranger}, []string{remove}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := &fakeImage{lockers: c.lockers, metadata: c.metadata}
			o := Owner{Node: "node"}
			if err := (taking{Attach{Owner: o}, &fakeCluster{image: image}, image}).release(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.done, image.done); diff != "" {
				t.Errorf("done:\n%s", diff)
			}
		})
	}
}

func TestFenced(t *testing.T) {
	t.Parallel()
	const address = "10.1.2.3:0/77"
	for entry, want := range map[string]bool{
		address:                   true,
		"10.1.2.3:0/0":            true,
		"10.1.2.3:0/78":           false,
		"10.1.2.4:0/0":            false,
		"cidr:10.1.0.0:0/16":      true,
		"cidr:10.2.0.0:0/16":      false,
		"cidr:[fd00::]:0/8":       false,
		"nonsense":                false,
		"cidr:nonsense":           false,
		"10.1.2.3:3300/0 and on":  false,
		"[::ffff:10.1.2.3]:0/0":   true,
		"[fd00::1]:0/0":           false,
		"10.1.2.3:6800/123456789": false,
	} {
		if got := fenced([]ceph.BlocklistEntry{{Addr: entry}}, address); got != want {
			t.Errorf("%q fences %s: %t, want %t", entry, address, got, want)
		}
	}
	if !fenced([]ceph.BlocklistEntry{{Addr: "cidr:[fd00::]:0/8"}}, "[fd00::7]:0/9") {
		t.Error("a network of IPv6 fences nobody")
	}
}

func FuzzFenced(f *testing.F) {
	f.Add("cidr:10.1.0.0:0/16", "10.1.2.3:0/77")
	f.Add("[fd00::7]:0/0", "[fd00::7]:0/9")
	f.Fuzz(func(t *testing.T, entry, address string) {
		if list := []ceph.BlocklistEntry{{Addr: entry}}; entry == address && !fenced(list, address) {
			t.Errorf("%q does not fence itself", entry)
		}
		fenced([]ceph.BlocklistEntry{{Addr: entry}}, address)
	})
}

// Once the lock is lost no request is answered any more.
func TestGuardLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		access block.Access
		err    error
		lost   bool
	}{
		"fenced":                         {block.SingleNode, ceph.ErrBlocklisted, true},
		"fenced reader":                  {block.MultiNodeReadOnly, ceph.ErrBlocklisted, true},
		"lock lost":                      {block.SingleNode, ceph.ErrReadOnly, true},
		"no lock that could be lost":     {block.MultiNode, ceph.ErrReadOnly, false},
		"an error that tells of no loss": {block.SingleNode, ceph.ErrTimeout, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuard(&fakeImage{content: make([]byte, 16), fail: map[string]error{"write": c.err}}, c.access)
			lost := false
			g.lost = func(error) { lost = true }
			if _, err := g.WriteAt(make([]byte, 4), 0); err == nil || lost != c.lost {
				t.Errorf("lost: %t, want %t; error %v", lost, c.lost, err)
			}
		})
	}
}

// Nothing behind the image's end is written or discarded, and a read there finds the end.
func TestGuardEnd(t *testing.T) {
	t.Parallel()
	image := &fakeImage{content: []byte("0123456789abcdef")}
	g := newGuard(image, block.SingleNode)
	p := make([]byte, 8)
	if n, err := g.ReadAt(p, 12); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("read over the end: %d, %v", n, err)
	}
	if n, err := g.ReadAt(p, 16); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	if _, err := g.WriteAt(p, 12); err == nil {
		t.Error("a write over the end succeeds")
	}
	if err := g.Discard(8, 1<<40); err != nil {
		t.Errorf("discard over the end: %v", err)
	}
	if !slices.Equal(image.done, []string{"discard"}) {
		t.Errorf("done: %v", image.done)
	}
}
