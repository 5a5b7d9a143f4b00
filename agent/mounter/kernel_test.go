package mounter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// call is what a kernel was told.
type call struct {
	source, target, kind, data string
	flags                      uintptr
	held                       string
}

// kernel stands in for one that mounts.
func (w *world) kernel(t *testing.T, c *call) *Kernel {
	t.Helper()
	known := filepath.Join(t.TempDir(), "filesystems")
	if err := os.WriteFile(known, []byte("nodev\tproc\n\txfs\nnodev\tceph\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Kernel{
		Do: func(f func() error) error { return f() }, Filesystems: w, Copies: w.Copies, Known: known,
		Load: func(context.Context) error { return errors.New("no module") },
		Hold: func(name string, key []byte) error { c.held = name + "=" + string(key); return nil },
		System: func(source, target, kind string, flags uintptr, data string) error {
			*c = call{source, target, kind, data, flags, c.held}
			w.mounts[target] = mountinfo.Mount{Number: disk.Number{Minor: 9}, Type: kind, Source: source, Root: "/"}
			return nil
		},
	}
}

// The kernel is told all but the key, which lies in its keyring, and is asked once.
func TestKernelMounts(t *testing.T) {
	t.Parallel()
	w, c, v := newWorld(t), &call{}, volume()
	k, dir := w.kernel(t, c), filepath.Join(t.TempDir(), "staging")
	v.Options, v.ReadOnly, v.Subvolume.Path = []string{"noatime,rsize=4096"}, true, "/volumes/g/s/.snap/n/uuid"
	m, err := k.Mount(t.Context(), v, dir)
	if err != nil || m.Number.Minor != 9 {
		t.Fatalf("%+v, %v", m, err)
	}
	want := call{
		source: "10.0.0.1:3300,10.0.0.2:3300:/volumes/g/s", target: dir, kind: "ceph",
		data:  "name=n1,key=f.client.n1,fsid=f,ms_mode=prefer-crc,mds_namespace=fs,noshare,mount_timeout=30,rsize=4096",
		flags: unix.MS_NOATIME | unix.MS_RDONLY, held: "f.client.n1=secret",
	}
	if *c != want {
		t.Errorf("the kernel was told %+v, want %+v", *c, want)
	}
	*c = call{}
	if again, err := k.Mount(t.Context(), v, dir); again != m || err != nil || *c != (call{}) {
		t.Errorf("again: %+v, %v, %+v", again, err, *c)
	}
	w.copies = []host.Pin{{PID: 9, Name: "sh", How: "has it mounted at /x"}}
	refused(t, k.Unmount(t.Context(), v, dir, m), codes.FailedPrecondition, "sh (pid 9)")
	w.copies = nil
	if err := k.Unmount(t.Context(), v, dir, m); err != nil || len(w.mounts) > 0 {
		t.Errorf("%v, %v", err, w.mounts)
	}
}

func TestKernelRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *Volume, string)
		code   codes.Code
		says   string
	}{
		"a client that comes back by itself": {func(_ *world, v *Volume, _ string) { v.Options = []string{"recover_session=clean"} }, codes.InvalidArgument, "recover_session=clean"},
		"another user":                       {func(_ *world, v *Volume, _ string) { v.Options = []string{"noatime", "name=admin"} }, codes.InvalidArgument, "name=admin"},
		"an option in a name":                {func(_ *world, v *Volume, _ string) { v.Subvolume.Filesystem = "a,name=admin" }, codes.InvalidArgument, "comma"},
		"no mons":                            {func(_ *world, v *Volume, _ string) { v.Connection.Mons = nil }, codes.InvalidArgument, "no mon"},
		"others' mount":                      {func(w *world, _ *Volume, dir string) { w.mounts[dir] = mountinfo.Mount{Type: "nfs", Source: "x:/y"} }, codes.FailedPrecondition, "nfs of x:/y"},
	} {
		w, v, dir, told := newWorld(t), volume(), t.TempDir(), &call{}
		c.change(w, &v, dir)
		_, err := w.kernel(t, told).Mount(t.Context(), v, dir)
		t.Log(name)
		refused(t, err, c.code, c.says)
		if told.kind != "" {
			t.Errorf("%s: the kernel was asked", name)
		}
	}
}

func TestKernelErrors(t *testing.T) {
	t.Parallel()
	for err, want := range map[unix.Errno]codes.Code{
		unix.ENOENT: codes.NotFound, unix.EACCES: codes.PermissionDenied, unix.ESHUTDOWN: codes.FailedPrecondition, unix.EINVAL: codes.FailedPrecondition,
		unix.ETIMEDOUT: codes.Unavailable, unix.ENOMEM: codes.Internal,
	} {
		if got := kernelError(volume(), err); fault.CodeOf(got) != want || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestKernelSupport(t *testing.T) {
	t.Parallel()
	k := newWorld(t).kernel(t, &call{})
	if s := k.Support(t.Context()); !s.Offered {
		t.Errorf("%+v", s)
	}
	k.Known = os.DevNull
	for range 2 {
		if s := k.Support(t.Context()); s.Offered || !strings.Contains(s.Reason, "no module") {
			t.Errorf("%+v", s)
		}
	}
}

func TestSubvolume(t *testing.T) {
	t.Parallel()
	for path, ok := range map[string]bool{
		"/volumes/g/s": true, "/volumes/g/s/uuid": true, "/volumes/g/s/.snap/n/uuid": true,
		"/": false, "/volumes": false, "/volumes/g": false, "/other/g/s": false, "volumes/g/s": false, "/volumes/g/../s": false, "/volumes/g/s/": false,
		"/volumes/g/s\n": false, "/volumes/.snap/x": false, "": false,
	} {
		if err := (Subvolume{"fs", path}).Check(); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, filesystem := range []string{"", "a/b", "a,b", "a b"} {
		if (Subvolume{filesystem, "/volumes/g/s"}).Check() == nil {
			t.Errorf("filesystem %q", filesystem)
		}
	}
	root, snapshot := Subvolume{"fs", "/volumes/g/s/.snap/n/uuid"}.Snapshot()
	if root != "/volumes/g/s" || snapshot != ".snap/n/uuid" {
		t.Errorf("%q, %q", root, snapshot)
	}
}
