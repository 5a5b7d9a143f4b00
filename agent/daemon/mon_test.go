package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// newMon makes a world with mon.b, which is recorded with a state, beside a of the same kind and c that joins.
func newMon(t *testing.T, state handover.MonState, quorum bool) (*world, Mon) {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t}
	other := state
	if state == handover.MonJoining {
		other = handover.MonMember
	}
	m := Mon{
		Machine: w, Name: "b", FSID: testFSID, Address: "10.96.0.12", BindAddresses: []string{"fd00::2", "10.1.0.2"}, Args: []string{"--default-x=y"},
		RecordDir: filepath.Join(dir, "mons"), SecretDir: filepath.Join(dir, "secret"), Dir: filepath.Join(dir, "mon"),
	}
	record(t, m, handover.Mons{QuorumRecorded: quorum, Mons: []handover.Mon{
		{Name: "a", Node: "n1", Address: "10.96.0.11", State: other},
		{Name: "b", Node: "n2", Address: "10.96.0.12", State: state},
		{Name: "c", Node: "n3", Address: "10.96.0.13", State: handover.MonJoining},
	}})
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return w, m
}

func record(t *testing.T, m Mon, mons handover.Mons) {
	t.Helper()
	if err := os.RemoveAll(m.RecordDir); err != nil {
		t.Fatal(err)
	}
	for key, value := range mons.Data() {
		write(t, filepath.Join(m.RecordDir, key), value)
	}
	write(t, filepath.Join(m.RecordDir, "..data", "a"), "kubelet's own")
}

func TestMonFirstStart(t *testing.T) {
	t.Parallel()
	for state, founders := range map[handover.MonState]string{
		handover.MonSeed:    "--addv a [v2:10.96.0.11:3300,v1:10.96.0.11:6789] --addv b [v2:10.96.0.12:3300,v1:10.96.0.12:6789]",
		handover.MonJoining: "--addv a [v2:10.96.0.11:3300,v1:10.96.0.11:6789]",
	} {
		w, m := newMon(t, state, state == handover.MonJoining)
		if err := w.start(m.Start); !errors.Is(err, errBecame) {
			t.Fatalf("%s: %v", state, err)
		}
		monmap := "monmaptool --create --clobber --fsid " + testFSID + " " + founders + " " + filepath.Join(m.Dir, "monmap")
		if len(w.commands) != 2 || w.commands[0] != monmap {
			t.Errorf("%s: ran %q\nwant %q", state, w.commands, monmap)
		}
		want := []string{"ceph-mon", "-f", "-i", "b", "--mon-data", m.store(), "--public-addr", "10.96.0.12", "--public-bind-addr", "10.1.0.2", "--default-x=y"}
		if diff := cmp.Diff(want, w.became); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
		if state, err := inspectStore(m.store()); state != storeComplete {
			t.Errorf("the store is %s, %v", state, err)
		}
	}
}

// A mon of the host network listens on the address that it is known by.
func TestMonOnTheHost(t *testing.T) {
	t.Parallel()
	w, m := newMon(t, handover.MonSeed, false)
	m.BindAddresses = nil
	if err := w.start(m.Start); !errors.Is(err, errBecame) || slices.Contains(w.became, "--public-bind-addr") {
		t.Errorf("%v, became %q", err, w.became)
	}
}

// Whatever is killed, whenever: there is a whole store in the end, and nothing was made over another.
func TestMonKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for killAt, done := 1, false; !done; killAt++ {
		w, m := newMon(t, handover.MonSeed, false)
		w.killAt = killAt
		done = !errors.Is(w.start(m.Start), errKilled)
		w.killAt = 0
		unlock(t, m)
		if err := w.start(m.Start); !errors.Is(err, errBecame) {
			t.Fatalf("killed before step %d: %v", killAt, err)
		}
		if state, err := inspectStore(m.store()); state != storeComplete {
			t.Errorf("killed before step %d: the store is %s, %v", killAt, state, err)
		}
		if done && killAt < 8 {
			t.Errorf("only %d steps", killAt)
		}
	}
}

// unlock does what the kernel does when a process ends: the lock of a killed one is gone.
func unlock(t *testing.T, m Mon) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.Dir, "lock")); err != nil {
		t.Fatal(err)
	}
}

