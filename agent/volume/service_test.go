package volume

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// refused fails unless an error has the code and says all of that.
func refused(t *testing.T, err error, code codes.Code, says ...string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("%v is %s, want %s", err, fault.CodeOf(err), code)
	}
	for _, part := range says {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func publishRequest(target string, fs *agentv1.Filesystem) *agentv1.PublishRequest {
	return &agentv1.PublishRequest{
		VolumeId: "ns/c/p/i", StagingPath: "/k/staging", TargetPath: target, Filesystem: fs, Pod: &agentv1.Pod{Namespace: "ns", Name: "pod", Uid: "u"},
	}
}

// life are the calls of a volume's life.
func life(stage *agentv1.StageRequest) []func(context.Context, *Service) error {
	return []func(context.Context, *Service) error{
		func(ctx context.Context, s *Service) error { _, err := s.Stage(ctx, stage); return err },
		func(ctx context.Context, s *Service) error {
			_, err := s.Publish(ctx, publishRequest("/k/target", stage.GetFilesystem()))
			return err
		},
		func(ctx context.Context, s *Service) error {
			_, err := s.Expand(ctx, &agentv1.ExpandRequest{VolumeId: stage.GetVolumeId(), VolumePath: "/k/target"})
			return err
		},
		func(ctx context.Context, s *Service) error {
			_, err := s.Unpublish(ctx, &agentv1.UnpublishRequest{VolumeId: stage.GetVolumeId(), TargetPath: "/k/target"})
			return err
		},
		func(ctx context.Context, s *Service) error {
			_, err := s.Unstage(ctx, &agentv1.UnstageRequest{VolumeId: stage.GetVolumeId(), StagingPath: "/k/staging"})
			return err
		},
	}
}

// Whatever step an agent ends before, the next one is asked for the same and all ends the same.
func TestEndedAtEachStep(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, *agentv1.StageRequest){
		"xfs": func(*world, *agentv1.StageRequest) {}, "raw": func(_ *world, r *agentv1.StageRequest) { r.Filesystem = nil },
		"read only, with a log": func(w *world, r *agentv1.StageRequest) {
			w.content, w.written, w.log = "xfs", true, true
			r.Access = agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY
		},
	} {
		ended := 0
		for call := range life(nil) {
			for step, more := 1, true; more; step++ {
				w := newWorld(t)
				request := w.request(t)
				change(w, request)
				if more = w.liveAndEnd(t, request, call, step); more {
					ended++
				}
				if t.Failed() {
					t.Fatalf("%s: ended in call %d before step %d", name, call, step)
				}
			}
		}
		if ended < 20 {
			t.Errorf("%s: ended at %d steps", name, ended)
		}
	}
}

