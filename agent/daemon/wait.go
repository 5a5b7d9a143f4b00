package daemon

import (
	"context"
	"errors"
	"time"
)

// errAgain says that what is waited for may still come.
var errAgain = errors.New("not yet")

// poll calls try every interval until it returns anything but errAgain, or until limit is over: then it returns errAgain.
func poll(ctx context.Context, interval, limit time.Duration, try func() error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		if err := try(); !errors.Is(err, errAgain) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return errAgain
		case <-ticker.C:
		}
	}
}
