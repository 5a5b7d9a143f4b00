//go:build e2e

package fence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/operator/fence"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

const (
	filesystem = "files"
	// group of subvolumes that nodes reach, and one that they do not.
	group, otherGroup = "apps", "others"
	subvolume         = "volume"
)

// reach is what nodes reach of filesystems.
var reach = keys.Files{Filesystem: filesystem, Groups: []string{group}}

// files is a filesystem with a subvolume in each group.
type files struct {
	*testing.T
	cluster *cephtest.Cluster
	admin   *rados.Client
}

// newFiles makes a filesystem. It ends with the cluster.
func newFiles(t *testing.T, cluster *cephtest.Cluster) *files {
	t.Helper()
	f := &files{t, cluster, connect(t, cluster, cluster.Admin())}
	f.ceph("fs", "volume", "create", filesystem)
	for _, g := range []string{group, otherGroup} {
		f.ceph("fs", "subvolumegroup", "create", filesystem, g)
		f.ceph("fs", "subvolume", "create", filesystem, subvolume, "--group_name", g)
	}
	return f
}

func (f *files) ceph(args ...string) string {
	f.Helper()
	out, err := f.cluster.Ceph(within(f), args...)
	do(f, err)
	return strings.TrimSpace(string(out))
}

func (f *files) path(group string) string {
	f.Helper()
	return f.ceph("fs", "subvolume", "getpath", filesystem, subvolume, group)
}

func (f *files) mount(user ceph.Entity) *cephtest.FileMount {
	f.Helper()
	m, err := f.cluster.MountFiles(within(f), user, filesystem, f.path(group))
	do(f, err)
	f.Cleanup(m.End)
	return m
}

// wantNoMount fails unless a user is not let in, for that reason.
func (f *files) wantNoMount(ctx context.Context, user ceph.Entity, path, reason string) {
	f.Helper()
	m, err := f.cluster.MountFiles(ctx, user, filesystem, path)
	if err == nil {
		m.End()
	}
	if err == nil || !strings.Contains(err.Error(), reason) {
		f.Errorf("%s mounts %s: %v, want %s", user.Name, path, err, reason)
	}
}

func (f *files) sessions(user ceph.Entity) []ceph.FileSession {
	f.Helper()
	sessions, err := f.admin.FileSessions(within(f), ceph.RankRef{Filesystem: filesystem}, user.Name)
	do(f, err)
	return sessions
}

// session is the only one of a user. Those of mounts that were refused may end a moment later than these.
func (f *files) session(user ceph.Entity) ceph.FileSession {
	f.Helper()
	var found []ceph.FileSession
	NewWithT(f).Eventually(func() []ceph.FileSession { found = f.sessions(user); return found }, patience, "100ms").Should(HaveLen(1))
	return found[0]
}

// A fenced node neither reads nor writes its file volumes any more, and no new client of it gets in; another node, which has
// the same volume mounted, goes on without an error. A node reaches its groups and nothing beside them.
func filesFenced(t *testing.T, cluster *cephtest.Cluster) {
	f := newFiles(t, cluster)
	n1, n2 := node(t, f.admin, "n1", reach), node(t, f.admin, "n2", reach)
	doomed, healthy := f.mount(n1), f.mount(n2)
	f.wantReach(n1, doomed)

	do(t, put(doomed, "mine", "before"))
	do(t, put(healthy, "theirs", "before"))
	open, err := os.OpenFile(filepath.Join(doomed.Dir, "mine"), os.O_RDWR, 0)
	do(t, err)
	defer open.Close()
	living := keepWriting(healthy)
	had, other := f.session(n1), f.session(n2)

	report, err := fence.Fence(within(t), f.admin, fence.Node{Name: "n1", Boot: "boot-1"}, time.Now())
	do(t, err)
	if diff := cmp.Diff(fence.Report{User: n1.Name, Addresses: []string{had.Addr}}, report); diff != "" {
		t.Error(diff)
	}
	wantErrors(t, map[string]func() error{
		"make a file":             func() error { return put(doomed, "new", "after") },
		"write what it has open":  func() error { return rewrite(open) },
		"read what others wrote":  func() error { return get(doomed, "theirs", "before") },
		"list what is there":      func() error { _, err := os.ReadDir(doomed.Dir); return err },
		"read what it wrote":      func() error { return get(doomed, "mine", "before") },
		"delete what others have": func() error { return os.Remove(filepath.Join(doomed.Dir, "theirs")) },
	})
	f.wantNoMount(during(t, impatience), n1, f.path(group), "context deadline exceeded") // nobody answers it
	if left := f.sessions(n1); len(left) > 0 {
		t.Errorf("sessions of the fenced node: %v", left)
	}
	if diff := cmp.Diff([]ceph.FileSession{other}, f.sessions(n2)); diff != "" {
		t.Errorf("the session of the other node: %s", diff)
	}
	living.wantOn(t)
	do(t, get(healthy, "mine", "before"))
	do(t, get(healthy, "theirs", "before"))
	f.wantLifted(n1, doomed)
}

