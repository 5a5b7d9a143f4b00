package mounter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// refused fails unless an error has the code and says all of that.
func refused(t *testing.T, err error, code codes.Code, says ...string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Fatalf("%v is %s, want %s", err, fault.CodeOf(err), code)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func mustMount(t *testing.T, w *world, v Volume) Mount {
	t.Helper()
	m, err := w.fuse().Mount(t.Context(), v, staging)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What is started, what it reads, and who may read that.
func TestFuseStarts(t *testing.T) {
	t.Parallel()
	w, v := newWorld(t), volume()
	v.Options, v.ReadOnly = []string{"noatime"}, true
	f := w.fuse()
	m := mustMount(t, w, v)
	p := w.processes[m.Process.PID]
	dir := filepath.Join(w.dir, "file", helper(v))
	want := []string{
		"/b/ceph-fuse", "-f", "-c", dir + "/ceph.conf", "-n", "client.n1", "-k", dir + "/keyring", "--client_fs", "fs", "-r", "/volumes/g/s/uuid", staging,
	}
	if diff := cmp.Diff(want, p.helper.Command); diff != "" || m.Number != p.number {
		t.Errorf("%+v (-want +got):\n%s", m, diff)
	}
	conf, err := os.ReadFile(f.conf(v))
	if err != nil || !strings.Contains(string(conf), "mon_host = 10.0.0.1:3300,10.0.0.2:3300\n") || !strings.Contains(string(conf), "client_reconnect_stale = false\n") {
		t.Errorf("%s, %v", conf, err)
	}
	for name, hasKey := range map[string]bool{"ceph.conf": false, "keyring": true} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		info, statErr := os.Stat(filepath.Join(dir, name))
		if err != nil || statErr != nil || strings.Contains(string(text), "c2VjcmV0") != hasKey || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %s, %v, %v", name, text, info, err)
		}
	}
	if all := strings.Join(append(p.helper.Command, p.helper.Env...), " "); strings.Contains(all, "c2VjcmV0") {
		t.Error("the key is on the command line or in the environment")
	}
	if w.flags != unix.MS_NOATIME|unix.MS_RDONLY {
		t.Errorf("flags %#x", w.flags)
	}
}

// The process of an agent that was killed is taken over, and not started twice.
func TestFuseIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := mustMount(t, w, volume())
	if again := mustMount(t, w, volume()); again != first || len(w.processes) != 1 {
		t.Errorf("%+v, then %+v", first, again)
	}
	if h := w.fuse().Health(t.Context(), volume(), first); h != (Health{}) {
		t.Errorf("%+v", h)
	}
}

// A process shows no arguments for a moment while it becomes ceph-fuse, which takes long on a busy node: it has not ended.
func TestFuseBecomes(t *testing.T) {
	t.Parallel()
	w, looks := newWorld(t), 0
	w.starts = func(p *process) {
		p.shows = func() bool {
			if looks++; looks == 4 {
				w.mountIt(p)
			}
			return looks == 1 || looks >= 4
		}
	}
	if m := mustMount(t, w, volume()); w.processes[m.Process.PID] == nil || len(w.processes) != 1 {
		t.Errorf("%+v of %d", m, len(w.processes))
	}
}

// A process that died is told of with Ceph's words, and what it left is removed before another is started.
func TestFuseDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.fuse()
	first := mustMount(t, w, volume())
	w.die()
	if err := os.WriteFile(f.log(volume()), []byte("*** Caught signal (Segmentation fault) **\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h := f.Health(t.Context(), volume(), first); !h.Died || !strings.Contains(h.Trouble, "Segmentation fault") {
		t.Errorf("%+v", h)
	}
	again := mustMount(t, w, volume())
	if again == first || w.alive() != 1 {
		t.Errorf("%+v, then %+v", first, again)
	}
	if text, err := os.ReadFile(f.former(volume())); err != nil || !strings.Contains(string(text), "Segmentation fault") {
		t.Errorf("the log of the one before: %q, %v", text, err)
	}
}

// ceph-fuse ends with status 0 when it failed: only a mount is success.
func TestFuseFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *Volume)
		code   codes.Code
		says   string
	}{
		"another's path": {func(w *world, _ *Volume) {
			w.starts = w.fails("ceph-fuse[7]: ceph mount failed with (13) Permission denied")
		}, codes.PermissionDenied, "failed with (13)"},
		"not allowable": {func(w *world, _ *Volume) {
			w.starts = w.fails("ceph-fuse[7]: ceph mount failed with (1) Operation not permitted")
		}, codes.PermissionDenied, "attach it again"},
		"no subvolume": {func(w *world, _ *Volume) {
			w.starts = w.fails("ceph-fuse[7]: ceph mount failed with (2) No such file or directory")
		}, codes.NotFound, "no such subvolume"},
		"Ceph is away": {func(w *world, _ *Volume) {
			w.starts = w.fails("ceph-fuse[7]: ceph mount failed with (110) Connection timed out")
		}, codes.Unavailable, "mons and an MDS"},
		"fenced": {func(w *world, _ *Volume) {
			w.starts = w.fails("mount failed with (108) Cannot send after transport endpoint shutdown")
		}, codes.FailedPrecondition, "blocklist"},
		"says nothing":      {func(w *world, _ *Volume) { w.starts = func(p *process) { p.lives = false } }, codes.Internal, "it said nothing"},
		"hangs":             {func(w *world, _ *Volume) { w.starts = func(*process) {} }, codes.DeadlineExceeded, "does not answer"},
		"does not answer":   {func(w *world, _ *Volume) { w.hangs = true }, codes.DeadlineExceeded, "does not answer"},
		"no key":            {func(_ *world, v *Volume) { v.Connection.Key = "" }, codes.FailedPrecondition, "attach it again"},
		"a line too many":   {func(_ *world, v *Volume) { v.Connection.Entity = "client.a]\nkey" }, codes.InvalidArgument, "cannot be told"},
		"kernel's option":   {func(_ *world, v *Volume) { v.Options = []string{"noatime,rsize=5"} }, codes.InvalidArgument, "rsize=5"},
		"to write at once":  {func(_ *world, v *Volume) { v.Options = []string{"sync"} }, codes.InvalidArgument, "sync and dirsync"},
		"others' mount":     {func(w *world, _ *Volume) { w.mounts[staging] = mountinfo.Mount{Type: "nfs", Source: "x:/y"} }, codes.FailedPrecondition, "nfs of x:/y"},
		"others' ceph-fuse": {func(w *world, _ *Volume) { w.mounts[staging] = mountinfo.Mount{Type: FuseType, Source: "ceph-fuse"} }, codes.FailedPrecondition, "unmount it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v := newWorld(t), volume()
			c.change(w, &v)
			before := len(w.mounts)
			_, err := w.fuse().Mount(t.Context(), v, staging)
			refused(t, err, c.code, c.says)
			if before > len(w.mounts) {
				t.Error("what others mounted was unmounted")
			}
		})
	}
}

func TestFuseUnmounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := mustMount(t, w, volume())
	for range 2 {
		if err := w.fuse().Unmount(t.Context(), volume(), staging, m); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.mounts) > 0 || w.alive() > 0 || len(w.signals) > 0 {
		t.Errorf("left: %v, %d processes, signals %v", w.mounts, w.alive(), w.signals)
	}
	if left := files(t, w.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Who has it keeps it, also in another namespace: then it is neither told to end nor killed.
func TestFuseUnmountPinned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := mustMount(t, w, volume())
	w.busy = true
	if err := w.fuse().Unmount(t.Context(), volume(), staging, m); err != unix.EBUSY || w.alive() != 1 {
		t.Errorf("busy: %v", err)
	}
	w.busy, w.lingers, w.copies = false, true, []host.Pin{{PID: 9, Name: "sh", How: "has it mounted at /x"}}
	f := w.fuse()
	f.Limits.Abandon = 0
	refused(t, f.Unmount(t.Context(), volume(), staging, m), codes.FailedPrecondition, "sh (pid 9) has it mounted at /x")
	if len(w.signals) > 0 || w.alive() != 1 {
		t.Errorf("signals %v", w.signals)
	}
	w.copies = nil
	if err := w.fuse().Unmount(t.Context(), volume(), staging, m); err != nil || w.alive() > 0 {
		t.Errorf("without copies: %v", err)
	}
}

// A process that still writes back is waited for, and killed only after very long.
func TestFuseWritesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := mustMount(t, w, volume())
	w.lingers, w.deaf = true, []unix.Signal{unix.SIGTERM}
	for range 2 {
		refused(t, w.fuse().Unmount(t.Context(), volume(), staging, m), codes.DeadlineExceeded, "still writes back", "had not synced")
	}
	if w.alive() != 1 || len(files(t, filepath.Join(w.dir, "file"))) == 0 {
		t.Error("it was given up")
	}
	// One that was staged again meanwhile begins to wait anew.
	w.mounts[staging] = mountinfo.Mount{Number: m.Number, Type: FuseType}
	mustMount(t, w, volume())
	if _, err := os.Stat(filepath.Join(w.fuse().dir(volume()), "ending")); !os.IsNotExist(err) {
		t.Errorf("it is still to end: %v", err)
	}
	f := w.fuse()
	f.Limits.Abandon = time.Nanosecond
	if err := f.Unmount(t.Context(), volume(), staging, m); err != nil || w.alive() > 0 || w.signals[len(w.signals)-1] != unix.SIGKILL {
		t.Errorf("after very long: %v, %v", err, w.signals)
	}
}

// What is left of a process that died goes, whoever has a file of it open. What is others' stays.
func TestFuseUnmountsWhatIsDead(t *testing.T) {
	t.Parallel()
	for name, recorded := range map[string]bool{"recorded": true, "not recorded": false} {
		w := newWorld(t)
		m := mustMount(t, w, volume())
		if !recorded {
			m = Mount{}
		}
		w.die()
		w.busy = true
		if err := w.fuse().Unmount(t.Context(), volume(), staging, m); err != nil || len(w.mounts) > 0 {
			t.Errorf("%s: %v, %v", name, err, w.mounts)
		}
	}
	w := newWorld(t)
	w.mounts[staging] = mountinfo.Mount{Type: "nfs", Number: disk.Number{Minor: 3}}
	if err := w.fuse().Unmount(t.Context(), volume(), staging, Mount{}); err != nil || len(w.mounts) != 1 {
		t.Errorf("%v, %v", err, w.mounts)
	}
}

func TestFuseSupport(t *testing.T) {
	t.Parallel()
	f := newWorld(t).fuse()
	if s := f.Support(t.Context()); !s.Offered {
		t.Errorf("%+v", s)
	}
	f.Do, f.Device = func(f func() error) error { return f() }, filepath.Join(t.TempDir(), "fuse")
	if s := f.Support(t.Context()); s.Offered || !strings.Contains(s.Reason, "kernel module fuse") {
		t.Errorf("%+v", s)
	}
}

func FuzzWords(f *testing.F) {
	f.Add("ceph-fuse[7]: ceph mount failed with (13) Permission denied\n")
	f.Fuzz(func(t *testing.T, log string) {
		if text := words(log); len(text) > maxWords {
			t.Fatalf("%d bytes", len(text))
		}
		if err := failure(volume(), words(log)); err == nil {
			t.Fatal("no failure")
		}
	})
}
