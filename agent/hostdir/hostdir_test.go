package hostdir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const fsid, other = "8b1c0000-0000-4000-8000-000000000001", "8b1c0000-0000-4000-8000-000000000002"

// fakeNode is a node with two clusters, in the first of which somebody put links to what is not the cluster's, and with one process.
type fakeNode struct {
	Node
	base string
}

const root = "36 25 8:1 / / rw - ext4 /dev/sda1 rw\n"

func newNode(t *testing.T) fakeNode {
	t.Helper()
	dir := t.TempDir()
	n := fakeNode{Node{Root: filepath.Join(dir, "root"), Proc: filepath.Join(dir, "proc")}, filepath.Join(dir, "root", handover.HostDir)}
	for _, path := range []string{
		fsid + "/mon-a/ceph-a/store.db/CURRENT", fsid + "/mon-a/ceph-a/keyring", fsid + "/mon-a/lock", fsid + "/mon-c/lock", fsid + "/file",
		other + "/mon-a/lock", "node/key", "outside/file",
	} {
		n.write(t, filepath.Join(n.base, path), "x")
	}
	for link, target := range map[string]string{
		"up": "../..", "mon-b": "../" + other + "/mon-a", "mon-a/outside": filepath.Join(n.base, "outside"), "mon-a/file": "../../outside/file",
	} {
		if err := os.Symlink(target, filepath.Join(n.base, fsid, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(n.base, "outside/file"), filepath.Join(n.base, fsid, "hard")); err != nil {
		t.Fatal(err)
	}
	n.process(t, "1", "mnt:[1]", root)
	return n
}

func (fakeNode) write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (n fakeNode) process(t *testing.T, pid, space, mounts string) {
	t.Helper()
	n.write(t, filepath.Join(n.Proc, pid, "mountinfo"), mounts)
	if err := errors.Join(os.Mkdir(filepath.Join(n.Proc, pid, "ns"), 0o700), os.Symlink(space, filepath.Join(n.Proc, pid, "ns/mnt"))); err != nil {
		t.Fatal(err)
	}
}

// all lists what there is below the directory of all clusters.
func (n fakeNode) all(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(n.base, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, strings.TrimPrefix(path, n.base))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func without(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return strings.HasPrefix(p, "/"+fsid) })
}

// The directory of the fsid goes, and nothing else, whatever links are in it; again, or of a cluster that was never there, nothing
// is to be done.
func TestRemove(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	want := without(n.all(t))
	for range 2 {
		if err := n.Remove(t.Context(), fsid); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, n.all(t)); diff != "" {
			t.Errorf("what is there (-want +got):\n%s", diff)
		}
	}
	if err := os.RemoveAll(n.base); err != nil {
		t.Fatal(err)
	}
	if err := n.Remove(t.Context(), fsid); err != nil {
		t.Errorf("on a node where no cluster ever was: %v", err)
	}
}

// What is in use, or is not known to be the directory of a cluster, stays as it is to the last name.
func TestRefuses(t *testing.T) {
	t.Parallel()
	mount := func(source, point string) string {
		return root + "37 36 8:1 " + source + " " + point + " rw - ext4 /dev/sda1 rw\n"
	}
	for name, test := range map[string]struct {
		fsid    string
		change  func(t *testing.T, n *fakeNode)
		why     string
		passing bool
	}{
		"no fsid":       {"", nil, "no fsid", false},
		"zeros":         {"00000000-0000-0000-0000-000000000000", nil, "no fsid", false},
		"upwards":       {"../" + fsid, nil, "no fsid", false},
		"capitals":      {strings.ToUpper(fsid), nil, "no fsid", false},
		"in braces":     {"{" + fsid + "}", nil, "no fsid", false},
		"another thing": {"node", nil, "no fsid", false},
		"a link in its place": {other, func(t *testing.T, n *fakeNode) {
			if err := errors.Join(os.RemoveAll(filepath.Join(n.base, other)), os.Symlink(fsid, filepath.Join(n.base, other))); err != nil {
				t.Fatal(err)
			}
		}, "is no directory", false},
		"a file in its place": {"8b1c0000-0000-4000-8000-000000000003", func(t *testing.T, n *fakeNode) {
			n.write(t, filepath.Join(n.base, "8b1c0000-0000-4000-8000-000000000003"), "x")
		}, "is no directory", false},
		"a pod has a store": {fsid, func(t *testing.T, n *fakeNode) {
			n.process(t, "77", "mnt:[2]", mount("/var/lib/seamount/"+fsid+"/mon-a", "/var/lib/ceph/mon"))
		}, "process 77", true},
		"a pod has it where /var is a filesystem": {fsid, func(t *testing.T, n *fakeNode) {
			n.process(t, "77", "mnt:[2]", mount("/lib/seamount/"+fsid, "/data"))
		}, "process 77", true},
		"something is mounted in it": {fsid, func(t *testing.T, n *fakeNode) {
			n.process(t, "77", "mnt:[2]", mount("/", "/var/lib/seamount/"+fsid+"/mon-a"))
		}, "process 77", true},
		"a mon has its store": {fsid, func(t *testing.T, n *fakeNode) {
			lock, err := os.Open(filepath.Join(n.base, fsid, "mon-c/lock"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = lock.Close() })
			if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}, "mon-c", true},
		"no process is seen": {fsid, func(t *testing.T, n *fakeNode) { n.Proc = t.TempDir() }, "no process", false},
		"mounts are not read": {fsid, func(t *testing.T, n *fakeNode) {
			n.process(t, "77", "mnt:[2]", "nonsense\n")
		}, "process 77", false},
		"no root": {fsid, func(_ *testing.T, n *fakeNode) { n.Root += "x" }, "root of the node", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			if test.change != nil {
				test.change(t, &n)
			}
			before := n.all(t)
			err := n.Remove(t.Context(), test.fsid)
			var refused *refusal.Error
			if err == nil || !strings.Contains(err.Error(), test.why) || errors.As(err, &refused) && refused.Passing != test.passing {
				t.Errorf("%v, want %q", err, test.why)
			}
			if diff := cmp.Diff(before, n.all(t)); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}
		})
	}
}

// Processes that end while they are looked at, and another pod's mounts, keep nothing.
func TestOthersDoNotCount(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.process(t, "77", "mnt:[2]", root+"37 36 8:1 /var/lib/seamount/"+other+"/mon-a /var/lib/ceph/mon rw - ext4 /dev/sda1 rw\n")
	if err := os.MkdirAll(filepath.Join(n.Proc, "78"), 0o700); err != nil {
		t.Fatal(err)
	}
	n.write(t, filepath.Join(n.Proc, "uptime"), "1")
	if err := n.Remove(t.Context(), fsid); err != nil {
		t.Error(err)
	}
}

// endsAfter is a context that ends when it was asked so often.
type endsAfter struct {
	context.Context //nolint:containedctx // it is one
	left            int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Cut off at each step, the same request ends it.
func TestCutOffAtEachStep(t *testing.T) {
	t.Parallel()
	for steps := 0; ; steps++ {
		n := newNode(t)
		want := without(n.all(t))
		err := n.Remove(&endsAfter{t.Context(), steps}, fsid)
		if err == nil {
			if steps < 5 {
				t.Fatalf("it took %d steps", steps)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := n.Remove(t.Context(), fsid); err != nil {
			t.Fatalf("after %d steps: %v", steps, err)
		}
		if diff := cmp.Diff(want, n.all(t)); diff != "" {
			t.Errorf("after %d steps (-want +got):\n%s", steps, diff)
		}
	}
}
