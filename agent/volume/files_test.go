package volume

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// fakeMounter has one process for the one volume.
type fakeMounter struct{ *world }

func (fakeMounter) Kind() agentv1.Mounter { return agentv1.Mounter_MOUNTER_FUSE }

func (m fakeMounter) Support(context.Context) mounter.Support {
	return mounter.Support{Offered: m.support.Offered, Reason: m.support.Reason}
}

func anonymous(minor uint32) disk.Number { return disk.Number{Minor: minor} }

func (m fakeMounter) Mount(_ context.Context, v mounter.Volume, dir string) (mounter.Mount, error) {
	if v.Connection.Key != "secret" {
		return mounter.Mount{}, fault.New(codes.PermissionDenied, "wrong key")
	}
	if m.mountErr != nil {
		return mounter.Mount{}, m.mountErr
	}
	defer m.did("mount files %t", v.ReadOnly)()
	if at, there := m.mounts[dir]; there && at.Type != mounter.FuseType {
		return mounter.Mount{}, fault.New(codes.FailedPrecondition, "%s of %s is mounted there", at.Type, at.Source)
	}
	if m.serves == 0 {
		m.mounted++
		m.serves = 100 + m.mounted
		m.mounts[dir] = mountinfo.Mount{Number: anonymous(m.serves), Type: mounter.FuseType, Root: "/"}
	}
	return mounter.Mount{Number: anonymous(m.serves), Process: host.Process{PID: int(m.serves)}}, nil
}

func (m fakeMounter) Unmount(_ context.Context, _ mounter.Volume, dir string, _ mounter.Mount) error {
	defer m.did("unmount files")()
	if m.busy == dir {
		return fmt.Errorf("unmount %s: %w", dir, unix.EBUSY)
	}
	if m.mounts[dir].Type == mounter.FuseType {
		delete(m.mounts, dir)
	}
	m.serves = 0
	return nil
}

func (m fakeMounter) Health(_ context.Context, _ mounter.Volume, mount mounter.Mount) mounter.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mount.Process.PID == int(m.serves) {
		return mounter.Health{}
	}
	return mounter.Health{Trouble: "ceph-fuse died: killed", Died: true}
}

func (w *world) fileRequest(t *testing.T) *agentv1.StageRequest {
	t.Helper()
	r := w.request(t)
	r.Image, r.Access = nil, agentv1.Access_ACCESS_MULTI_NODE
	r.Subvolume = &agentv1.Subvolume{Filesystem: "fs", Path: "/volumes/g/s/uuid"}
	return r
}

func (w *world) snapshotRequest(t *testing.T) *agentv1.StageRequest {
	t.Helper()
	r := w.fileRequest(t)
	r.Subvolume.Path, r.Access = "/volumes/g/s/.snap/n/uuid", agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY
	return r
}

func (w *world) killServer() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serves = 0
}

// Whatever step an agent ends before, and whether the volume's process dies then, all ends the same.
func TestFilesEndedAtEachStep(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]func(*world, *testing.T) *agentv1.StageRequest{
		"subvolume": (*world).fileRequest, "snapshot": (*world).snapshotRequest,
	} {
		for _, dies := range []bool{false, true} {
			ended := 0
			for call := range life(nil) {
				for step, more := 1, true; more; step++ {
					w := newWorld(t)
					if more = w.liveFiles(t, request(w, t), call, step, dies); more {
						ended++
					}
					if t.Failed() {
						t.Fatalf("%s, process dies: %t: ended in call %d before step %d", name, dies, call, step)
					}
				}
			}
			if ended < 15 {
				t.Errorf("%s: ended at %d steps", name, ended)
			}
		}
	}
}

