//go:build e2e

package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/tests/agentnode"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

const (
	// filesystem of all tests, and the group that the node's key is for.
	filesystem, group = "files", "e2e"
	quota             = 64 * mib
)

// files is a subvolume, and where it is to be seen.
type files struct {
	*node
	name, path, dir string
	access          agentv1.Access
}

// ceph runs the command line tool, and returns what it says.
func (n *node) ceph(args ...string) string {
	n.t.Helper()
	out, err := n.cluster.Ceph(within(n.t), args...)
	do(n.t, err)
	return strings.TrimSpace(string(out))
}

// newFiles makes a filesystem unless there is one, and a subvolume in it.
func newFiles(t testing.TB) *files {
	t.Helper()
	cluster := cephtest.Shared(t)
	n := &node{Node: agentnode.New(t), t: t, cluster: cluster}
	if !strings.Contains(n.ceph("fs", "ls"), "name: "+filesystem+",") {
		n.ceph("fs", "volume", "create", filesystem)
	}
	n.ceph("fs", "subvolumegroup", "create", filesystem, group)
	n.attachFiles()
	return n.newFiles(group)
}

func (n *node) newFiles(group string) *files {
	n.t.Helper()
	dir, err := os.MkdirTemp(n.Dir(), "files-")
	do(n.t, err)
	f := &files{node: n, name: filepath.Base(dir), dir: dir, access: agentv1.Access_ACCESS_MULTI_NODE}
	n.ceph("fs", "subvolume", "create", filesystem, f.name, strconv.Itoa(quota), group)
	f.path = n.ceph("fs", "subvolume", "getpath", filesystem, f.name, group)
	return f
}

// attachFiles does what the CSI controller does, with a key for one group alone.
func (n *node) attachFiles() {
	n.t.Helper()
	described, err := n.Describe(within(n.t), &agentv1.DescribeRequest{})
	do(n.t, err)
	id, err := nodekey.ParseID(described.GetNodeId())
	do(n.t, err)
	const entity = "client.seamount-files-" + agentnode.Name
	key, err := n.cluster.NewUser(within(n.t), entity, "mon", "allow r", "mgr", "allow rw",
		"osd", "allow rw tag cephfs data="+filesystem, "mds", "allow rw path=/volumes/"+group)
	do(n.t, err)
	sealed, err := nodekey.Seal(id, entity, key.Reveal())
	do(n.t, err)
	n.attached = &agentv1.Connection{Fsid: n.cluster.FSID(), Mons: n.cluster.MonHosts(), Entity: entity, SealedKey: sealed}
}

func (f *files) id() string { return "ns/main/" + filesystem + "/" + group + "/" + f.name }

func (f *files) staging() string { return filepath.Join(f.dir, "plugins", "globalmount") }

func (f *files) target(pod string) string { return filepath.Join(f.dir, "pods", pod, "mount") }

func (f *files) tryStage(ctx context.Context) error {
	return insist(ctx, func() error {
		r, err := f.Stage(ctx, &agentv1.StageRequest{
			VolumeId: f.id(), Connection: f.attached, Subvolume: &agentv1.Subvolume{Filesystem: filesystem, Path: f.path},
			Mounter: agentv1.Mounter_MOUNTER_FUSE, Access: f.access, Filesystem: &agentv1.Filesystem{}, StagingPath: f.staging(),
		})
		if err == nil && r.GetMounter() != agentv1.Mounter_MOUNTER_FUSE {
			err = fmt.Errorf("mounted by %s", r.GetMounter())
		}
		return err
	})
}

func (f *files) tryUnstage(ctx context.Context) error {
	return insist(ctx, func() error {
		_, err := f.Unstage(ctx, &agentv1.UnstageRequest{VolumeId: f.id(), StagingPath: f.staging()})
		return err
	})
}

func (f *files) tryPublish(ctx context.Context, pod string, readOnly bool) error {
	_, err := f.Publish(ctx, &agentv1.PublishRequest{
		VolumeId: f.id(), StagingPath: f.staging(), TargetPath: f.target(pod), ReadOnly: readOnly, Filesystem: &agentv1.Filesystem{},
		Pod: &agentv1.Pod{Namespace: "default", Name: pod, Uid: pod + "-uid"},
	})
	return err
}

func (f *files) tryUnpublish(ctx context.Context, pod string) error {
	_, err := f.Unpublish(ctx, &agentv1.UnpublishRequest{VolumeId: f.id(), TargetPath: f.target(pod)})
	return err
}

// server is the volume's ceph-fuse, 0 if none runs.
func (f *files) server() int {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a constant
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), "\x00"+f.staging()+"\x00") {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	return 0
}

