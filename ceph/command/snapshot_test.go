package command

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			c := &recorded{t: t, release: release}
			got, err := newAdmin(c).Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(c.sent) != got.Commands || got.Commands > ceph.MaxSnapshotCommands {
				t.Errorf("%d commands were sent, the snapshot says %d and %d are allowed", len(c.sent), got.Commands, ceph.MaxSnapshotCommands)
			}
			golden(t, release+"/snapshot", got)
		})
	}
}

// TestSnapshotIsNeverPartial lets each of its commands fail in turn, by a
// refusal and by an answer that is not its own.
func TestSnapshotIsNeverPartial(t *testing.T) {
	t.Parallel()
	c := &recorded{t: t, release: "20.2.4"}
	if _, err := newAdmin(c).Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, op := range c.sent {
		failing := &failing{Transport: &recorded{t: t, release: "20.2.4"}, op: op}
		if got, err := newAdmin(failing).Snapshot(t.Context()); got != nil || !errors.Is(err, ceph.ErrPermission) {
			t.Errorf("%s refused: got %v %v, want its error and nothing else", op, got, err)
		}
		garbled := &recorded{t: t, release: "20.2.4", override: map[string][]byte{op: []byte(page)}}
		if got, err := newAdmin(garbled).Snapshot(t.Context()); got != nil || !errors.Is(err, ceph.ErrMalformed) {
			t.Errorf("%s garbled: got %v %v, want its error and nothing else", op, got, err)
		}
	}
}

// failing refuses one command.
type failing struct {
	Transport
	op string
}

func (c *failing) Send(ctx context.Context, r Request) (Reply, error) {
	if r.Op == c.op {
		return Reply{}, Failure(r, ceph.EACCES, "access denied")
	}
	return c.Transport.Send(ctx, r)
}

// TestSnapshotWithoutMgr asks no mgr that is not there: that would hang.
func TestSnapshotWithoutMgr(t *testing.T) {
	t.Parallel()
	c := &recorded{t: t, release: "20.2.4", override: map[string][]byte{
		"mgr dump": []byte(`{"epoch":1,"available":false,"active_name":"","standbys":[],"modules":[],"always_on_modules":{}}`),
	}}
	got, err := newAdmin(c).Snapshot(t.Context())
	if got != nil || !errors.Is(err, ceph.ErrAgain) {
		t.Errorf("got %v %v, want to come back later", got, err)
	}
	if slices.Contains(c.sent, "osd df") {
		t.Error("a mgr was asked")
	}
}

// TestSnapshotTime dates a snapshot before its first command.
func TestSnapshotTime(t *testing.T) {
	t.Parallel()
	var ticks atomic.Int64
	now := func() time.Time { return someTime.Add(time.Duration(ticks.Load()) * time.Second) }
	c := &counting{Transport: &recorded{t: t, release: "20.2.4"}, sent: func() { ticks.Add(1) }}
	got, err := NewAdmin(c, now).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.At.Equal(someTime) || got.Took != ceph.MaxSnapshotCommands*time.Second {
		t.Errorf("got %v and %v, want the time before the first command and until the last", got.At, got.Took)
	}
}

// TestSnapshotIsBounded counts the commands under way at the same time.
func TestSnapshotIsBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	c := &counting{Transport: &recorded{t: t, release: "20.2.4"}, sent: func() {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	}, done: func() { now.Add(-1) }}
	if _, err := newAdmin(c).Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most.Load() > snapshotParallel {
		t.Errorf("%d commands at once, want at most %d", most.Load(), snapshotParallel)
	}
}

type counting struct {
	Transport
	sent, done func()
}

func (c *counting) Send(ctx context.Context, r Request) (Reply, error) {
	c.sent()
	if c.done != nil {
		defer c.done()
	}
	return c.Transport.Send(ctx, r)
}

// TestSnapshotEnds when its context does, however many commands hang.
func TestSnapshotEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := &hanging{begun: make(chan struct{}, ceph.MaxSnapshotCommands)}
	go func() {
		<-c.begun
		cancel()
	}()
	if got, err := newAdmin(c).Snapshot(ctx); got != nil || !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("got %v %v, want the transport's error", got, err)
	}
}

// hanging answers nothing until the context ends.
type hanging struct{ begun chan struct{} }

func (c *hanging) Send(ctx context.Context, r Request) (Reply, error) {
	c.begun <- struct{}{}
	<-ctx.Done()
	return Reply{}, r.fail(ceph.ErrTimeout, ctx.Err().Error())
}
