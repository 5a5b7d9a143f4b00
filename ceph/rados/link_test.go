package rados

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	errRejected   = errors.New("rejected")
	errUnanswered = errors.New("unanswered")
)

// opener is a cluster to connect to: it hands out connection numbers.
type opener struct {
	opened, closed int
	next           chan error // if set, each attempt takes its outcome from it
}

func (o *opener) open() (int, error) {
	if o.next != nil {
		if err := <-o.next; err != nil {
			return 0, err
		}
	}
	o.opened++
	return o.opened, nil
}

func (o *opener) link() *link[int] {
	return newLink(o.open, func(int) { o.closed++ },
		func(err error) bool { return err == errRejected }, func(err error) bool { return err == errUnanswered })
}

func acquire(t *testing.T, k *link[int]) *session[int] {
	t.Helper()
	s, err := k.acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLinkConnectsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{next: make(chan error)}
		k := o.link()
		got := make(chan *session[int], 2)
		for range 2 {
			go func() { got <- acquire(t, k) }()
		}
		synctest.Wait()
		o.next <- nil
		if a, b := <-got, <-got; a != b || a.handle != 1 {
			t.Errorf("two calls got connections %d and %d, want one", a.handle, b.handle)
		}
		k.close()
	})
}

func TestLinkKeepsWhatAHungCallUses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		k := o.link()
		s := acquire(t, k)
		k.close()
		synctest.Wait()
		if o.closed != 0 {
			t.Error("the connection was freed although a call uses it")
		}
		if _, n := k.snapshot(); n != 1 {
			t.Errorf("%d sessions are counted, want the one in use", n)
		}
		k.release(s)
		synctest.Wait()
		if _, n := k.snapshot(); o.closed != 1 || n != 0 {
			t.Errorf("freed %d times, %d counted, want 1 and 0", o.closed, n)
		}
		if _, err := k.acquire(context.Background()); err != errClosing {
			t.Errorf("acquire after close: %v, want errClosing", err)
		}
		k.close() // again, for no effect
	})
}

func TestLinkReconnectsAfterABreak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		k := o.link()
		s := acquire(t, k)
		k.retire(s)
		k.release(s)
		began := time.Now()
		again := acquire(t, k)
		if again.handle != 2 || o.closed != 1 {
			t.Errorf("connection %d, %d freed, want the second and the first freed", again.handle, o.closed)
		}
		if waited := time.Since(began); waited != reconnectPause {
			t.Errorf("reconnected after %v, want %v between two attempts", waited, reconnectPause)
		}
		k.release(again)
		k.close()
		synctest.Wait()
	})
}

func TestLinkTellsWhyItCannotConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{next: make(chan error, 2)}
		k := o.link()
		gone := errors.New("gone")
		o.next <- gone
		if _, err := k.acquire(context.Background()); err != gone {
			t.Errorf("acquire = %v, want %v", err, gone)
		}
		o.next <- nil
		k.release(acquire(t, k))
		k.close()
		synctest.Wait()
	})
}

func TestLinkTriesOnWhileACallWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{next: make(chan error, 3)}
		k := o.link()
		o.next <- errUnanswered
		o.next <- errUnanswered
		o.next <- nil
		k.release(acquire(t, k))
		if stats, _ := k.snapshot(); stats.Started != 3 {
			t.Errorf("%d attempts, want 3", stats.Started)
		}
		k.close()
		synctest.Wait()
	})
}

// An attempt that hangs is not repeated beside itself; when it ends well after
// all, it serves the next call.
func TestLinkUsesALateConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{next: make(chan error)}
		k := o.link()
		for range 2 {
			if _, err := k.acquire(timeout(t, time.Second)); err != errDeadline {
				t.Errorf("acquire = %v, want errDeadline", err)
			}
		}
		stats, _ := k.snapshot()
		if diff := cmp.Diff(CallStats{Started: 1, TimedOut: 1, Hung: 1}, stats); diff != "" {
			t.Errorf("while it hangs (-want +got):\n%s", diff)
		}
		o.next <- nil
		synctest.Wait()
		k.release(acquire(t, k))
		stats, n := k.snapshot()
		if diff := cmp.Diff(CallStats{Started: 1, TimedOut: 1}, stats); diff != "" || n != 1 {
			t.Errorf("when it is back: %d sessions (-want +got):\n%s", n, diff)
		}
		k.close()
		synctest.Wait()
	})
}

func TestLinkFreesAConnectionThatComesAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{next: make(chan error)}
		k := o.link()
		if _, err := k.acquire(timeout(t, time.Second)); err != errDeadline {
			t.Fatalf("acquire = %v, want errDeadline", err)
		}
		k.close()
		o.next <- nil
		synctest.Wait()
		if _, n := k.snapshot(); o.opened != 1 || o.closed != 1 || n != 0 {
			t.Errorf("opened %d, freed %d, %d left", o.opened, o.closed, n)
		}
	})
}

// doubted makes a link whose only session did not answer a call.
func doubted(t *testing.T, o *opener) (*link[int], *session[int]) {
	t.Helper()
	k := o.link()
	k.pause = 0
	s := acquire(t, k)
	k.doubt(s, time.Now())
	synctest.Wait()
	return k, s
}

func TestDoubtReplacesASilentSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		k, s := doubted(t, o)
		if next := acquire(t, k); next.handle != 2 || o.closed != 0 {
			t.Errorf("connection %d, %d freed, want the second, and the first kept for its hung call", next.handle, o.closed)
		}
		k.release(s)
		synctest.Wait()
		if o.closed != 1 {
			t.Errorf("%d freed after the hung call came back, want 1", o.closed)
		}
		k.close()
		synctest.Wait()
	})
}

func TestDoubtIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		k, _ := doubted(t, o)
		for range 10 {
			k.doubt(acquire(t, k), time.Now())
			synctest.Wait()
		}
		if o.opened != maxSessions {
			t.Errorf("%d connections, want at most %d", o.opened, maxSessions)
		}
	})
}

func TestDoubtIsDispelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		k := o.link()
		s := acquire(t, k)
		began := time.Now()
		k.answer(s)
		k.doubt(s, began)
		synctest.Wait()
		if o.opened != 1 {
			t.Error("a session that answered meanwhile was doubted")
		}
	})
}

func TestDoubtKeepsTheSessionUnlessTheKeyIsRejected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outcome error
		want    bool
	}{
		"unreachable": {errors.New("no mon answers"), true},
		"rejected":    {errRejected, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &opener{next: make(chan error, 2)}
				o.next <- nil
				o.next <- tt.outcome
				_, s := doubted(t, o)
				if kept := !s.retired; kept != tt.want {
					t.Errorf("kept = %t, want %t", kept, tt.want)
				}
			})
		})
	}
}
