//go:build e2e

package inventory

import (
	"context"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/discover/uevent"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestUevent plugs in a disk and pulls it, and is told by the kernel.
func TestUevent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	events, ended := make(chan uevent.Event, 1024), make(chan error, 1)
	go func() { ended <- uevent.Listen(ctx, func(e uevent.Event) { events <- e }) }()
	if first := <-events; !first.Lost {
		t.Fatalf("the first event is %+v", first)
	}
	begin := time.Now()
	d := loopdev.New(t, size)
	wait(ctx, t, events, d.Name)
	t.Logf("told of %s after %s", d.Name, time.Since(begin).Round(time.Millisecond))
	must(t, d.Detach())
	wait(ctx, t, events, d.Name)
	cancel()
	if err := <-ended; err != nil {
		t.Error("listening ended with:", err)
	}
}

func wait(ctx context.Context, t *testing.T, events <-chan uevent.Event, device string) {
	t.Helper()
	for {
		select {
		case <-ctx.Done():
			t.Fatalf("not told of %s", device)
		case e := <-events:
			if e.Device == device {
				return
			}
		}
	}
}