// wantGone fails unless nothing is left of the volume on the node.
func (f *files) wantGone() {
	f.t.Helper()
	for _, m := range agentnode.MountsBelow(f.t, f.dir) {
		f.t.Errorf("still mounted: %s", m.Point)
	}
	if pid := f.server(); pid != 0 {
		f.t.Errorf("process %d still serves it", pid)
	}
	for _, pattern := range []string{"file/*", "agent/volumes/*" + f.name + "*", "log/file-*"} {
		left, err := filepath.Glob(filepath.Join(f.Order.Run, pattern))
		do(f.t, err)
		if len(left) > 0 {
			f.t.Errorf("left: %s", left)
		}
	}
}

func (f *files) condition() string {
	f.t.Helper()
	r, err := f.Stats(within(f.t), &agentv1.StatsRequest{VolumeId: f.id()})
	do(f.t, err)
	return r.GetCondition().GetMessage()
}

// Everything that kubelet asks for, from the first mount to the last.
func TestFilesWholeLife(t *testing.T) {
	f := newFiles(t)
	for range 2 {
		do(t, f.tryStage(within(t)))
		do(t, f.tryPublish(within(t), "writer", false))
		do(t, f.tryPublish(within(t), "reader", true))
	}
	rss, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(f.server())).Output()
	t.Logf("ceph-fuse has %s KiB, %v", strings.TrimSpace(string(rss)), err)
	write(t, f.target("writer")+"/file", content)
	wantContent(t, f.target("reader")+"/file", content)
	if err := os.WriteFile(f.target("reader")+"/no", nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Errorf("the reader wrote: %v", err)
	}
	r, err := f.Stats(within(t), &agentv1.StatsRequest{VolumeId: f.id(), VolumePath: f.target("writer")})
	if err != nil || r.GetBytes().GetTotal() != quota {
		t.Errorf("%v, %v", r, err)
	}
	f.fill()
	refused(t, f.tryUnstage(within(t)), codes.FailedPrecondition, "default/writer", "default/reader")
	_, err = f.Trim(within(t), &agentv1.TrimRequest{VolumeId: f.id()})
	refused(t, err, codes.Unimplemented, "file volume")
	for _, pod := range []string{"writer", "reader", "reader"} {
		do(t, f.tryUnpublish(within(t), pod))
	}
	for range 2 {
		do(t, f.tryUnstage(within(t)))
	}
	f.wantGone()
	do(t, f.tryStage(within(t))) // what was written is there
	wantContent(t, f.staging()+"/file", content)
	do(t, f.tryUnstage(within(t)))
}

// fill writes until the quota says no, which the MDS notices a moment late.
func (f *files) fill() {
	f.t.Helper()
	file, err := os.Create(f.target("writer") + "/large")
	do(f.t, err)
	defer file.Close()
	block := make([]byte, mib)
	for written := 0; ; written += mib {
		_, err := file.Write(block)
		if err == nil {
			err = file.Sync()
		}
		if errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.ENOSPC) {
			f.t.Logf("%v after %d MiB", err, written/mib)
			break
		}
		if err != nil || written > 2*quota {
			f.t.Fatalf("after %d bytes: %v", written, err)
		}
	}
	do(f.t, os.Remove(file.Name()))
}

// ceph-fuse is killed: it is started again, what was synced is there, and whose pod has the mount that died is told.
func TestFilesServerDies(t *testing.T) {
	f := newFiles(t)
	do(t, f.tryStage(within(t)))
	do(t, f.tryPublish(within(t), "writer", false))
	write(t, f.target("writer")+"/file", content)
	container := exec.Command("unshare", "--mount", "--propagation", "private", "sleep", "1000")
	do(t, container.Start())
	t.Cleanup(func() {
		_ = container.Process.Kill() // it may have ended
		_ = container.Wait()         // it was killed
	})
	inside := fmt.Sprintf("/proc/%d/root%s/file", container.Process.Pid, f.target("writer"))
	g := NewWithT(t)
	g.Eventually(func() error {
		own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", container.Process.Pid))
		if ours, ownErr := os.Readlink("/proc/self/ns/mnt"); err == nil && ownErr == nil && own == ours {
			err = errors.New("it has no namespace of its own yet")
		}
		return err
	}, patience, "20ms").Should(Succeed())
	wantContent(t, inside, content)
	first := f.server()
	do(t, unix.Kill(first, unix.SIGKILL))
	g.Eventually(func() error { _, err := os.ReadFile(f.target("writer") + "/file"); return err }, patience, "100ms").Should(Succeed())
	if second := f.server(); second == first || second == 0 {
		t.Errorf("it was %d and is %d", first, second)
	}
	wantContent(t, f.target("writer")+"/file", content)
	if _, err := os.ReadFile(inside); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("a container that ran: %v", err)
	}
	g.Eventually(f.condition, patience, "100ms").Should(And(ContainSubstring("was started again"), ContainSubstring("default/writer")))
	do(t, f.tryPublish(within(t), "other", false))
	write(t, f.target("other")+"/file2", content)
	do(t, container.Process.Kill())
	_ = container.Wait() // it was killed
	g.Eventually(f.condition, patience, "100ms").Should(BeEmpty())
	f.giveBack("writer", "other")
}

