// Package smart reads what disks report of their own health. What a disk does not report is not reported: it is never
// taken for healthy.
//
// smartctl opens SCSI and ATA disks for writing first, as their pass-through commands may need it; where that is
// refused with EROFS, as discover's confinement does, it opens them for reading. The commands it sends with the options
// used here read only.
package smart

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
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

// Read reads the health of one disk. Of a multipath LUN it asks one path.
func (r Reader) Read(ctx context.Context, d disk.Disk) disk.Health {
	health := r.ask(ctx, d)
	sys := r.Sys
	if sys == "" {
		sys = "/sys"
	}
	for _, name := range names(d) {
		health.IOErrors += ioErrors(os.DirFS(sys), name)
	}
	return health
}

// names are the kernel's names of the hardware behind a disk.
func names(d disk.Disk) []string {
	if len(d.Paths) > 0 {
		return d.Paths
	}
	return []string{d.Name}
}

// ask runs smartctl. Its exit code is a set of bits, most of which speak of the disk, so the answer counts.
func (r Reader) ask(ctx context.Context, d disk.Disk) disk.Health {
	if !mayReport(d) {
		return disk.Health{}
	}
	out, err := r.Pool.Run(ctx, d.Number, r.Deadline,
		r.Exe, "-j", "-i", "-H", "-A", "-l", "error", reader.DevicePath(r.Dev, names(d)[0]))
	var exit *reader.ExitError
	if err != nil && !errors.As(err, &exit) {
		return disk.Health{}
	}
	health, err := Parse(out)
	if err != nil || !health.Reported {
		return disk.Health{}
	}
	health.At = time.Now()
	return health
}

// mayReport leaves out devices that have no health of their own.
func mayReport(d disk.Disk) bool {
	virtual := []v1alpha1.Transport{v1alpha1.TransportLoop, v1alpha1.TransportVirtio}
	return slices.Contains([]disk.Kind{disk.KindPlain, disk.KindMultipath}, d.Kind) &&
		!slices.Contains(virtual, d.Hardware.Transport)
}

// ioErrors is the kernel's count of failed SCSI commands, 0 for devices that have none.
func ioErrors(sys fs.FS, name string) uint64 {
	text, err := fs.ReadFile(sys, "block/"+name+"/device/ioerr_cnt")
	if err != nil {
		return 0
	}
	count, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 64)
	if err != nil {
		return 0
	}
	return count
}
