package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// findSlice finds a slice by the table on its disk, and not by what the kernel or udev say of partitions: both may be
// late, or of another table.
func (n NodeDisks) findSlice(whole disk.Disk, fsid string, reserved handover.Device) (Device, error) {
	file, err := os.Open(nodedisk.Path(whole.Name))
	if err != nil {
		return Device{}, err
	}
	defer file.Close()
	if err := nodedisk.Check(file, whole.Number); err != nil {
		return Device{}, err
	}
	p, err := readSlice(file, fsid, reserved)
	if err != nil {
		return Device{}, err
	}
	number, err := n.Kernel.Ensure(file, whole.Number, p)
	if err != nil {
		return Device{}, err
	}
	path, err := makeNode(n.Dir, reserved.Slice, number)
	return Device{Path: path, Number: number}, err
}

func readSlice(file *os.File, fsid string, reserved handover.Device) (gpt.Partition, error) {
	geometry, err := partition.GeometryOf(file)
	if err != nil {
		return gpt.Partition{}, err
	}
	found, err := gpt.Read(file, geometry)
	if err != nil {
		return gpt.Partition{}, err
	}
	return pickSlice(found, fsid, reserved)
}

// pickSlice finds the slice in what a disk says of partitions. A disk without a table may still get one; a table of
// somebody else, or a slice at another place, is refused.
func pickSlice(found gpt.Disk, fsid string, reserved handover.Device) (gpt.Partition, error) {
	want, err := uuid.Parse(handover.TableID(fsid, reserved.Disk))
	id, idErr := uuid.Parse(reserved.Slice)
	if err := errors.Join(err, idErr); err != nil {
		return gpt.Partition{}, fmt.Errorf("the reservation of a slice of %s: %w", reserved.Disk, err)
	}
	table := found.Table()
	if table == nil {
		return gpt.Partition{}, ErrNoSlice
	}
	if table.GUID != want {
		return gpt.Partition{}, refuse(handover.ReasonDiskChanged, "look at what is on it; nothing was written to it",
			"disk %s has the partition table %s, and not %s, which this cluster gives to it", reserved.Disk, table.GUID, want)
	}
	p, there := table.Find(id)
	switch {
	case !there:
		return gpt.Partition{}, ErrNoSlice
	case p.Offset != reserved.Offset || p.Size != reserved.Bytes:
		return gpt.Partition{}, refuse(handover.ReasonDiskChanged, "look at the disk's partition table; nothing was written to it",
			"slice %s of disk %s lies at %d and has %d bytes, and was to lie at %d and have %d", reserved.Slice, reserved.Disk,
			p.Offset, p.Size, reserved.Offset, reserved.Bytes)
	}
	return p, nil
}

// makeNode makes a device node that only this pod has, anew when there is one of an earlier start: the kernel numbers
// partitions as they come.
func makeNode(dir, name string, number disk.Number) (string, error) {
	path := filepath.Join(dir, name)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("make a device node: %w", err)
	}
	if err := unix.Mknod(path, unix.S_IFBLK|0o600, int(unix.Mkdev(number.Major, number.Minor))); err != nil {
		return "", fmt.Errorf("make the device node %s: %w", path, err)
	}
	return path, nil
}