// liveFiles is false if the call has no step of that number.
func (w *world) liveFiles(t *testing.T, request *agentv1.StageRequest, call, step int, dies bool) bool {
	t.Helper()
	ended := false
	for i, do := range life(request) {
		if i == call {
			if ended = w.end(t, do, step); dies {
				w.killServer()
			}
		}
		s := w.agent(t)
		s.Look(t.Context())
		for range 2 {
			if err := do(t.Context(), s); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
	}
	records, err := w.records.List()
	if err != nil || len(records) > 0 || len(w.mounts) > 0 || w.serves != 0 {
		t.Errorf("left: records %v, mounts %v, server %d, %v", records, w.mounts, w.serves, err)
	}
	return ended
}

func TestFilesStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.agent(t).Stage(t.Context(), w.fileRequest(t))
	if err != nil || r.GetMounter() != agentv1.Mounter_MOUNTER_FUSE || r.GetDevice() != "" || r.GetMapper() != agentv1.Mapper_MAPPER_UNSPECIFIED {
		t.Errorf("%v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"mount files false"}, w.done); diff != "" {
		t.Error(diff)
	}
	w = newWorld(t)
	if _, err := w.agent(t).Stage(t.Context(), w.snapshotRequest(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mount files true", "bind true"}, w.done); diff != "" || w.mounts["/k/staging"].Root != "/.snap/n/uuid" {
		t.Errorf("%v %s", w.mounts, diff)
	}
}

func TestFilesStageRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *agentv1.StageRequest)
		code   codes.Code
		says   string
	}{
		"raw":         {func(_ *world, r *agentv1.StageRequest) { r.Filesystem = nil }, codes.InvalidArgument, "volumeMode Filesystem"},
		"xfs":         {func(_ *world, r *agentv1.StageRequest) { r.Filesystem.Type = "xfs" }, codes.InvalidArgument, "fstype"},
		"both":        {func(_ *world, r *agentv1.StageRequest) { r.Image = &agentv1.Image{Pool: "p", Name: "i"} }, codes.InvalidArgument, "an image or a subvolume"},
		"a mapper":    {func(_ *world, r *agentv1.StageRequest) { r.Mapper = agentv1.Mapper_MAPPER_KRBD }, codes.InvalidArgument, "no mapper"},
		"all of it":   {func(_ *world, r *agentv1.StageRequest) { r.Subvolume.Path = "/" }, codes.InvalidArgument, "no subvolume"},
		"no access":   {func(_ *world, r *agentv1.StageRequest) { r.Access = 0 }, codes.InvalidArgument, "access"},
		"forced":      {func(_ *world, r *agentv1.StageRequest) { r.Mounter = agentv1.Mounter_MOUNTER_KERNEL }, codes.FailedPrecondition, "Kernel"},
		"no mounter":  {func(w *world, _ *agentv1.StageRequest) { w.support.Offered, w.support.Reason = false, "no /dev/fuse" }, codes.FailedPrecondition, "no /dev/fuse"},
		"not let in":  {func(w *world, _ *agentv1.StageRequest) { w.mountErr = fault.New(codes.PermissionDenied, "rejected us") }, codes.PermissionDenied, "rejected us"},
		"Ceph's away": {func(w *world, _ *agentv1.StageRequest) { w.mountErr = fault.New(codes.Unavailable, "no MDS") }, codes.Unavailable, "no MDS"},
		"others' mount": {func(w *world, _ *agentv1.StageRequest) {
			w.mounts["/k/staging"] = mountinfo.Mount{Type: "nfs", Source: "x:/y"}
		}, codes.FailedPrecondition, "nfs of x:/y"},
	} {
		w := newWorld(t)
		request := w.fileRequest(t)
		c.change(w, request)
		_, err := w.agent(t).Stage(t.Context(), request)
		t.Log(name)
		refused(t, err, c.code, c.says)
		records, _ := w.records.List()
		if w.serves != 0 || len(records) > 0 != (c.code == codes.Unavailable) {
			t.Errorf("%s: left: server %d, records %v", name, w.serves, records)
		}
		if name == "others' mount" && len(w.mounts) != 1 {
			t.Error("what others mounted was unmounted")
		}
	}
}

func TestFilesStagedInAnotherWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	if _, err := s.Stage(t.Context(), w.fileRequest(t)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*agentv1.StageRequest){
		"path":       func(r *agentv1.StageRequest) { r.Subvolume.Path += "x" },
		"filesystem": func(r *agentv1.StageRequest) { r.Subvolume.Filesystem = "other" },
		"access":     func(r *agentv1.StageRequest) { r.Access = agentv1.Access_ACCESS_SINGLE_NODE },
		"mounter":    func(r *agentv1.StageRequest) { r.Mounter = agentv1.Mounter_MOUNTER_KERNEL },
		"an image": func(r *agentv1.StageRequest) {
			r.Subvolume, r.Image, r.Filesystem = nil, &agentv1.Image{Pool: "p", Name: "i"}, nil
		},
	} {
		request := w.fileRequest(t)
		change(request)
		if _, err := s.Stage(t.Context(), request); fault.CodeOf(err) != codes.AlreadyExists {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// published is a file volume that a pod has.
func published(t *testing.T, w *world) *Service {
	t.Helper()
	s := w.agent(t)
	for _, do := range life(w.fileRequest(t))[:2] {
		if err := do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *Service) abnormal() (message string, pods int) {
	abnormal, _ := s.board.snapshot()
	r := abnormal["ns/c/p/i"]
	return r.GetCondition().GetMessage(), len(r.GetPods())
}

// A process that died is started again, the pods' paths show the new mount, and the pods that have the old one are told.
func TestFilesDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := published(t, w)
	s.Look(t.Context())
	if message, _ := s.abnormal(); message != "" {
		t.Fatalf("well: %s", message)
	}
	w.killServer()
	w.copies = []host.Pin{{PID: 9, Name: "app", How: "has it mounted at /data"}}
	s = w.agent(t) // another agent
	s.Look(t.Context())
	message, pods := s.abnormal()
	for _, part := range []string{"fs:/volumes/g/s/uuid on node n1", "was started again", "had not synced", "delete ns/pod"} {
		if !strings.Contains(message, part) {
			t.Errorf("%q does not say %q", message, part)
		}
	}
	if pods != 1 || w.mounts["/k/target"].Number != anonymous(102) || w.mounts["/k/staging"].Number != anonymous(102) {
		t.Errorf("%d pods, %v", pods, w.mounts)
	}
	// Another pod has it at once, and is not told of what it never had.
	if _, err := s.Publish(t.Context(), publishRequest("/k/other", &agentv1.Filesystem{})); err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
	if _, pods := s.abnormal(); pods != 1 {
		t.Errorf("%d pods are told", pods)
	}
	w.copies = nil // the containers were started again
	s.Look(t.Context())
	if message, _ := s.abnormal(); message != "" {
		t.Error(message)
	}
}

// An agent that ends in the middle of mounting a volume again leaves the rest to the next one.
func TestFilesMendEndedAtEachStep(t *testing.T) {
	t.Parallel()
	ended := 0
	for more := true; more; ended++ {
		w := newWorld(t)
		published(t, w)
		w.killServer()
		w.copies = []host.Pin{{PID: 9}}
		more = w.end(t, func(ctx context.Context, s *Service) error {
			s.Look(ctx)
			return ctx.Err()
		}, ended+1)
		s := w.agent(t)
		s.Look(t.Context())
		if w.mounts["/k/target"].Number != anonymous(w.serves) || w.mounts["/k/staging"].Number != anonymous(w.serves) {
			t.Errorf("ended before step %d: %v, the process serves %d", ended+1, w.mounts, w.serves)
		}
		if message, pods := s.abnormal(); !strings.Contains(message, "was started again") || pods != 1 {
			t.Errorf("ended before step %d: %q", ended+1, message)
		}
	}
	if ended < 7 {
		t.Errorf("ended at %d steps", ended)
	}
}

// A pod that was deleted is no trouble any more, whoever still shows its mount.
func TestFilesDiedAndPodGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := published(t, w)
	w.killServer()
	w.copies = []host.Pin{{PID: 9}}
	s.Look(t.Context())
	if err := life(w.fileRequest(t))[3](t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.Look(t.Context())
	if message, _ := s.abnormal(); message != "" {
		t.Error(message)
	}
	if v, err := w.records.Get("ns/c/p/i"); err != nil || len(v.Lost) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// While it cannot be mounted again, the condition says so, and a publish fails with what stands in the way.
func TestFilesDiedAndCephIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := published(t, w)
	w.killServer()
	w.mountErr = fault.New(codes.Unavailable, "no MDS answers")
	s.Look(t.Context())
	if message, pods := s.abnormal(); !strings.Contains(message, "ceph-fuse died: killed. It is not mounted again yet") || pods != 1 {
		t.Errorf("%q, %d pods", message, pods)
	}
	_, err := s.Publish(t.Context(), publishRequest("/k/other", &agentv1.Filesystem{}))
	refused(t, err, codes.Unavailable, "no MDS answers")
	w.mountErr = nil
	if _, err := s.Publish(t.Context(), publishRequest("/k/other", &agentv1.Filesystem{})); err != nil {
		t.Errorf("when Ceph is back: %v", err)
	}
	s.Look(t.Context())
	if message, _ := s.abnormal(); message != "" {
		t.Errorf("nobody has the lost mount: %s", message)
	}
}

// What kubelet asks for does not wait until Ceph answers and the volume can be mounted again.
func TestFilesMendGivesWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := published(t, w)
	w.killServer()
	begun := make(chan struct{})
	s.Mounters = []mounter.Mounter{hungMounter{fakeMounter{w}, begun}}
	go s.Look(t.Context())
	<-begun
	if err := life(w.fileRequest(t))[3](t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := life(w.fileRequest(t))[4](t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if v, err := w.records.Get("ns/c/p/i"); v != nil || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

// hungMounter mounts nothing, and says when it begins to.
type hungMounter struct {
	fakeMounter
	begun chan struct{}
}

func (m hungMounter) Mount(ctx context.Context, _ mounter.Volume, _ string) (mounter.Mount, error) {
	close(m.begun)
	<-ctx.Done()
	return mounter.Mount{}, ctx.Err()
}

func TestFilesConditions(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*world){
		"not mounted any more": func(w *world) { delete(w.mounts, "/k/staging") },
		"was fenced":           func(w *world) { w.alive = unix.ESHUTDOWN },
	} {
		w := newWorld(t)
		s := published(t, w)
		change(w)
		s.Look(t.Context())
		if message, pods := s.abnormal(); !strings.Contains(message, says) || !strings.Contains(message, "Delete the pods") || pods != 1 {
			t.Errorf("%q does not say %q", message, says)
		}
	}
}

func TestFilesUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := published(t, w)
	ctx, id := t.Context(), "ns/c/p/i"
	if r, err := s.Expand(ctx, &agentv1.ExpandRequest{VolumeId: id, VolumePath: "/k/target"}); err != nil || r.GetBytes() != 3 {
		t.Errorf("expand: %v, %v", r, err)
	}
	if r, err := s.Stats(ctx, &agentv1.StatsRequest{VolumeId: id}); err != nil || r.GetBytes().GetTotal() != 3 || r.GetInodes().GetTotal() != 9 {
		t.Errorf("stats: %v, %v", r, err)
	}
	_, err := s.Trim(ctx, &agentv1.TrimRequest{VolumeId: id})
	refused(t, err, codes.Unimplemented, "file volume")
	_, err = s.Publish(ctx, publishRequest("/k/raw", nil))
	refused(t, err, codes.InvalidArgument, "no block device")
	w.pins, w.busy = []host.Pin{{PID: 42, Name: "vim", How: "has /k/target/x open"}}, "/k/target"
	refused(t, life(w.fileRequest(t))[3](ctx, s), codes.FailedPrecondition, "vim (pid 42)")
	w.busy = ""
	refused(t, life(w.fileRequest(t))[4](ctx, s), codes.FailedPrecondition, "ns/pod", "/k/target")
	if err := life(w.fileRequest(t))[3](ctx, s); err != nil {
		t.Fatal(err)
	}
	w.busy = "/k/staging"
	refused(t, life(w.fileRequest(t))[4](ctx, s), codes.FailedPrecondition, "vim (pid 42)")
	if w.serves == 0 {
		t.Error("what is in use was ended")
	}
	r, err := s.Describe(ctx, &agentv1.DescribeRequest{})
	if err != nil || !slices.ContainsFunc(r.GetMounters(), func(m *agentv1.MounterSupport) bool { return m.GetOffered() }) {
		t.Errorf("%v, %v", r, err)
	}
	if filesystem.Check(filesystem.CephFS) == nil {
		t.Error("a block volume may ask for CephFS")
	}
}
