package partition

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/siderolabs/go-blockdevice/v2/block"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// Kernel is what the kernel knows of partitions. It learns of one that was added to a table only when it is told, and
// reads the table of a disk again by itself only while nobody uses a partition of it.
type Kernel struct {
	// Sys is sysfs.
	Sys fs.FS
}

// sysSector is what sysfs counts in, whatever the disk's sectors are.
const sysSector = 512

// Ensure tells the kernel of a partition if it does not know it yet, and returns the number of its device. One that the
// kernel has at another place is an error: it is of a table that the disk had before.
func (k Kernel) Ensure(whole *os.File, number disk.Number, p gpt.Partition) (disk.Number, error) {
	known, err := k.find(number, p)
	if err != nil || known != (disk.Number{}) {
		return known, err
	}
	if err := block.NewFromFile(whole).KernelPartitionAdd(p.Number, uint64(p.Offset), uint64(p.Size)); err != nil {
		// Another process may have been faster.
		if known, again := k.find(number, p); again != nil || known != (disk.Number{}) {
			return known, again
		}
		return disk.Number{}, fmt.Errorf("tell the kernel of partition %d of %s: %w", p.Number, whole.Name(), err)
	}
	known, err = k.find(number, p)
	if err == nil && known == (disk.Number{}) {
		err = fmt.Errorf("the kernel does not show partition %d of %s", p.Number, whole.Name())
	}
	return known, err
}

// find returns the number of the partition's device, zero when the kernel does not know it.
func (k Kernel) find(whole disk.Number, p gpt.Partition) (disk.Number, error) {
	dir := fmt.Sprintf("dev/block/%d:%d", whole.Major, whole.Minor)
	entries, err := fs.ReadDir(k.Sys, dir)
	if err != nil {
		return disk.Number{}, fmt.Errorf("list the kernel's partitions: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() { // an attribute of the disk itself
			continue
		}
		at := path.Join(dir, entry.Name())
		number, err := k.integer(at, "partition")
		if errors.Is(err, fs.ErrNotExist) || err == nil && number != int64(p.Number) {
			continue
		}
		if err != nil {
			return disk.Number{}, err
		}
		return k.same(at, p)
	}
	return disk.Number{}, nil
}

// same returns the number of a device if it is the partition.
func (k Kernel) same(at string, p gpt.Partition) (disk.Number, error) {
	start, err := k.integer(at, "start")
	size, sizeErr := k.integer(at, "size")
	text, devErr := fs.ReadFile(k.Sys, path.Join(at, "dev"))
	if err := errors.Join(err, sizeErr, devErr); err != nil {
		return disk.Number{}, err
	}
	if start*sysSector != p.Offset || size*sysSector != p.Size {
		return disk.Number{}, fmt.Errorf("the kernel has partition %d at %d with %d bytes, and the table at %d with %d: "+
			"have it read the table again (partprobe), or restart the node", p.Number, start*sysSector, size*sysSector, p.Offset, p.Size)
	}
	number, err := disk.ParseNumber(strings.TrimSpace(string(text)))
	if err != nil {
		return disk.Number{}, fmt.Errorf("number of partition %d: %w", p.Number, err)
	}
	return number, nil
}

func (k Kernel) integer(dir, name string) (int64, error) {
	text, err := fs.ReadFile(k.Sys, path.Join(dir, name))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// Drop makes the kernel forget all partitions of a disk, so that none is left of a table that goes. One that is in use is
// an error, and stays.
func (k Kernel) Drop(whole *os.File, number disk.Number) error {
	dir := fmt.Sprintf("dev/block/%d:%d", number.Major, number.Minor)
	entries, err := fs.ReadDir(k.Sys, dir)
	if err != nil {
		return fmt.Errorf("list the kernel's partitions: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		n, err := k.integer(path.Join(dir, entry.Name()), "partition")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = block.NewFromFile(whole).KernelPartitionDelete(int(n))
		}
		if err != nil {
			return fmt.Errorf("have the kernel forget %s: %w", entry.Name(), err)
		}
	}
	return nil
}
