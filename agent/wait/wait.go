// Package wait waits on a node for what may still come: a disk, a device that somebody else holds, a lock.
package wait

import (
	"context"
	"errors"
	"time"
)

// ErrAgain says that what is waited for may still come.
var ErrAgain = errors.New("not yet")

// For calls try every interval until it returns anything but ErrAgain, or until limit is over: then it returns ErrAgain.
func For(ctx context.Context, interval, limit time.Duration, try func() error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		if err := try(); !errors.Is(err, ErrAgain) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return ErrAgain
		case <-ticker.C:
		}
	}
}