// liveAndEnd is false if the call has no step of that number.
func (w *world) liveAndEnd(t *testing.T, request *agentv1.StageRequest, call, step int) bool {
	t.Helper()
	ended := false
	for i, do := range life(request) {
		if i == call {
			ended = w.end(t, do, step)
		}
		s := w.agent(t)
		for range 2 {
			if err := do(t.Context(), s); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
	}
	records, err := w.records.List()
	if err != nil || len(records) > 0 || len(w.mounts) > 0 || len(w.mapped) > 0 || w.formatting != "" {
		t.Errorf("left: records %v, mounts %v, mapped %v, mark %q, %v", records, w.mounts, w.mapped, w.formatting, err)
	}
	if formatted := slices.Index(w.done, "format"); formatted >= 0 && !slices.Contains(w.done[:formatted], `mark "xfs"`) {
		t.Errorf("formatted without a mark: %v", w.done)
	}
	return ended
}

// end has an agent do a call until the step, in which it stays for ever.
func (w *world) end(t *testing.T, do func(context.Context, *Service) error, step int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := w.agent(t)
	count := 0
	s.Step = func(string, string) {
		if count++; count == step {
			cancel()
			select {}
		}
	}
	return do(ctx, s) != nil
}

func TestFormattingRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *agentv1.StageRequest)
		code   codes.Code
		says   string
		format bool
	}{
		"blank":              {func(*world, *agentv1.StageRequest) {}, codes.OK, "", true},
		"formatted":          {func(w *world, _ *agentv1.StageRequest) { w.content, w.written = "xfs", true }, codes.OK, "", false},
		"interrupted":        {func(w *world, _ *agentv1.StageRequest) { w.content, w.written, w.formatting = "half", true, "xfs" }, codes.OK, "", true},
		"another filesystem": {func(w *world, _ *agentv1.StageRequest) { w.content, w.written = "ext4", true }, codes.FailedPrecondition, "holds ext4", false},
		"unknown content":    {func(w *world, _ *agentv1.StageRequest) { w.content, w.written = "half", true }, codes.FailedPrecondition, "holds half", false},
		"missed by samples":  {func(w *world, _ *agentv1.StageRequest) { w.written = true }, codes.FailedPrecondition, "Ceph holds data", false},
		"blank for a reader": {func(_ *world, r *agentv1.StageRequest) { r.Access = agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY }, codes.FailedPrecondition, "let a pod write", false},
		"marked for a reader": {func(w *world, r *agentv1.StageRequest) {
			w.formatting, r.Access = "xfs", agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY
		}, codes.FailedPrecondition, "cut short", false},
	} {
		w := newWorld(t)
		request := w.request(t)
		c.change(w, request)
		before := w.content
		_, err := w.agent(t).Stage(t.Context(), request)
		refused(t, err, c.code, c.says)
		if got := slices.Contains(w.done, "format"); got != c.format {
			t.Errorf("%s: formatted: %t", name, got)
		}
		if err != nil && (len(w.mapped) > 0 || w.content != before) {
			t.Errorf("%s: the image was not given back as it was: %v, %q", name, w.mapped, w.content)
		}
	}
}

func TestStageRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *agentv1.StageRequest)
		code   codes.Code
		says   string
	}{
		"no id":            {func(_ *world, r *agentv1.StageRequest) { r.VolumeId = "" }, codes.InvalidArgument, "id"},
		"relative path":    {func(_ *world, r *agentv1.StageRequest) { r.StagingPath = "staging" }, codes.InvalidArgument, "absolute"},
		"path with dots":   {func(_ *world, r *agentv1.StageRequest) { r.StagingPath = "/k/../etc" }, codes.InvalidArgument, "absolute"},
		"no image":         {func(_ *world, r *agentv1.StageRequest) { r.Image = nil }, codes.InvalidArgument, "image"},
		"odd fsid":         {func(_ *world, r *agentv1.StageRequest) { r.Connection.Fsid = "../x" }, codes.InvalidArgument, "fsid"},
		"no access":        {func(_ *world, r *agentv1.StageRequest) { r.Access = 0 }, codes.InvalidArgument, "access"},
		"shared xfs":       {func(_ *world, r *agentv1.StageRequest) { r.Access = agentv1.Access_ACCESS_MULTI_NODE }, codes.InvalidArgument, "volumeMode Block"},
		"btrfs":            {func(_ *world, r *agentv1.StageRequest) { r.Filesystem.Type = "btrfs" }, codes.InvalidArgument, "xfs or ext4"},
		"another's key":    {func(_ *world, r *agentv1.StageRequest) { r.Connection.SealedKey = []byte("x") }, codes.FailedPrecondition, "attach it again"},
		"forced, not here": {func(_ *world, r *agentv1.StageRequest) { r.Mapper = agentv1.Mapper_MAPPER_KRBD }, codes.FailedPrecondition, "KRBD"},
		"forced NBD":       {func(_ *world, r *agentv1.StageRequest) { r.Mapper = agentv1.Mapper_MAPPER_NBD }, codes.FailedPrecondition, "rbd-nbd"},
		"no mapper":        {func(w *world, _ *agentv1.StageRequest) { w.support = mapper.Support{Reason: "no /dev/fuse"} }, codes.FailedPrecondition, "no /dev/fuse"},
		"mounted by others": {func(w *world, _ *agentv1.StageRequest) {
			w.mounts["/k/staging"] = mountinfo.Mount{Type: "nfs", Source: "x:/y"}
		}, codes.FailedPrecondition, "nfs of x:/y"},
	} {
		w := newWorld(t)
		request := w.request(t)
		c.change(w, request)
		_, err := w.agent(t).Stage(t.Context(), request)
		refused(t, err, c.code, c.says)
		if len(w.mapped) > 0 {
			t.Errorf("%s: it is left mapped", name)
		}
		if name == "mounted by others" && len(w.mounts) != 1 {
			t.Error("what others mounted was unmounted")
		}
	}
}

func TestStagedInAnotherWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	if _, err := s.Stage(t.Context(), w.request(t)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*agentv1.StageRequest){
		"image":      func(r *agentv1.StageRequest) { r.Image.Name = "j" },
		"path":       func(r *agentv1.StageRequest) { r.StagingPath = "/k/other" },
		"access":     func(r *agentv1.StageRequest) { r.Access = agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY },
		"filesystem": func(r *agentv1.StageRequest) { r.Filesystem.Type = "ext4" },
		"mapper":     func(r *agentv1.StageRequest) { r.Mapper = agentv1.Mapper_MAPPER_KRBD },
	} {
		request := w.request(t)
		change(request)
		if _, err := s.Stage(t.Context(), request); fault.CodeOf(err) != codes.AlreadyExists {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.mounts) != 1 || len(w.mapped) != 1 {
		t.Errorf("a refused call changed it: %v, %v", w.mounts, w.mapped)
	}
}

// A volume for one pod is refused to another as long as the first has it, and not to the first when it is asked for again.
func TestOnePodAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	if _, err := s.Stage(t.Context(), w.request(t)); err != nil {
		t.Fatal(err)
	}
	publish := func(target string, single bool) error {
		_, err := s.Publish(t.Context(), &agentv1.PublishRequest{
			VolumeId: "ns/c/p/i", StagingPath: "/k/staging", TargetPath: target, Filesystem: &agentv1.Filesystem{}, SingleWriter: single,
			Pod: &agentv1.Pod{Namespace: "shop", Name: "db-0", Uid: "u1"},
		})
		return err
	}
	for range 2 {
		if err := publish("/k/one", true); err != nil {
			t.Fatal(err)
		}
	}
	err := publish("/k/other", true)
	if fault.CodeOf(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "pod shop/db-0 has it at /k/one") {
		t.Errorf("another pod: %v", err)
	}
	if err := publish("/k/other", false); err != nil {
		t.Errorf("another pod of a volume for several: %v", err)
	}
	for _, target := range []string{"/k/one", "/k/other"} {
		if _, err := s.Unpublish(t.Context(), &agentv1.UnpublishRequest{VolumeId: "ns/c/p/i", TargetPath: target}); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish("/k/other", true); err != nil {
		t.Errorf("another pod after the first has gone: %v", err)
	}
}

// What is lost is removed and mapped anew, unless a pod still has it.
func TestStageAfterLoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	request := w.request(t)
	calls := life(request)
	for _, do := range calls[:2] {
		if err := do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	w.gone = true
	_, err := s.Stage(t.Context(), request)
	refused(t, err, codes.FailedPrecondition, "lost", "ns/pod")
	if err := calls[3](t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), request); err != nil || w.gone {
		t.Errorf("after its pod had gone: %v", err)
	}
}

// A call that hangs holds up its own volume alone, and says what it waits for.
func TestHungCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	free := make(chan struct{})
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	s.Step = func(volume, step string) {
		if volume == "hangs" && step == "Stage: map the image" {
			giveUp() // only here, however long the steps before took: the answer names the step that is under way
			<-free
		}
	}
	hanging := w.request(t)
	hanging.VolumeId, hanging.Image.Name, hanging.StagingPath = "hangs", "hangs", "/k/hangs"
	hanging.Filesystem = nil
	_, err := s.Stage(ctx, hanging)
	refused(t, err, codes.DeadlineExceeded, "map the image", "goes on")
	_, err = s.Unstage(t.Context(), &agentv1.UnstageRequest{VolumeId: "hangs", StagingPath: "/k/hangs"})
	refused(t, err, codes.Aborted, "Stage of volume hangs", "map the image")
	if _, err := s.Stage(t.Context(), w.request(t)); err != nil {
		t.Errorf("another volume: %v", err)
	}
	close(free)
	s.Wait(t.Context())
	if _, err := s.Stage(t.Context(), hanging); err != nil {
		t.Errorf("after it went on: %v", err)
	}
}

