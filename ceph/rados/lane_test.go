package rados

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hang is a call into C that comes back when it is told to.
type hang struct{ back chan error }

func newHang() hang { return hang{back: make(chan error)} }

func (h hang) call() (string, error) { return "answer", <-h.back }

func timeout(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// leaveOne makes a call that hangs after its deadline.
func leaveOne(t *testing.T, l *lane) hang {
	t.Helper()
	h := newHang()
	if _, started, err := run(timeout(t, time.Second), l, nil, h.call); err != errDeadline || !started {
		t.Fatalf("run = started %t, %v, want a call that was left", started, err)
	}
	return h
}

func TestRunReturnsTheResult(t *testing.T) {
	t.Parallel()
	l := newLane(Limits{Concurrent: 1, Hung: 1})
	broken := errors.New("broken")
	v, started, err := run(context.Background(), l, nil, func() (int, error) { return 7, broken })
	if v != 7 || !started || err != broken {
		t.Errorf("run = %d, %t, %v, want what the call returned", v, started, err)
	}
	if diff := cmp.Diff(CallStats{Started: 1}, l.snapshot()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestRunLeavesACallAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(Limits{Concurrent: 1, Hung: 2})
		began := time.Now()
		h := leaveOne(t, l)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the caller waited %v, its deadline was 1s", took)
		}
		if diff := cmp.Diff(CallStats{Started: 1, TimedOut: 1, Hung: 1}, l.snapshot()); diff != "" {
			t.Errorf("while it hangs (-want +got):\n%s", diff)
		}
		// Its slot is free again: another call runs although only one may at a time.
		if _, started, err := run(timeout(t, time.Second), l, nil, func() (int, error) { return 0, nil }); err != nil || !started {
			t.Errorf("second call: started %t, %v", started, err)
		}
		h.back <- nil
		synctest.Wait()
		if diff := cmp.Diff(CallStats{Started: 2, TimedOut: 1}, l.snapshot()); diff != "" {
			t.Errorf("when it is back (-want +got):\n%s", diff)
		}
	})
}

func TestRunRefusesWhenTooManyHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(Limits{Concurrent: 4, Hung: 2})
		hung := []hang{leaveOne(t, l), leaveOne(t, l)}
		began := time.Now()
		_, started, err := run(timeout(t, time.Minute), l, nil, func() (int, error) { return 0, nil })
		if err != errManyHung || started || time.Since(began) != 0 {
			t.Errorf("third call: started %t, %v after %v, want a refusal at once", started, err, time.Since(began))
		}
		hung[0].back <- nil
		synctest.Wait()
		if _, _, err := run(timeout(t, time.Minute), l, nil, func() (int, error) { return 0, nil }); err != nil {
			t.Errorf("call after one came back: %v", err)
		}
		hung[1].back <- nil
		synctest.Wait()
		if diff := cmp.Diff(CallStats{Started: 3, TimedOut: 2, Refused: 1}, l.snapshot()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestRunWaitsForASlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(Limits{Concurrent: 1, Hung: 1})
		h := newHang()
		go func() { _, _, _ = run(timeout(t, time.Hour), l, nil, h.call) }()
		synctest.Wait()
		_, started, err := run(timeout(t, time.Second), l, nil, func() (int, error) { return 0, nil })
		if err != errNoneFree || started {
			t.Errorf("run = started %t, %v, want errNoneFree", started, err)
		}
		h.back <- nil
	})
}

// Calls that wait for a slot must not follow each other into the hang.
func TestHungCallsAreBoundedWhateverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(Limits{Concurrent: 2, Hung: 3})
		h := newHang()
		results := make(chan error)
		const calls = 20
		for i := range calls {
			go func() {
				_, _, err := run(timeout(t, time.Duration(i+1)*time.Second), l, nil, h.call)
				results <- err
			}()
		}
		for range calls {
			if err := <-results; err != errDeadline && err != errManyHung && err != errNoneFree {
				t.Errorf("run = %v", err)
			}
		}
		stats := l.snapshot()
		if most := 3 + 2 - 1; stats.Hung > most || stats.Hung != int(stats.Started) {
			t.Errorf("stats = %+v, want at most %d that hang", stats, most)
		}
		for range stats.Hung {
			h.back <- nil
		}
	})
}

func TestRunEndsWithTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLane(Limits{Concurrent: 1, Hung: 1})
		closing, h := make(chan struct{}), newHang()
		got := make(chan error)
		go func() {
			_, _, err := run(context.Background(), l, closing, h.call)
			got <- err
		}()
		synctest.Wait()
		close(closing)
		if err := <-got; err != errClosing {
			t.Errorf("call under way: %v, want errClosing", err)
		}
		if _, started, err := run(context.Background(), l, closing, h.call); err != errClosing || started {
			t.Errorf("later call: started %t, %v, want errClosing", started, err)
		}
		if diff := cmp.Diff(CallStats{Started: 1, Hung: 1}, l.snapshot()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		h.back <- nil
	})
}

// A caller that lost interest is no sign that the cluster hangs.
func TestRunTellsCancelFromDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, h := newLane(Limits{Concurrent: 1, Hung: 1}), newHang()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, _, err := run(ctx, l, nil, h.call); err != errCanceled {
			t.Errorf("run = %v, want errCanceled", err)
		}
		if diff := cmp.Diff(CallStats{Started: 1, Hung: 1}, l.snapshot()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		h.back <- nil
	})
}

func TestRunDoesNotStartAfterTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, started, err := run(ctx, newLane(Limits{Concurrent: 1, Hung: 1}), nil, func() (int, error) { return 0, nil })
	if err != errNotStarted || started {
		t.Errorf("run = started %t, %v, want errNotStarted", started, err)
	}
}
