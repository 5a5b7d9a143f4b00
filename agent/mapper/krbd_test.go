package mapper

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
)

const fsid = "8c5b2a4e-0000-4000-8000-000000000001"

func volume(access block.Access) Volume {
	return Volume{
		Connection: block.Connection{
			FSID: fsid, Entity: "client.seamount-node-n1", Key: "c2VjcmV0",
			Mons: []string{"[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]", "[v2:10.0.0.2:3300,v1:10.0.0.2:6789]"},
		},
		Image: block.Image{Pool: "p", Name: "i"}, Access: access,
	}
}

func TestAddLine(t *testing.T) {
	t.Parallel()
	who := "name=seamount-node-n1,key=" + fsid + ".client.seamount-node-n1,fsid=" + fsid
	for access, want := range map[block.Access]string{
		block.SingleNode:        "10.0.0.1:3300,10.0.0.2:3300 " + who + ",ms_mode=prefer-crc,exclusive,lock_on_read p i -",
		block.MultiNodeReadOnly: "10.0.0.1:3300,10.0.0.2:3300 " + who + ",ms_mode=prefer-crc,ro p i -",
		block.MultiNode:         "10.0.0.1:3300,10.0.0.2:3300 " + who + ",ms_mode=prefer-crc p i -",
	} {
		if got, err := addLine(volume(access)); got != want || err != nil {
			t.Errorf("%s: %q, %v", access, got, err)
		}
	}
	v1 := volume(block.MultiNode)
	v1.Connection.Mons = []string{"v1:10.0.0.1:6789", "[fd00::1]:6789"}
	if got, err := addLine(v1); got != "10.0.0.1:6789,[fd00::1]:6789 "+who+" p i -" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for name, change := range map[string]func(*Volume){
		"space": func(v *Volume) { v.Image.Name = "a b" }, "comma": func(v *Volume) { v.Connection.Entity = "client.a,exclusive" },
		"name of a host": func(v *Volume) { v.Connection.Mons = []string{"mon.example:3300"} },
		"no mons":        func(v *Volume) { v.Connection.Mons = nil },
		"nothing in common": func(v *Volume) {
			v.Connection.Mons = []string{"v1:10.0.0.1:6789", "v2:10.0.0.2:3300"}
		},
	} {
		v := volume(block.SingleNode)
		change(&v)
		if line, err := addLine(v); fault.CodeOf(err) != codes.InvalidArgument {
			t.Errorf("%s: %q, %v", name, line, err)
		}
	}
}

// metadata is that of one image.
type metadata map[string]string

func (m metadata) Get(_ context.Context, _ Volume, key string) (string, error) { return m[key], nil }
func (m metadata) Set(_ context.Context, _ Volume, key, value string) error {
	m[key] = value
	return nil
}
func (m metadata) Blank(context.Context, Volume) (bool, error) { return true, nil }