func (f *files) giveBack(pods ...string) {
	f.t.Helper()
	for _, pod := range pods {
		do(f.t, f.tryUnpublish(within(f.t), pod))
	}
	do(f.t, f.tryUnstage(within(f.t)))
	f.wantGone()
}

// What serves volumes goes on without the agent, and the next one takes it over.
func TestFilesOutliveTheAgent(t *testing.T) {
	f := newFiles(t)
	do(t, f.tryStage(within(t)))
	do(t, f.tryPublish(within(t), "writer", false))
	server := f.server()
	f.Kill()
	write(t, f.target("writer")+"/file", content)
	f.Start(0)
	do(t, f.tryStage(within(t)))
	if now := f.server(); now != server {
		t.Errorf("the process was %d and is %d", server, now)
	}
	wantContent(t, f.target("writer")+"/file", content)
	f.giveBack("writer")
}

// The agent is killed before every step of every call, and the next one is asked for the same.
func TestFilesKilledAtEachStep(t *testing.T) {
	f := newFiles(t)
	calls := []func(context.Context) error{
		f.tryStage,
		func(ctx context.Context) error { return f.tryPublish(ctx, "writer", false) },
		func(ctx context.Context) error { return f.tryUnpublish(ctx, "writer") },
		f.tryUnstage,
	}
	for call := range calls {
		for kill, more := 1, true; more; kill++ {
			more = f.liveWithKill(calls, call, kill)
		}
	}
}

// liveWithKill is false if the call has no step of that number.
func (f *files) liveWithKill(calls []func(context.Context) error, call, kill int) bool {
	f.t.Helper()
	killed := false
	for i, do := range calls {
		if i == call {
			f.Kill()
			f.Start(kill)
			err := do(within(f.t))
			if killed = err != nil; killed && status.Code(err) != codes.Unavailable {
				f.t.Fatalf("call %d, killed before step %d: %v", i, kill, err)
			}
			f.Restart()
		}
		for range 2 {
			if err := do(within(f.t)); err != nil {
				f.t.Fatalf("call %d, after a kill in call %d before step %d: %v", i, call, kill, err)
			}
		}
		if i == 1 {
			write(f.t, f.target("writer")+"/file", content)
		}
	}
	f.wantGone()
	return killed
}

// A volume that somebody else still has is not given back, and who that is is said. One that was copied neither.
func TestFilesUnstageNamesWhoPins(t *testing.T) {
	f := newFiles(t)
	do(t, f.tryStage(within(t)))
	pin := exec.Command("sleep", "1000")
	pin.Dir = f.staging()
	do(t, pin.Start())
	refused(t, f.tryUnstage(within(t)), codes.FailedPrecondition, "sleep (pid "+strconv.Itoa(pin.Process.Pid)+")")
	do(t, pin.Process.Kill())
	_ = pin.Wait() // it was killed
	f.giveBack()
}

// A snapshot is mounted for reading.
func TestFilesSnapshot(t *testing.T) {
	f := newFiles(t)
	do(t, f.tryStage(within(t)))
	write(t, f.staging()+"/file", content)
	f.giveBack()
	f.ceph("fs", "subvolume", "snapshot", "create", filesystem, f.name, "snap", group)
	f.path = filepath.Join(filepath.Dir(f.path), ".snap", "snap", filepath.Base(f.path))
	f.access = agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY
	do(t, f.tryStage(within(t)))
	do(t, f.tryPublish(within(t), "reader", true))
	wantContent(t, f.target("reader")+"/file", content)
	if err := os.WriteFile(f.target("reader")+"/no", nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Errorf("the reader wrote: %v", err)
	}
	f.giveBack("reader")
}

// A node's key lets it into its group alone, and Ceph's own words say so.
func TestFilesRestrictedKey(t *testing.T) {
	f := newFiles(t)
	f.ceph("fs", "subvolumegroup", "create", filesystem, "others")
	other := f.newFiles("others")
	refused(t, other.tryStage(within(t)), codes.PermissionDenied, "ceph mount failed with")
	other.wantGone()
	f.path = "/volumes"
	refused(t, f.tryStage(within(t)), codes.InvalidArgument, "no subvolume")
}
