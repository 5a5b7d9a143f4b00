//go:build e2e

package discover

import (
	"slices"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestNothingHeldIsUsable (D1) makes a disk of every kind, looks at all of them in one scan, as discover does, and wants
// each refused for the right reason, and the empty ones usable.
func TestNothingHeldIsUsable(t *testing.T) {
	all := slices.Concat(filesystems, volumeManagers, partitionTables, used)
	disks := make([]*loopdev.Disk, len(all))
	for i, h := range all {
		disks[i] = loopdev.New(t, diskSize)
		h.make(t, disks[i])
	}
	empty := loopdev.New(t, diskSize)
	wiped := loopdev.New(t, diskSize)
	then(tool("mkfs.ext4", "-q", "-F"), tool("wipefs", "--all"), tool("blkdiscard", "--zeroout"))(t, wiped)

	found := newChain(t).scan(t, append(disks, empty, wiped)...)
	for i, h := range all {
		t.Run(h.name, func(t *testing.T) {
			found[disks[i].Name].mustBe(t, h.result(), h.reason, h.content)
		})
	}
	for name, d := range map[string]*loopdev.Disk{"empty": empty, "wiped as the remedy says": wiped} {
		t.Run(name, func(t *testing.T) {
			found[d.Name].mustBe(t, v1alpha1.VerdictUsable, "", v1alpha1.ContentEmpty)
		})
	}
}
