package seal

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Live reads the facts of a device as they are now.
type Live struct {
	// Sys is sysfs, Proc is procfs.
	Sys, Proc fs.FS
}

// Check computes the seal anew from an open device of this host and compares it; see Live.Check.
func Check(ctx context.Context, device *os.File, id v1alpha1.DiskIdentity, sealed string) error {
	return Live{Sys: os.DirFS("/sys"), Proc: os.DirFS("/proc")}.Check(ctx, device, id, sealed)
}

// Check computes the seal anew from an open device and compares it. The identity is what the caller found the device to
// be by now. It reads; it neither closes nor locks the device, which the caller has opened with O_EXCL, and best with
// O_DIRECT off. A difference is a ChangedError. The seal of an OSD's disk is not one to write by, and is refused.
func (l Live) Check(ctx context.Context, device *os.File, id v1alpha1.DiskIdentity, sealed string) error {
	return l.check(ctx, device, id, sealed, false)
}

// CheckOccupied is Check for a disk that may hold something: of one with a signature only the ends were sampled.
func CheckOccupied(ctx context.Context, device *os.File, id v1alpha1.DiskIdentity, sealed string) error {
	return Live{Sys: os.DirFS("/sys"), Proc: os.DirFS("/proc")}.check(ctx, device, id, sealed, true)
}

func (l Live) check(ctx context.Context, device *os.File, id v1alpha1.DiskIdentity, sealed string, occupied bool) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(device.Fd()), &stat); err != nil {
		return fmt.Errorf("%s: %w", device.Name(), err)
	}
	facts, err := l.facts(disk.Number{Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev)})
	if err != nil {
		return err
	}
	facts.Identity = id
	if facts.Size, err = device.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("%s: %w", device.Name(), err)
	}
	if facts.Samples, err = digest(ctx, device, content.Extents(facts.Size)); err != nil {
		return err
	}
	changed := facts.Compare(sealed)
	if changed == nil || !occupied {
		return changed
	}
	if facts.Samples, err = digest(ctx, device, content.Ends(facts.Size)); err != nil {
		return err
	}
	if facts.Compare(sealed) == nil {
		return nil
	}
	return changed
}

// digest samples the device itself, not what the page cache kept of it.
func digest(ctx context.Context, device *os.File, extents []content.Extent) (string, error) {
	_ = unix.Fadvise(int(device.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: a kernel may ignore it
	samples, err := content.Sample(ctx, device, extents)
	if err != nil {
		return "", fmt.Errorf("sample %s: %w", device.Name(), err)
	}
	return samples.Digest, nil
}

// facts reads what the kernel says of a device.
func (l Live) facts(number disk.Number) (Facts, error) {
	var facts Facts
	dir := fmt.Sprintf("dev/block/%d:%d/", number.Major, number.Minor)
	boot, err := fs.ReadFile(l.Proc, "sys/kernel/random/boot_id")
	if err != nil {
		return facts, err
	}
	facts.BootID = strings.TrimSpace(string(boot))
	stat, err := fs.ReadFile(l.Sys, dir+"stat")
	if err != nil {
		return facts, err
	}
	if facts.Counters, err = counters(string(stat)); err != nil {
		return facts, err
	}
	facts.Sequence, err = l.sequence(dir)
	return facts, err
}

// sequence is 0 where the kernel has none, as in the inventory.
func (l Live) sequence(dir string) (uint64, error) {
	text, err := fs.ReadFile(l.Sys, dir+"diskseq")
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// Fields of /sys/dev/block/X/stat. Kernels that do not count discards end before those.
const (
	statWrites           = 4
	statWrittenSectors   = 6
	statDiscards         = 11
	statDiscardedSectors = 13
	statFewest           = 11
)

func counters(stat string) (disk.Counters, error) {
	fields := strings.Fields(stat)
	if len(fields) < statFewest {
		return disk.Counters{}, fmt.Errorf("unexpected statistics %q", stat)
	}
	var c disk.Counters
	for field, into := range map[int]*uint64{
		statWrites: &c.Writes, statWrittenSectors: &c.WrittenSectors,
		statDiscards: &c.Discards, statDiscardedSectors: &c.DiscardedSectors,
	} {
		if field >= len(fields) {
			continue
		}
		number, err := strconv.ParseUint(fields[field], 10, 64)
		if err != nil {
			return disk.Counters{}, fmt.Errorf("unexpected statistics %q", stat)
		}
		*into = number
	}
	return c, nil
}
