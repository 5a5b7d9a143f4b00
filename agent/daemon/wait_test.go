package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// A disk may appear late; one that does not is refused in the end.
func TestOSDWaitsForItsDisk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after  time.Duration
		became bool
	}{"late": {30 * time.Second, true}, "too late": {time.Hour, false}} {
		w, o := newOSD(t, testReservation(false))
		synctest.Test(t, func(t *testing.T) {
			w.t, w.data.missingUntil = t, time.Now().Add(c.after)
			err := w.start(o.Start)
			var refused *RefusedError
			missing := errors.As(err, &refused) && refused.Refusal.Reason == handover.ReasonDiskMissing
			if missing == c.became || errors.Is(err, errBecame) != c.became {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	w, o := newOSD(t, testReservation(false))
	w.data.missingUntil = time.Now().Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The second mon of a store waits until the first is gone.
func TestLockStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		first, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Flock(int(first.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		if err := lockStore(t.Context(), path, time.Minute); !errors.Is(err, errAgain) {
			t.Errorf("two have the lock: %v", err)
		}
		time.AfterFunc(time.Second, func() { first.Close() })
		if err := lockStore(t.Context(), path, time.Minute); err != nil {
			t.Error(err)
		}
	})
}
