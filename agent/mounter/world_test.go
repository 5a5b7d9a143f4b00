package mounter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// world is a node: its mounts and its processes.
type world struct {
	mu     sync.Mutex
	mounts map[string]mountinfo.Mount
	// dead are filesystems whose process died.
	dead map[disk.Number]bool
	// processes by their numbers.
	processes map[int]*process
	next      int
	// starts has a process that is started do what it does.
	starts func(p *process)
	busy   bool
	// lingers: processes do not end when they are unmounted, and not on those signals.
	lingers bool
	deaf    []unix.Signal
	copies  []host.Pin
	flags   uintptr
	signals []unix.Signal
	hangs   bool
	dir     string
}

type process struct {
	host.Process
	helper launch.Helper
	number disk.Number
	lives  bool
	// shows, unless nil, is asked at each look whether the process has its arguments.
	shows func() bool
}

const staging = "/k/staging"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		mounts: map[string]mountinfo.Mount{}, dead: map[disk.Number]bool{}, processes: map[int]*process{}, next: 40, dir: t.TempDir(),
	}
	w.starts = w.mountIt
	return w
}

func (w *world) fuse() *Fuse {
	return &Fuse{
		Do: func(f func() error) error { return nil }, Dir: filepath.Join(w.dir, "file"), Logs: w.dir, Device: os.DevNull, Programs: programs{},
		Starter: w, Processes: w, Filesystems: w, Copies: w.Copies, Log: logr.Discard(),
		Limits: Limits{Interval: time.Millisecond, Appear: 5 * time.Millisecond, Mount: 100 * time.Millisecond, End: 20 * time.Millisecond, Abandon: time.Hour},
	}
}

func volume() Volume {
	return Volume{
		ID:         "ns/c/fs/g/s",
		Connection: block.Connection{FSID: "f", Mons: []string{"10.0.0.1:3300", "10.0.0.2:3300"}, Entity: "client.n1", Key: "c2VjcmV0"},
		Subvolume:  Subvolume{Filesystem: "fs", Path: "/volumes/g/s/uuid"},
	}
}

type programs struct{}

func (programs) Command(program string, args ...string) ([]string, error) {
	return append([]string{"/b/" + program}, args...), nil
}
func (programs) File(string) string { return "" }

// mountIt is what a process does when all is well.
func (w *world) mountIt(p *process) {
	p.number = disk.Number{Minor: uint32(p.PID)}
	w.mounts[p.helper.Command[len(p.helper.Command)-1]] = mountinfo.Mount{Number: p.number, Type: FuseType, Source: "ceph-fuse", Root: "/"}
}

// fails is what a process does that Ceph does not let in.
func (w *world) fails(text string) func(*process) {
	return func(p *process) {
		p.lives = false
		_ = os.WriteFile(p.helper.Log, []byte("ceph-fuse[7]: starting ceph client\n"+text+"\n"), 0o600) // the test reads it
	}
}

func (w *world) Start(_ context.Context, h launch.Helper) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	p := &process{Process: host.Process{PID: w.next, Start: 1}, helper: h, lives: true}
	w.processes[w.next] = p
	w.starts(p)
	return nil
}

func (*world) Clean(string) error { return nil }

func (w *world) Find(argument string) (host.Process, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		if p.lives && slices.Contains(p.helper.Command, argument) && (p.shows == nil || p.shows()) {
			return p.Process, true, nil
		}
	}
	return host.Process{}, false, nil
}

func (w *world) Lives(p host.Process) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.processes[p.PID]
	return known != nil && known.lives
}

func (w *world) Signal(p host.Process, signal unix.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signals = append(w.signals, signal)
	if !slices.Contains(w.deaf, signal) {
		w.kill(w.processes[p.PID])
	}
	return nil
}

func (w *world) kill(p *process) { p.lives, w.dead[p.number] = false, true }

// die kills all processes.
func (w *world) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		w.kill(p)
	}
}

func (w *world) alive() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0
	for _, p := range w.processes {
		if p.lives {
			count++
		}
	}
	return count
}

func (w *world) Mounted(path string) (mountinfo.Mount, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, there := w.mounts[path]
	return m, there, nil
}

func (w *world) Usage(path string) (filesystem.Usage, error) {
	m, there, _ := w.Mounted(path)
	switch {
	case w.hangs:
		select {}
	case !there:
		return filesystem.Usage{}, errors.New("not mounted")
	case w.dead[m.Number]:
		return filesystem.Usage{}, unix.ENOTCONN
	}
	return filesystem.Usage{}, nil
}

func (w *world) Unmount(path string) error {
	if w.busy {
		return unix.EBUSY
	}
	return w.Detach(path)
}

func (w *world) Detach(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		if p.number == w.mounts[path].Number && !w.lingers {
			p.lives = false
		}
	}
	delete(w.mounts, path)
	return nil
}

func (w *world) SetFlags(_ string, flags uintptr) error { w.flags = flags; return nil }

func (w *world) Copies(context.Context, string, disk.Number) ([]host.Pin, error) {
	return w.copies, nil
}

// files are those below a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
