package rados

import (
	"context"
	"errors"
	"sync"
)

// interruption is why a call ended before it was done, or was not started.
type interruption string

func (i interruption) Error() string { return string(i) }

const (
	errClosing    interruption = "the client is closed"
	errDeadline   interruption = "no answer by the deadline"
	errCanceled   interruption = "canceled before an answer came"
	errSilent     interruption = "no answer within librados' own timeout"
	errManyHung   interruption = "not started: as many calls as may hang do so already"
	errNoneFree   interruption = "not started: as many calls as may run did so until the deadline"
	errNotStarted interruption = "not started: the context had ended before"
)

// lane runs one kind of call into C, each in a goroutine that its caller can
// leave. It bounds both those that run and those that were left.
type lane struct {
	slots   chan struct{} // one token for each call that runs within its deadline
	maxHung int

	mu    sync.Mutex
	stats CallStats
}

func newLane(l Limits) *lane {
	return &lane{slots: make(chan struct{}, l.Concurrent), maxHung: l.Hung}
}

func (l *lane) snapshot() CallStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// visit is one call on its way through a lane.
type visit struct {
	lane     *lane
	left     bool // by its caller; guarded by lane.mu
	finished bool // guarded by lane.mu
}

// run calls f and returns its result, or earlier with an interruption when ctx
// or the client ends. f is called if and only if started is true; then it may
// still be running.
func run[T any](ctx context.Context, l *lane, closing <-chan struct{}, f func() (T, error)) (v T, started bool, err error) {
	if err := l.enter(ctx, closing); err != nil {
		return v, false, err
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1) // so that a call that was left ends
	visit := &visit{lane: l}
	go func() {
		v, err := f()
		visit.finish()
		done <- result{v, err}
	}()
	var why interruption
	select {
	case r := <-done:
		return r.v, true, r.err
	case <-ctx.Done():
		why = ended(ctx)
	case <-closing:
		why = errClosing
	}
	if visit.leave(why) {
		return v, true, why
	}
	r := <-done
	return r.v, true, r.err
}

// ended tells a deadline from a caller that lost interest.
func ended(ctx context.Context) interruption {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errCanceled
	}
	return errDeadline
}

// enter takes a slot, or says why there is none.
func (l *lane) enter(ctx context.Context, closing <-chan struct{}) error {
	if err := l.admit(ctx, closing); err != nil {
		return err
	}
	select {
	case l.slots <- struct{}{}:
	case <-closing:
		return errClosing
	case <-ctx.Done():
		return l.refuse(errNoneFree)
	}
	return l.start()
}

// admit turns away what need not wait for a slot.
func (l *lane) admit(ctx context.Context, closing <-chan struct{}) error {
	select {
	case <-closing:
		return errClosing
	case <-ctx.Done():
		return errNotStarted
	default:
	}
	if l.snapshot().Hung >= l.maxHung {
		return l.refuse(errManyHung)
	}
	return nil
}

func (l *lane) refuse(why interruption) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Refused++
	return why
}

// start counts a call that has a slot. It may have got it from one that hangs
// now: else those that wait would follow each other into the hang without bound.
func (l *lane) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stats.Hung >= l.maxHung {
		l.stats.Refused++
		<-l.slots
		return errManyHung
	}
	l.stats.Started++
	l.stats.Running++
	return nil
}

// finish is called when the call comes back from C.
func (v *visit) finish() {
	v.lane.mu.Lock()
	defer v.lane.mu.Unlock()
	v.finished = true
	if v.left {
		v.lane.stats.Hung--
		return
	}
	v.lane.stats.Running--
	<-v.lane.slots
}

// leave makes room for another call; false if the call is back already.
func (v *visit) leave(why interruption) bool {
	v.lane.mu.Lock()
	defer v.lane.mu.Unlock()
	if v.finished {
		return false
	}
	v.left = true
	v.lane.stats.Running--
	v.lane.stats.Hung++
	if why == errDeadline {
		v.lane.stats.TimedOut++
	}
	<-v.lane.slots
	return true
}