// fakeBus is a directory in the place of sysfs. What is written to its files stays there.
func fakeBus(t *testing.T, devices map[string]map[string]string) *KRBD {
	t.Helper()
	sys := t.TempDir()
	write := func(text string, elem ...string) {
		path := filepath.Join(append([]string{sys}, elem...)...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("", "bus/rbd/add_single_major")
	write("", "bus/rbd/remove_single_major")
	for id, attributes := range devices {
		for name, value := range attributes {
			write(value+"\n", "bus/rbd/devices", id, name)
		}
		write("251:16\n", "block", "rbd"+id, "dev")
		write("2048\n", "block", "rbd"+id, "size")
	}
	return &KRBD{
		Do: func(f func() error) error { return f() }, NodeName: "n1", Sys: sys, Dev: t.TempDir(), Metadata: metadata{},
		Load: func(context.Context) error { return errors.New("no module") },
		Hold: func(string, []byte) error { return nil },
	}
}

func device(cluster, pool, namespace, name, snapshot string) map[string]string {
	return map[string]string{
		"cluster_fsid": cluster, "pool": pool, "pool_ns": namespace, "name": name, "current_snap": snapshot, "client_addr": "10.0.0.9:0/123", "refresh": "",
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		device map[string]string
		want   bool
	}{
		"ours": {device(fsid, "p", "", "i", "-"), true}, "another cluster's": {device("other", "p", "", "i", "-"), false},
		"another pool's": {device(fsid, "q", "", "i", "-"), false}, "in a namespace": {device(fsid, "p", "n", "i", "-"), false},
		"a snapshot": {device(fsid, "p", "", "i", "s"), false}, "another image": {device(fsid, "p", "", "j", "-"), false},
	} {
		k := fakeBus(t, map[string]map[string]string{"7": c.device})
		found, is, err := k.find(volume(block.SingleNode))
		if is != c.want || err != nil || is && (found.id != 7 || found.number.Major != 251) {
			t.Errorf("%s: %+v, %t, %v", name, found, is, err)
		}
		h := k.Health(t.Context(), volume(block.SingleNode), Device{Number: found.number})
		if h.Gone == c.want {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// The kernel is told the line, and its silence is an error; an image that it has is recorded with the client's address.
func TestMapByKernel(t *testing.T) {
	t.Parallel()
	k := fakeBus(t, nil)
	var held string
	k.Hold = func(name string, key []byte) error { held = name + "=" + string(key); return nil }
	if _, err := k.Map(t.Context(), volume(block.SingleNode)); err == nil || !strings.Contains(err.Error(), "shows no device") {
		t.Errorf("%v", err)
	}
	line, err := os.ReadFile(k.bus("add_single_major"))
	if want := " p i -"; err != nil || !strings.HasSuffix(string(line), want) || strings.Contains(string(line), "c2VjcmV0") {
		t.Errorf("the kernel was told %q, %v", line, err)
	}
	if held != fsid+".client.seamount-node-n1=secret" {
		t.Errorf("held %q", held)
	}
	k = fakeBus(t, map[string]map[string]string{"7": device(fsid, "p", "", "i", "-")})
	if err := k.recordClient(t.Context(), volume(block.SingleNode), 7); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metadata{"seamount.client.n1": "10.0.0.9:0/123"}, k.Metadata); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if size, err := k.Resize(t.Context(), volume(block.SingleNode), Device{Size: 1 << 19}); size != 1<<20 || err != nil {
		t.Errorf("resized to %d, %v", size, err)
	}
	if _, _, err := k.remove(volume(block.SingleNode)); err != nil {
		t.Error(err)
	}
	if id, err := os.ReadFile(k.bus("remove_single_major")); string(id) != "7" || err != nil {
		t.Errorf("the kernel was told to remove %q, %v", id, err)
	}
	if err := fakeBus(t, nil).Unmap(t.Context(), volume(block.SingleNode), Device{}); err != nil {
		t.Errorf("what is not mapped: %v", err)
	}
}

func TestSupportOfKernel(t *testing.T) {
	t.Parallel()
	if s := fakeBus(t, nil).Support(t.Context()); !s.Offered {
		t.Errorf("%+v", s)
	}
	k := fakeBus(t, nil)
	k.Sys = t.TempDir()
	for range 2 {
		if s := k.Support(t.Context()); s.Offered || !strings.Contains(s.Reason, "no module") {
			t.Errorf("%+v", s)
		}
	}
}

func TestMapErrors(t *testing.T) {
	t.Parallel()
	for err, want := range map[unix.Errno]codes.Code{
		unix.ENOENT: codes.NotFound, unix.EACCES: codes.PermissionDenied, unix.EROFS: codes.FailedPrecondition, unix.ESHUTDOWN: codes.FailedPrecondition,
		unix.EINVAL: codes.FailedPrecondition, unix.ETIMEDOUT: codes.Unavailable, unix.EIO: codes.Internal,
	} {
		if got := mapError(volume(block.SingleNode), err); fault.CodeOf(got) != want || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestStacked(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	for name, text := range map[string]string{
		"block/loop8/loop/backing_file": "/dev/loop3\n", "block/loop9/loop/backing_file": "/dev/loop30\n", "class/block/loop3/holders/dm-0": "",
	} {
		path := filepath.Join(sys, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := stackedIn(sys, "/dev/loop3")
	if diff := cmp.Diff([]string{"the loop device loop8 on it", "the device dm-0 on it"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
