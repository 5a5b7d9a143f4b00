//go:build e2e

package inventory

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// BenchmarkRead reads a node with that many disks.
func BenchmarkRead(b *testing.B) {
	attached := 0
	for _, disks := range []int{1, 24, 100} {
		for ; attached < disks; attached++ {
			loopdev.New(b, size)
		}
		b.Run(fmt.Sprintf("disks=%d", disks), func(b *testing.B) {
			for b.Loop() {
				if found := scan(b, inventory.Reader{}); len(found) < disks {
					b.Fatalf("found %d disks", len(found))
				}
			}
		})
	}
}
