//go:build e2e

package agent

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// A disk that answers with errors is not erased, says so, and is never taken for an empty one. When it answers again, the same
// request ends it.
func TestEraseFailingDisk(t *testing.T) {
	for name, c := range map[string]struct {
		ways    loopdev.Access
		outcome disk.Outcome
		labels  bool
	}{
		"unreadable":            {loopdev.Reads, disk.OutcomeUnreadable, false},
		"dead":                  {loopdev.Reads | loopdev.Writes, disk.OutcomeUnreadable, false},
		"readable, not written": {loopdev.Writes, disk.OutcomeRead, true},
	} {
		t.Run(name, func(t *testing.T) {
			file := loopdev.NewFUSEFile(t, erasedSize)
			a := occupiedOn(t, loopdev.Attach(t, file.Path, loopdev.Options{Direct: true}), labelled)
			file.Fail(c.ways)
			var refused *refusal.Error
			for range 2 {
				if erased, err := eraser().Erase(t.Context(), a.name, a.request); !errors.Is(err, unix.EIO) || errors.As(err, &refused) || erased > 0 {
					t.Errorf("%d bytes are erased: %v", erased, err)
				}
			}
			if found, _, _ := discover(t, a.Disk); found.Content.Outcome != c.outcome || (len(found.Content.Labels) > 0) != c.labels {
				t.Errorf("while it fails: %+v", found.Content)
			}
			file.Fail(0)
			if found, _, _ := discover(t, a.Disk); len(found.Content.Labels) != 2 {
				t.Errorf("it was written to: %+v", found.Content)
			}
			if _, err := eraser().Erase(t.Context(), a.name, a.request); err != nil {
				t.Errorf("it answers again: %v", err)
			}
			if found, _, _ := discover(t, a.Disk); len(found.Content.Labels) > 0 || found.Content.Samples.NonZero > 0 {
				t.Errorf("erased: %+v", found.Content)
			}
		})
	}
}
