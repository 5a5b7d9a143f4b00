//go:build e2e

package discover

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestWrittenHere holds what this package writes byte by byte to what util-linux recognises.
func TestWrittenHere(t *testing.T) {
	for _, h := range slices.Concat(filesystems, volumeManagers) {
		if h.typ == "" {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			d := loopdev.New(t, diskSize)
			h.make(t, d)
			out, err := exec.CommandContext(t.Context(), "blkid", "-p", "-o", "value", "-s", "TYPE", d.Path).Output()
			if got := strings.TrimSpace(string(out)); got != h.typ {
				t.Errorf("blkid calls it %q (%v), want %q", got, err, h.typ)
			}
		})
	}
}
