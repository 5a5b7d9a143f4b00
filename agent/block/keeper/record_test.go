package keeper

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/host"
)

func newFiles(t *testing.T) files {
	t.Helper()
	f := files{t.TempDir()}
	if err := f.make(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRecord(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	want := record{
		Version: recordVersion, Node: "node", Boot: "boot",
		Workers:      map[int]process{7: {PID: 7, Start: 42, Socket: "/s", Address: "10.0.0.1:0/1", Version: "v1"}},
		Predecessors: []predecessor{{Address: "10.0.0.1:0/0", Intended: true}},
		Images: []imageRecord{{Mapped: block.Mapped{Image: block.Image{Pool: "p", Name: "i"}, Phase: block.Serving, Generation: 3},
			ID: 9, Descriptor: 11, Worker: 7, Address: "10.0.0.1:0/1"}},
	}
	if err := write(f.record(), want); err != nil {
		t.Fatal(err)
	}
	got, err := f.load("node", "boot")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, difference:\n%s", err, diff)
	}
	if got, err := f.load("node", "another boot"); err != nil || len(got.Workers)+len(got.Images) != 0 {
		t.Errorf("a record of another boot: %+v, %v", got, err)
	}
	if _, err := f.load("another", "boot"); err == nil {
		t.Error("a record of another node is taken")
	}
	want.Version++
	if err := write(f.record(), want); err != nil {
		t.Fatal(err)
	}
	if _, err := f.load("node", "boot"); err == nil {
		t.Error("a record of a newer version is taken")
	}
}

// A record that cannot be read is no reason to start from nothing: a worker may live.
func TestRecordUnreadable(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	if err := os.WriteFile(f.record(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.load("node", "boot"); err == nil || !strings.Contains(err.Error(), f.record()) {
		t.Errorf("error %v", err)
	}
}

func TestConnectionFile(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	if _, err := LoadConnection(f.dir); err == nil {
		t.Error("a worker starts without a connection")
	}
	want := block.Connection{FSID: "f", Mons: []string{"m"}, Entity: "client.n", Key: "k"}
	if err := write(f.connection(), want); err != nil {
		t.Fatal(err)
	}
	got, err := LoadConnection(f.dir)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, difference:\n%s", err, diff)
	}
	info, err := os.Stat(f.connection())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the key: %v, %v", info, err)
	}
}

// What is needed to tell one's own dead workers is kept, the rest is forgotten in time.
func TestPrune(t *testing.T) {
	t.Parallel()
	var r record
	for i := range maxPredecessors + 3 {
		r.Predecessors = append(r.Predecessors, predecessor{Address: string(rune('a' + i)), Fenced: true})
	}
	r.Images = []imageRecord{{Address: "b"}}
	r.prune()
	if len(r.Predecessors) != maxPredecessors+2 || r.Predecessors[0].Address != "b" {
		t.Errorf("%d are left, the first is %q", len(r.Predecessors), r.Predecessors[0].Address)
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	stalled := func(access block.Access, takeover, drained bool) *mapping {
		return &mapping{drained: drained, imageRecord: imageRecord{Mapped: block.Mapped{Access: access, Takeover: takeover}}}
	}
	foreign := &predecessor{Foreign: true}
	for name, c := range map[string]struct {
		m    *mapping
		p    *predecessor
		want string
	}{
		"taken over":                     {stalled(block.SingleNode, true, false), &predecessor{}, ""},
		"fenced by somebody else":        {stalled(block.SingleNode, true, false), foreign, "fenced"},
		"readers have nothing to lose":   {stalled(block.MultiNodeReadOnly, true, false), foreign, ""},
		"an old kernel":                  {stalled(block.SingleNode, false, false), nil, "kernel"},
		"an old kernel and a hand-over":  {stalled(block.SingleNode, false, true), nil, ""},
		"several writers":                {stalled(block.MultiNode, true, false), nil, "other nodes write"},
		"several writers and a handover": {stalled(block.MultiNode, false, true), nil, ""},
	} {
		if got := refusal(c.m, c.p); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The start of a process is read past a name that looks like more of the line.
func TestStartOf(t *testing.T) {
	t.Parallel()
	start, err := host.StartOf(os.Getpid())
	if err != nil || start == 0 {
		t.Fatalf("start %d, %v", start, err)
	}
	if h := find(process{PID: os.Getpid(), Start: start + 1}); h != nil {
		t.Error("a process of another start is taken for a worker")
	}
	if h := find(process{PID: os.Getpid(), Start: start}); h == nil || h.ended() {
		t.Error("a process that lives is not found")
	}
	if _, err := host.StartOf(-1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no process: %v", err)
	}
}
