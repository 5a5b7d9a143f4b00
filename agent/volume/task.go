package volume

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
)

// errBusy is the kernel's word that something is in use.
var errBusy = unix.EBUSY

func list(pins []host.Pin) string {
	texts := make([]string, len(pins))
	for i, p := range pins {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

// taskLimit ends programs that a task runs. To check a large filesystem takes long.
const taskLimit = time.Hour

// task is a call that is under way.
type task struct {
	service      *Service
	volume, name string
	since        time.Time
	// cancel has it end early, and done is closed when it has ended.
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	step string
}

// at says what is done next.
func (t *task) at(step string) {
	t.mu.Lock()
	t.step = step
	t.mu.Unlock()
	if t.service.Step != nil {
		t.service.Step(t.volume, t.name+": "+step)
	}
}

func (t *task) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%s of volume %s has been under way for %s, with: %s", t.name, t.volume, time.Since(t.since).Round(time.Second), t.step)
}

// tasks are the calls that are under way, one for each key.
type tasks struct {
	mu    sync.Mutex
	under map[string]*task
	group sync.WaitGroup
}

// begin is an error while another task with the key is under way.
func (s *Service) begin(key, volume, name string, cancel context.CancelFunc) (*task, error) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	if other := s.tasks.under[key]; other != nil {
		return nil, fault.New(codes.Aborted, "%s; it is waited for", other)
	}
	if s.tasks.under == nil {
		s.tasks.under = map[string]*task{}
	}
	t := &task{service: s, volume: volume, name: name, since: time.Now(), step: "beginning", cancel: cancel, done: make(chan struct{})}
	s.tasks.under[key] = t
	s.tasks.group.Add(1)
	return t, nil
}

func (s *Service) end(key string) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	close(s.tasks.under[key].done)
	delete(s.tasks.under, key)
	s.tasks.group.Done()
}

// mending is the name of the agent's own task, which gives way to what is asked of the agent: it comes back by itself, and may
// take as long as Ceph does not answer.
const mending = "Mend"

// giveWay ends the agent's own task, and says whether it has ended.
func (s *Service) giveWay(ctx context.Context, key, name string) bool {
	s.tasks.mu.Lock()
	other := s.tasks.under[key]
	if other == nil || other.name != mending || name == mending {
		s.tasks.mu.Unlock()
		return other == nil
	}
	other.cancel()
	s.tasks.mu.Unlock()
	select {
	case <-other.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// do runs a call on a volume, of which one is under way at a time. What has begun goes on when the caller no longer waits:
// a mkfs or a check that starts anew each time might never end, and what hangs in the kernel cannot be called back. Other
// volumes are not kept waiting.
func (s *Service) do(ctx context.Context, volume, name string, f func(ctx context.Context, t *task) error) error {
	return s.doKeyed(ctx, volume, volume, name, f)
}

func (s *Service) doKeyed(ctx context.Context, key, volume, name string, f func(ctx context.Context, t *task) error) error {
	running, cancel := context.WithTimeout(context.WithoutCancel(ctx), taskLimit)
	t, err := s.begin(key, volume, name, cancel)
	if err != nil && s.giveWay(ctx, key, name) {
		t, err = s.begin(key, volume, name, cancel)
	}
	if err != nil {
		cancel()
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer cancel()
		err := f(running, t)
		s.end(key)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fault.New(codes.DeadlineExceeded, "%s; it goes on, and its result is told when it is asked for again", t)
	}
}

// Wait waits until nothing is under way, or until ctx ends.
func (s *Service) Wait(ctx context.Context) {
	done := make(chan struct{})
	go func() { s.tasks.group.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
