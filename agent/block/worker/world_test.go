package worker

import (
	"log/slog"
	"testing"

	"golang.org/x/time/rate"

	"github.com/seamount-dev/seamount/agent/block"
)

func newGuard(image Image, access block.Access) *guard {
	return &guard{Image: image, access: access, lost: func(error) {}, log: slog.New(slog.DiscardHandler), often: rate.NewLimiter(1, 1)}
}

// An image whose pool does not answer takes its own slots and the shared ones, and leaves the others theirs.
func TestSlots(t *testing.T) {
	t.Parallel()
	s := newSlots()
	stuck, other := s.forImage(), s.forImage()
	for range ownSlots + sharedSlots {
		stuck.acquire()
	}
	for range ownSlots {
		other.acquire()()
	}
	var taken []func()
	for range ownSlots {
		taken = append(taken, other.acquire())
	}
	for _, release := range taken {
		release()
	}
}
