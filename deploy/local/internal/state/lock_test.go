package state

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	first, err := Acquire(t.Context(), d, "up", nil)
	must(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	var holder string
	_, err = Acquire(ctx, d, "down", func(h string) { holder = h })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second lock: error %v, want that the deadline passed", err)
	}
	if !strings.HasPrefix(holder, "up, pid ") || !strings.Contains(err.Error(), holder) {
		t.Errorf("holder %q in error %q", holder, err)
	}

	must(t, first.Release())
	second, err := Acquire(t.Context(), d, "down", nil)
	must(t, err)
	must(t, second.Release())
}

// `down` deletes the lock's file while it holds it: whoever waited must not
// believe to hold a lock that the next command does not see.
func TestLockOnDeletedFileIsNotTaken(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	down, err := Acquire(t.Context(), d, "down", nil)
	must(t, err)

	waiting, got := make(chan struct{}), make(chan *Lock, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		defer close(got)
		if l, err := Acquire(ctx, d, "up", func(string) { close(waiting) }); err == nil {
			got <- l
		}
	}()
	<-waiting
	must(t, os.RemoveAll(d.Path()))
	must(t, down.Release())
	up, ok := <-got
	if !ok {
		t.Fatal("the waiting command never got the lock")
	}
	if !sameFile(up.file, d.LockFile()) {
		t.Error("the lock is held on a file that is not there any more")
	}
	must(t, up.Release())
}
