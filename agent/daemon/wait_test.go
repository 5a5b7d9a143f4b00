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

	"github.com/seamount-dev/seamount/agent/wait"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// A disk may appear late; one that does not is refused in the end.
func TestOSDWaitsForItsDisk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after  time.Duration
		why    error
		became bool
		reason string
	}{
		"late":             {30 * time.Second, ErrMissing, true, ""},
		"too late":         {time.Hour, ErrMissing, false, handover.ReasonDiskMissing},
		"a late slice":     {30 * time.Second, ErrNoSlice, true, ""},
		"a slice too late": {time.Hour, ErrNoSlice, false, handover.ReasonSliceMissing},
	} {
		w, o := newOSD(t, testReservation(false))
		synctest.Test(t, func(t *testing.T) {
			w.t, w.data.missing, w.data.missingUntil = t, c.why, time.Now().Add(c.after)
			err := w.start(o.Start)
			var refused *RefusedError
			missing := errors.As(err, &refused) && refused.Refusal.Reason == c.reason && refused.Refusal.Remedy != ""
			if missing == c.became || errors.Is(err, errBecame) != c.became {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	w, o := newOSD(t, testReservation(false))
	w.data.missing, w.data.missingUntil = ErrMissing, time.Now().Add(time.Hour)
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
		if err := lockStore(t.Context(), path, time.Minute); !errors.Is(err, wait.ErrAgain) {
			t.Errorf("two have the lock: %v", err)
		}
		time.AfterFunc(time.Second, func() { first.Close() })
		if err := lockStore(t.Context(), path, time.Minute); err != nil {
			t.Error(err)
		}
	})
}