func TestMonSecondStart(t *testing.T) {
	t.Parallel()
	for name, mons := range map[string]handover.Mons{
		"as before":    {Mons: []handover.Mon{{Name: "b", Node: "n2", Address: "10.96.0.12", State: handover.MonMember}}, QuorumRecorded: true},
		"not recorded": {},
	} {
		w, m := newMon(t, handover.MonSeed, false)
		if err := w.start(m.Start); !errors.Is(err, errBecame) {
			t.Fatal(err)
		}
		unlock(t, m)
		record(t, m, mons)
		w.commands = nil
		if err := w.start(m.Start); !errors.Is(err, errBecame) || len(w.commands) > 0 {
			t.Errorf("%s: %v, ran %q", name, err, w.commands)
		}
	}
}

// An empty store is never made where there was a quorum, nor out of what is left of one.
func TestMonRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  handover.MonState
		quorum bool
		spoil  func(t *testing.T, m *Mon)
		reason string
	}{
		"member":              {handover.MonMember, true, nil, handover.ReasonStoreMissing},
		"member, no quorum":   {handover.MonMember, false, nil, handover.ReasonStoreMissing},
		"seed after a quorum": {handover.MonSeed, true, nil, handover.ReasonStoreMissing},
		"not recorded":        {handover.MonSeed, false, func(_ *testing.T, m *Mon) { m.Name = "z" }, handover.ReasonNotRecorded},
		"nobody to join":      {handover.MonJoining, true, joinNobody, handover.ReasonNotRecorded},
		"no database":         {handover.MonSeed, false, leave("keyring"), handover.ReasonStoreDamaged},
		"no key":              {handover.MonJoining, true, leave("store.db/CURRENT"), handover.ReasonStoreDamaged},
		"an empty directory":  {handover.MonSeed, false, leave("lost+found/x"), handover.ReasonStoreDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, m := newMon(t, c.state, c.quorum)
			if c.spoil != nil {
				c.spoil(t, &m)
			}
			err := w.start(m.Start)
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Refusal.Reason != c.reason || refused.Refusal.Remedy == "" {
				t.Fatalf("%v, want %s", err, c.reason)
			}
			if len(w.commands) > 0 || w.became != nil || !strings.Contains(refused.Error(), "mon."+m.Name) {
				t.Errorf("%v; ran %q, became %q", err, w.commands, w.became)
			}
		})
	}
}

func joinNobody(t *testing.T, m *Mon) {
	record(t, *m, handover.Mons{QuorumRecorded: true, Mons: []handover.Mon{{Name: "b", Node: "n2", Address: "10.96.0.12", State: handover.MonJoining}}})
}

// leave leaves one file of a store.
func leave(file string) func(*testing.T, *Mon) {
	return func(t *testing.T, m *Mon) { write(t, filepath.Join(m.store(), file), "") }
}

func TestMonFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *Mon)
		says  string
	}{
		"a record that is not understood": {func(t *testing.T, m *Mon) { write(t, filepath.Join(m.RecordDir, "b"), "{}") }, "decode mons"},
		"no record":                       {func(_ *testing.T, m *Mon) { m.RecordDir = "/nonexistent" }, "/nonexistent"},
		"no directory":                    {func(_ *testing.T, m *Mon) { m.Dir = "/nonexistent" }, "lock /nonexistent"},
		"no address of the family":        {func(_ *testing.T, m *Mon) { m.BindAddresses = []string{"fd00::2"} }, "none of the family of 10.96.0.12"},
		"no address":                      {func(_ *testing.T, m *Mon) { m.Address = "n2" }, "address of the mon"},
	} {
		w, m := newMon(t, handover.MonSeed, false)
		c.spoil(t, &m)
		if err := w.start(m.Start); err == nil || !strings.Contains(err.Error(), c.says) || len(w.commands) > 0 || w.became != nil {
			t.Errorf("%s: %v, ran %q, became %q", name, err, w.commands, w.became)
		}
	}
}

// lazy is a machine whose programs do nothing and say that all is well.
type lazy struct{ *world }

func (lazy) Run(context.Context, []byte, ...string) error { return nil }

func TestMonStoreThatIsNotWhole(t *testing.T) {
	t.Parallel()
	w, m := newMon(t, handover.MonSeed, false)
	write(t, m.unfinished(), "of an earlier start")
	m.Machine = lazy{w}
	err := w.start(m.Start)
	if err == nil || !strings.Contains(err.Error(), "left one that is absent") || w.became != nil {
		t.Errorf("%v, became %q", err, w.became)
	}
}
