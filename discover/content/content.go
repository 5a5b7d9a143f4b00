// Package content reads what a disk holds: signatures by two independent readers, BlueStore's labels, and samples.
// It opens devices for reading only, never exclusively, and judges nothing.
package content

import (
	"context"

	"github.com/seamount-dev/seamount/discover/disk"
)

// Target is what is to be read.
type Target struct {
	// Device is the path of the disk, Partitions those of its partitions.
	Device     string
	Partitions []string
	// Size of the disk in bytes, as the inventory had it. A device of another size is not the disk that was meant.
	Size int64
	// Number and Sequence of the device that is meant; not compared where zero, as for a file.
	Number   disk.Number
	Sequence uint64
	// Blkid is the path of util-linux' blkid.
	Blkid string
}

// Read reads a disk. It never fails: what went wrong is in the answer.
func Read(ctx context.Context, target Target) disk.Content { return disk.Content{} }

// Extent is a part of a disk.
type Extent struct{ Offset, Length int64 }

// Extents lists what is sampled of a disk of that size, in order and without overlap. It is a function of the size alone.
func Extents(size int64) []Extent { return nil }
