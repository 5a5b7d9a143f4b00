package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/volume/record"

	"google.golang.org/grpc/codes"
)

// watchInterval is how often volumes are looked at, and looking at one may take as long.
const watchInterval = 5 * time.Second

// anew is what a person does about a volume that cannot come back by itself.
const anew = "Delete the pods that use it: the volume is mounted anew when its last pod on this node is gone"

// board says how the volumes are, and tells those that watch it.
type board struct {
	mu         sync.Mutex
	conditions map[string]*agentv1.WatchResponse
	// passing counts how often in a row a volume had trouble that may mend itself.
	passing map[string]int
	changed chan struct{} // closed with each change
	closed  chan struct{} // closed when the service ends
}

// end is closed when the service ends.
func (b *board) end() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed == nil {
		b.closed = make(chan struct{})
	}
	return b.closed
}

// Close ends all watching, once.
func (s *Service) Close() { close(s.board.end()) }

func (b *board) wakeLocked() {
	if b.changed != nil {
		close(b.changed)
	}
	b.changed = make(chan struct{})
}

// set notes how a volume is, with the pods that use it.
func (b *board) set(v *record.Volume, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conditions == nil {
		b.conditions = map[string]*agentv1.WatchResponse{}
	}
	now := &agentv1.WatchResponse{
		VolumeId: v.ID, Condition: &agentv1.Condition{Abnormal: message != "", Message: message}, Pods: pods(affected(v)),
	}
	before := b.conditions[v.ID]
	b.conditions[v.ID] = now
	if before.GetCondition().GetAbnormal() != (message != "") || before.GetCondition().GetMessage() != message ||
		message != "" && len(before.GetPods()) != len(now.GetPods()) {
		b.wakeLocked()
	}
}

// affected are the targets that a condition is about: after a loss only those that have what is lost.
func affected(v *record.Volume) []record.Target {
	if lost := slices.DeleteFunc(slices.Clone(v.Targets), func(t record.Target) bool { return !t.Lost }); len(lost) > 0 {
		return lost
	}
	return v.Targets
}

func pods(targets []record.Target) []*agentv1.Pod {
	var found []*agentv1.Pod
	for _, t := range targets {
		if t.Pod != (record.Pod{}) {
			found = append(found, &agentv1.Pod{Namespace: t.Pod.Namespace, Name: t.Pod.Name, Uid: t.Pod.UID})
		}
	}
	return found
}

// forget drops a volume that is not staged any more. For those that watch it is well.
func (b *board) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conditions[id].GetCondition().GetAbnormal() {
		b.wakeLocked()
	}
	delete(b.conditions, id)
	delete(b.passing, id)
}

func (b *board) condition(id string) *agentv1.Condition {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.conditions[id]; known != nil {
		return known.GetCondition()
	}
	return &agentv1.Condition{}
}

// confirm says whether trouble that may mend itself was there twice in a row.
func (b *board) confirm(id string, trouble bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passing == nil {
		b.passing = map[string]int{}
	}
	if !trouble {
		delete(b.passing, id)
		return false
	}
	b.passing[id]++
	return b.passing[id] > 1
}

// snapshot returns what is abnormal, sorted, and what is closed when that changes.
func (b *board) snapshot() (map[string]*agentv1.WatchResponse, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	abnormal := map[string]*agentv1.WatchResponse{}
	for id, c := range b.conditions {
		if c.GetCondition().GetAbnormal() {
			abnormal[id] = c
		}
	}
	return abnormal, b.changed
}

// Watch tells of all volumes that are abnormal, and then of each that changes.
func (s *Service) Watch(_ *agentv1.WatchRequest, stream grpc.ServerStreamingServer[agentv1.WatchResponse]) error {
	told := map[string]*agentv1.WatchResponse{}
	for {
		abnormal, changed := s.board.snapshot()
		for _, r := range difference(told, abnormal) {
			if err := stream.Send(r); err != nil {
				return err
			}
		}
		told = abnormal
		select {
		case <-stream.Context().Done():
			return nil
		case <-s.board.end():
			return fault.New(codes.Unavailable, "the agent ends: watch again")
		case <-changed:
		}
	}
}

