// Package smart reads what disks report of their own health. What a disk does not report is not reported: it is never
// taken for healthy.
package smart

import (
	"context"
	"time"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/reader"
)

// Reader reads the health of disks with smartctl, and the kernel's count of errors from sysfs.
type Reader struct {
	Pool *reader.Pool
	// Exe is the path of smartctl, Dev the directory of device nodes, /dev where empty, Sys that of sysfs, /sys where empty.
	Exe, Dev, Sys string
	// Deadline for one disk.
	Deadline time.Duration
}

// Read reads the health of one disk.
func (r Reader) Read(ctx context.Context, d disk.Disk) disk.Health { return disk.Health{} }
