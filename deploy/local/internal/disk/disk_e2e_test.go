//go:build e2e

package disk

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// devDirs stands for nodes that run, each with a directory as its /dev.
type devDirs map[int]string

func (d devDirs) DevDir(n int) (string, bool) {
	dir, ok := d[n]
	return dir, ok
}

type fixture struct {
	dir   state.Dir
	nodes devDirs
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	f := fixture{dir: state.Dir(t.TempDir()), nodes: devDirs{1: t.TempDir(), 2: t.TempDir()}}
	t.Cleanup(func() {
		m := f.manager(t)
		if err := m.Clear(context.Background()); err != nil {
			t.Error(err)
		}
		if left := m.journal.Entries(); len(left) > 0 {
			t.Errorf("left in the journal: %v", left)
		}
	})
	return f
}

// manager is a new one each time, as in a command of its own.
func (f fixture) manager(t *testing.T) *Manager { return newTestManager(t, f.dir, f.nodes) }

func (f fixture) devices(t *testing.T, n int) string {
	t.Helper()
	entries, err := os.ReadDir(f.nodes[n])
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func add(t *testing.T, m *Manager, n int) Disk {
	t.Helper()
	d, err := m.Add(t.Context(), n, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readAt0(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read-only
	buffer := make([]byte, 5)
	n, err := f.ReadAt(buffer, 0)
	return buffer[:n], err
}

func TestHotPlug(t *testing.T) {
	f := newFixture(t)
	d := add(t, f.manager(t), 1)
	if got := f.devices(t, 1); got != loop.Name(d.Number) {
		t.Errorf("node 1 has %q, want %s", got, loop.Name(d.Number))
	}
	if got := f.devices(t, 2); got != "" {
		t.Errorf("node 2 has %q, want nothing", got)
	}
	inNode := filepath.Join(f.nodes[1], loop.Name(d.Number))
	if err := os.WriteFile(inNode, []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.manager(t).Remove(t.Context(), d.ID, true); err != nil {
		t.Fatal(err)
	}
	if got := f.devices(t, 1); got != "" {
		t.Errorf("node 1 has %q after the disk was pulled", got)
	}
	if _, err := os.Stat(d.Device()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s exists after the disk was pulled: %v", d.Device(), err)
	}
	moved, err := f.manager(t).Insert(t.Context(), 2, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAt0(filepath.Join(f.nodes[2], loop.Name(moved.Number)))
	if err != nil || string(got) != "hello" {
		t.Errorf("the disk moved to node 2 holds %q, %v", got, err)
	}
	if err := f.manager(t).Remove(t.Context(), moved.Device(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.manager(t).File(moved)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a deleted disk: %v", err)
	}
}

func TestPullUnderAnOpener(t *testing.T) {
	f := newFixture(t)
	d := add(t, f.manager(t), 1)
	user, err := os.OpenFile(filepath.Join(f.nodes[1], loop.Name(d.Number)), os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close() // closed below
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := user.WriteAt(page, 0); err != nil {
		t.Fatalf("write before the pull: %v", err)
	}
	if err := f.manager(t).Remove(t.Context(), d.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := user.WriteAt(page, 0); err == nil {
		t.Error("a write to a pulled disk succeeded")
	}
	if n, err := user.ReadAt(page, 0); err == nil {
		t.Errorf("read %d bytes from a pulled disk", n)
	}
	// Back in the same node while the lost device is still open: another device.
	again, err := f.manager(t).Insert(t.Context(), 1, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again.Number == d.Number {
		t.Errorf("the disk came back as %s, which is still open without a medium", d.Device())
	}
	if _, err := readAt0(filepath.Join(f.nodes[1], loop.Name(again.Number))); err != nil {
		t.Errorf("read from the disk that came back: %v", err)
	}
	if err := user.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, f.manager(t), 2) // any later command removes what lingered
	if _, err := os.Stat(d.Device()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s still exists after it was closed: %v", d.Device(), err)
	}
}

func TestReattach(t *testing.T) {
	f := newFixture(t)
	d := add(t, f.manager(t), 1)
	// A restart of the machine takes the devices and voids the journal.
	if err := f.manager(t).Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.dir.JournalFile()); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.img")
	if err := os.WriteFile(foreign, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(loop.Add(d.Number), loop.Attach(d.Number, foreign)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := f.manager(t).Reattach(t.Context(), 1)
		if err != nil || len(got) != 1 || got[0].ID != d.ID || got[0].Number == d.Number {
			t.Fatalf("reattached %v, %v; want %s with a number other than %d", got, err, d.ID, d.Number)
		}
	}
	if err := f.manager(t).Clear(t.Context()); err != nil {
		t.Error(err)
	}
	if file, attached, err := loop.Backing(d.Number); err != nil || !attached {
		t.Errorf("the foreign device was touched: %v, %v", file, err)
	}
	if err := errors.Join(loop.Detach(d.Number), loop.Remove(d.Number)); err != nil {
		t.Error(err)
	}
}

// TestKilledAt leaves what a command leaves that is killed between two steps.
func TestKilledAt(t *testing.T) {
	for name, kill := range map[string]func(t *testing.T, m *Manager, d Disk, file loop.File){
		"recorded, no file": func(t *testing.T, m *Manager, d Disk, _ loop.File) {
			if err := os.Remove(m.File(d)); err != nil {
				t.Fatal(err)
			}
		},
		"planned": func(t *testing.T, m *Manager, d Disk, file loop.File) {
			if err := m.journal.Plan(m.entry(d, file)); err != nil {
				t.Fatal(err)
			}
		},
		"device made": func(t *testing.T, m *Manager, d Disk, file loop.File) {
			if err := errors.Join(m.journal.Plan(m.entry(d, file)), loop.Add(d.Number)); err != nil {
				t.Fatal(err)
			}
		},
		"attached, not recorded as made": func(t *testing.T, m *Manager, d Disk, file loop.File) {
			err := errors.Join(m.journal.Plan(m.entry(d, file)), loop.Add(d.Number), m.plug(d), loop.Attach(d.Number, m.File(d)))
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			m := f.manager(t)
			d, err := m.create(Disk{Node: 1, Bytes: 64 << 20})
			if err != nil {
				t.Fatal(err)
			}
			file, err := loop.FileAt(m.File(d))
			if err != nil {
				t.Fatal(err)
			}
			kill(t, m, d, file)
			got, err := f.manager(t).Reattach(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if name == "recorded, no file" {
				if len(got) != 0 {
					t.Errorf("a disk without a file is listed: %v", got)
				}
				return
			}
			if len(got) != 1 || got[0] != d {
				t.Errorf("resumed as %v, want %v", got, d)
			}
			if devices := f.devices(t, 1); devices != loop.Name(d.Number) {
				t.Errorf("node 1 has %q", devices)
			}
		})
	}
}

// TestNodesStartTogether: every node attaches its disks at the same time as the others.
func TestNodesStartTogether(t *testing.T) {
	f := newFixture(t)
	want := map[int][]Disk{}
	for n := range f.nodes {
		for range 3 {
			want[n] = append(want[n], add(t, f.manager(t), n))
		}
	}
	m := f.manager(t)
	if err := m.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for n := range f.nodes {
		wait.Go(func() {
			got, err := m.Reattach(t.Context(), n)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want[n], got); diff != "" {
				t.Errorf("node %d: %s", n, diff)
			}
		})
	}
	wait.Wait()
}

// TestClearStacked attaches a loop device to a file in a filesystem on a disk, whose mount is gone by then: nothing but the device
// itself tells whose it is. It goes with the disk, and one on a file of somebody else stays.
func TestClearStacked(t *testing.T) {
	f := newFixture(t)
	m := f.manager(t)
	d := add(t, m, 1)
	mount, foreign := t.TempDir(), filepath.Join(t.TempDir(), "foreign")
	script := `mkfs.ext4 -q $0; mount $0 $1; truncate -s 8M $1/v $2; losetup --find --show $1/v; losetup --find --show $2; umount --lazy $1`
	out, err := exec.CommandContext(t.Context(), "sh", "-ec", script, d.Device(), mount, foreign).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	devices := strings.Fields(string(out))
	t.Cleanup(func() { exec.Command("losetup", "--detach", devices[1]).Run() }) //nolint:errcheck // the file goes anyway
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := m.Clear(ctx); err != nil {
		t.Error(err)
	}
	for i, want := range []bool{false, true} {
		number, err := loop.ParsePath(devices[i])
		if err != nil {
			t.Fatal(err)
		}
		file, attached, err := loop.Backing(number)
		ours, _ := loop.FileAt(foreign)
		if got := attached && file == ours; err != nil || got != want {
			t.Errorf("%s is attached to the foreign file: %t, want %t (%v)", devices[i], got, want, err)
		}
	}
}