// wantReach fails unless a node has its group and nothing beside it, and of that the files alone.
func (f *files) wantReach(user ceph.Entity, m *cephtest.FileMount) {
	f.Helper()
	for _, path := range []string{"/", f.path(otherGroup)} {
		f.wantNoMount(within(f), user, path, "ceph mount failed with (1) Operation not permitted")
	}
	if err := unix.Setxattr(m.Dir, "ceph.quota.max_bytes", []byte("1048576"), 0); err == nil {
		f.Error("set a quota")
	}
	if err := os.Mkdir(filepath.Join(m.Dir, ".snap", "mine"), 0o700); err == nil {
		f.Error("took a snapshot")
	}
}

// wantLifted lifts the fence for another boot: a new mount of the node has what was written, and the former has not.
func (f *files) wantLifted(user ceph.Entity, doomed *cephtest.FileMount) {
	f.Helper()
	if _, err := fence.Fence(within(f), f.admin, fence.Node{Name: "n1", Boot: "boot-1"}, time.Now()); err != nil {
		f.Errorf("the second time: %v", err)
	}
	do(f, fence.Unfence(within(f), f.admin, fence.Node{Name: "n1", Boot: "boot-2"}, reach))
	again := f.mount(user)
	do(f, put(again, "mine", "later"))
	do(f, get(again, "theirs", "before"))
	wantErrors(f, map[string]func() error{"write with the mount of before": func() error { return put(doomed, "new", "later") }})
}

// put writes a file, to the disks.
func put(m *cephtest.FileMount, name, content string) error {
	file, err := os.Create(filepath.Join(m.Dir, name))
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Sync(), file.Close())
}

func rewrite(file *os.File) error {
	_, err := file.WriteAt([]byte("after"), 0)
	return errors.Join(err, file.Sync())
}

func get(m *cephtest.FileMount, name, want string) error {
	content, err := os.ReadFile(filepath.Join(m.Dir, name))
	if err == nil && string(content) != want {
		err = fmt.Errorf("%s is %q, want %q", name, content, want)
	}
	return err
}

// hang is how long a call takes that hangs: for ever, for which a busy machine must not be taken.
const hang = 2 * time.Minute

// wantErrors fails unless each call ends with an error: it neither succeeds nor hangs.
func wantErrors(t testing.TB, calls map[string]func() error) {
	t.Helper()
	for what, call := range calls {
		done := make(chan error, 1)
		go func() { done <- call() }()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: no error", what)
			}
			t.Logf("%s: %v", what, err)
		case <-time.After(hang):
			t.Errorf("%s: no answer", what)
		}
	}
}

// fileWriter writes files until it is ended.
type fileWriter struct {
	stop, done chan struct{}
	count      atomic.Int64
	err        error // to be read when it is done
}

func keepWriting(m *cephtest.FileMount) *fileWriter {
	w := &fileWriter{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for w.err == nil {
			select {
			case <-w.stop:
				return
			default:
				w.err = put(m, fmt.Sprintf("file-%d", w.count.Add(1)%8), "content")
			}
		}
	}()
	return w
}

// wantOn ends a writer, which must not have failed, and must have written meanwhile.
func (w *fileWriter) wantOn(t testing.TB) {
	t.Helper()
	before := w.count.Load()
	NewWithT(t).Eventually(w.count.Load, patience).Should(BeNumerically(">", before+8), "it writes on")
	close(w.stop)
	<-w.done
	if w.err != nil {
		t.Errorf("after %d files: %v", w.count.Load(), w.err)
	}
}