func TestBusyNamesWho(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	calls := life(w.request(t))
	for _, do := range calls[:2] {
		if err := do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	w.pins = []host.Pin{{PID: 42, Name: "vim", How: "has /k/target/x open"}}
	w.busy = "/k/target"
	refused(t, calls[3](t.Context(), s), codes.FailedPrecondition, "vim (pid 42) has /k/target/x open")
	w.busy = ""
	refused(t, calls[4](t.Context(), s), codes.FailedPrecondition, "ns/pod", "/k/target")
}

func TestStats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.agent(t)
	at := &agentv1.StatsRequest{VolumeId: "ns/c/p/i", VolumePath: "/k/staging"}
	_, err := s.Stats(t.Context(), at)
	refused(t, err, codes.NotFound, "not staged")
	if _, err := s.Stage(t.Context(), w.request(t)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Stats(t.Context(), at)
	if err != nil || r.GetBytes().GetTotal() != 3 || r.GetInodes().GetTotal() != 9 || r.GetCondition().GetAbnormal() {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := s.Stats(t.Context(), &agentv1.StatsRequest{VolumeId: "ns/c/p/i"}); err != nil || r.GetBytes().GetTotal() != 3 {
		t.Errorf("where it is staged: %v, %v", r, err)
	}
	for _, elsewhere := range []string{"/k/elsewhere", "some/path"} {
		_, err = s.Stats(t.Context(), &agentv1.StatsRequest{VolumeId: "ns/c/p/i", VolumePath: elsewhere})
		refused(t, err, codes.NotFound, elsewhere)
	}
	if r, err := s.Trim(t.Context(), &agentv1.TrimRequest{VolumeId: "ns/c/p/i"}); err != nil || r.GetBytes() != 7 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		// looks is how often it is looked at until it is said.
		looks int
		says  []string
	}{
		"well":           {func(*world) {}, 1, nil},
		"lost":           {func(w *world) { w.health = mapper.Health{Trouble: "both were killed", Gone: true} }, 1, []string{"both were killed", "Delete the pods"}},
		"stalled":        {func(w *world) { w.health = mapper.Health{Trouble: "waits", Passing: true} }, 2, []string{"waits"}},
		"stalled once":   {func(w *world) { w.health = mapper.Health{Trouble: "waits", Passing: true} }, 1, nil},
		"unmounted":      {func(w *world) { delete(w.mounts, "/k/staging") }, 1, []string{"not mounted any more", "Delete the pods"}},
		"takes no write": {func(w *world) { w.frozen = true }, 1, []string{"takes no writes"}},
		"shut down":      {func(w *world) { w.alive = unix.EIO }, 1, []string{"shut itself down"}},
	} {
		w := newWorld(t)
		s := w.agent(t)
		for _, do := range life(w.request(t))[:2] {
			if err := do(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		c.change(w)
		for range c.looks {
			s.Look(t.Context())
		}
		abnormal, _ := s.board.snapshot()
		got := abnormal["ns/c/p/i"]
		if (got != nil) != (c.says != nil) {
			t.Errorf("%s: %v", name, got)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(got.GetCondition().GetMessage(), part) || len(got.GetPods()) != 1 || got.GetPods()[0].GetName() != "pod" {
				t.Errorf("%s: %v does not say %q", name, got, part)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.support = mapper.Support{Offered: true, Reason: "without takeover", MaxVolumes: 500}
	r, err := w.agent(t).Describe(t.Context(), &agentv1.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range r.GetMappers() {
		got = append(got, m.GetMapper().String(), m.GetReason())
	}
	want := []string{"MAPPER_SEAMOUNT", "without takeover", "MAPPER_NBD", noNBD}
	if diff := cmp.Diff(want, got); diff != "" || r.GetNode() != "n1" || !strings.HasPrefix(r.GetNodeId(), "n1/") || r.GetMaxVolumes() != 500 {
		t.Errorf("%v (-want +got):\n%s", r, diff)
	}
}