// difference is what is to be told: what is abnormal in another way than before, and what is well again.
func difference(before, now map[string]*agentv1.WatchResponse) []*agentv1.WatchResponse {
	var news []*agentv1.WatchResponse
	for id, r := range now {
		if old := before[id]; old.GetCondition().GetMessage() != r.GetCondition().GetMessage() || len(old.GetPods()) != len(r.GetPods()) {
			news = append(news, r)
		}
	}
	for id, r := range before {
		if now[id] == nil {
			news = append(news, &agentv1.WatchResponse{VolumeId: id, Condition: &agentv1.Condition{}, Pods: r.GetPods()})
		}
	}
	slices.SortFunc(news, func(a, b *agentv1.WatchResponse) int {
		if a.GetVolumeId() < b.GetVolumeId() {
			return -1
		}
		return 1
	})
	return news
}

// Monitor looks at all volumes now and then until ctx ends. It has helpers that died started again.
func (s *Service) Monitor(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		s.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look looks at all volumes once. One that hangs does not keep the others waiting.
func (s *Service) Look(ctx context.Context) {
	volumes, err := s.Records.List()
	if err != nil {
		s.Log.Error(err, "some records cannot be read")
	}
	var group sync.WaitGroup
	for _, v := range volumes {
		if v.Staged {
			group.Go(func() { s.look(ctx, v) })
		}
	}
	group.Wait()
}

func (s *Service) look(ctx context.Context, v *record.Volume) {
	ctx, cancel := context.WithTimeout(ctx, watchInterval)
	defer cancel()
	if v.File() {
		s.mend(ctx, v)
	}
	h := s.health(ctx, v)
	confirmed := s.board.confirm(v.ID, h.Trouble != "" && h.Passing)
	if h.Passing && !confirmed {
		return
	}
	now, err := s.Records.Get(v.ID)
	if err != nil || now == nil || !now.Staged || !sameMapping(now, v) {
		return // it was unstaged meanwhile
	}
	message := h.Trouble
	if message != "" {
		message = fmt.Sprintf("volume %s on node %s: %s", v.Name(), s.ID.Node, message)
	}
	if h.Gone {
		message += ". " + anew
	}
	s.board.set(now, message)
}

// sameMapping says whether a volume is mapped as it was when it was looked at.
func sameMapping(now, then *record.Volume) bool {
	return now.File() && then.File() || now.Device != nil && then.Device != nil && *now.Device == *then.Device
}

// health asks the mapper, and then looks at the filesystem.
func (s *Service) health(ctx context.Context, v *record.Volume) mapper.Health {
	if v.File() {
		return s.filesHealth(ctx, v)
	}
	m, err := s.mapperOf(v)
	if err != nil || v.Device == nil {
		return mapper.Health{}
	}
	if h := m.Health(ctx, s.mapped(v), *v.Device); h.Trouble != "" || v.Filesystem == "" {
		return h
	}
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	switch {
	case err != nil:
		return mapper.Health{Trouble: err.Error(), Passing: true}
	case !there || !ours(v, mounted):
		return mapper.Health{Trouble: "it is not mounted any more: somebody unmounted " + v.Staging, Gone: true}
	case mounted.Frozen() && !readOnly(v) && !slices.Contains(v.MountFlags, "ro"):
		return mapper.Health{Trouble: "its filesystem takes no writes since an error: the node's kernel log says which", Gone: true}
	}
	return s.answers(ctx, v)
}

// answers has the filesystem answer something. Who asks it may hang, so one asks at a time.
func (s *Service) answers(ctx context.Context, v *record.Volume) mapper.Health {
	err := s.doKeyed(ctx, "alive\x00"+v.ID, v.ID, "Look", func(_ context.Context, t *task) error {
		t.at("look at " + v.Staging)
		return s.Filesystems.Alive(v.Staging)
	})
	switch {
	case err == nil:
		return mapper.Health{}
	case errors.Is(err, unix.EIO), errors.Is(err, unix.EUCLEAN):
		return mapper.Health{Trouble: "its filesystem shut itself down after an error: the node's kernel log says which", Gone: true}
	case errors.Is(err, unix.ESHUTDOWN):
		return mapper.Health{Trouble: "Ceph takes no more requests of this node: it was fenced, or was away for so long that its session was evicted", Gone: true}
	case fault.CodeOf(err) == codes.DeadlineExceeded, fault.CodeOf(err) == codes.Aborted:
		return mapper.Health{Trouble: "its filesystem does not answer; it goes on by itself when Ceph does", Passing: true}
	}
	return mapper.Health{Trouble: "its filesystem cannot be looked at: " + err.Error(), Passing: true}
}
