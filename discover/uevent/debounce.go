package uevent

import (
	"context"
	"time"
)

// Debounce calls act once changes were quiet for the time quiet, but at most longest after the first of them, until ctx
// ends. What arrives while act runs waits in the channel, and leads to one more call.
func Debounce(ctx context.Context, changes <-chan Event, quiet, longest time.Duration, act func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		}
		settle(ctx, changes, quiet, longest)
		if ctx.Err() != nil {
			return
		}
		act(ctx)
	}
}

// settle returns when no change came for the time quiet, or after the time longest.
func settle(ctx context.Context, changes <-chan Event, quiet, longest time.Duration) {
	limit := time.NewTimer(longest)
	defer limit.Stop()
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case <-silence.C:
			return
		case <-changes:
			silence.Reset(quiet)
		}
	}
}
