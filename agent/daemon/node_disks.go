package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// NodeDisks are the disks of the node that this process runs on.
type NodeDisks struct {
	Inventory inventory.Reader
	// Node is the name of the node, which is part of the identity of disks that have none of their own.
	Node string
}

// Find finds a disk by what discover knows it by.
func (n NodeDisks) Find(ctx context.Context, reserved handover.Device) (Device, error) {
	disks, err := n.Inventory.Read(ctx)
	if err != nil {
		return Device{}, err
	}
	return pick(disks, n.Node, reserved)
}

// pick finds the one disk, or the partition of it, that is reserved.
func pick(disks []disk.Disk, node string, reserved handover.Device) (Device, error) {
	var found []disk.Disk
	for _, d := range disks {
		if name, id := identity.Of(d, node); name == reserved.Disk && id == reserved.Identity {
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 0:
		return Device{}, ErrMissing
	case len(found) > 1 || len(found[0].Twins) > 0:
		return Device{}, ErrAmbiguous
	case reserved.Slice == "":
		return Device{Path: devicePath(found[0].Name), Number: found[0].Number}, nil
	}
	for _, p := range found[0].Partitions {
		if strings.EqualFold(p.UUID, reserved.Slice) {
			return Device{Path: devicePath(p.Name), Number: p.Number}, nil
		}
	}
	return Device{}, ErrMissing
}

// devicePath is the device node of a kernel name, in which "!" stands for a slash.
func devicePath(name string) string { return "/dev/" + strings.ReplaceAll(name, "!", "/") }

// Labels reads every place where BlueStore keeps a label. A place that cannot be read is an error: it is not empty.
func (NodeDisks) Labels(device *os.File) ([]disk.Label, error) {
	size, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", device.Name(), err)
	}
	if size < bluestore.LabelSize {
		return nil, fmt.Errorf("%s has %d bytes", device.Name(), size)
	}
	var labels []disk.Label
	block := make([]byte, bluestore.LabelSize)
	for _, position := range bluestore.Positions(size) {
		if _, err := device.ReadAt(block, position); err != nil {
			return nil, fmt.Errorf("read label at %d: %w", position, err)
		}
		if label, found := bluestore.Parse(block); found {
			label.Device, label.Offset = device.Name(), position
			labels = append(labels, label)
		}
	}
	return labels, nil
}

// CheckSeal compares a whole disk with its seal. A partition is ours by the UUID that the reservation chose for it, and
// was made on a disk whose seal was checked: it must still be blank.
func (NodeDisks) CheckSeal(ctx context.Context, device *os.File, reserved handover.Device) error {
	if reserved.Slice != "" {
		return checkBlank(ctx, device)
	}
	return seal.Check(ctx, device, reserved.Identity, reserved.Seal)
}

var errNoSamples = errors.New("nothing to sample")

// checkBlank reads the samples of a device and fails when one of them is not all zeros.
func checkBlank(ctx context.Context, device *os.File) error {
	size, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("size of %s: %w", device.Name(), err)
	}
	extents := content.Extents(size)
	if len(extents) == 0 {
		return fmt.Errorf("%s: %w", device.Name(), errNoSamples)
	}
	for _, extent := range extents {
		block := make([]byte, extent.Length)
		if _, err := device.ReadAt(block, extent.Offset); err != nil {
			return fmt.Errorf("read sample at %d: %w", extent.Offset, err)
		}
		if bytes.ContainsFunc(block, func(r rune) bool { return r != 0 }) {
			return &seal.ChangedError{Facts: []string{"content"}}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// numberOf is the device number of an open device node.
func numberOf(file *os.File) (disk.Number, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return disk.Number{}, fmt.Errorf("look at %s: %w", file.Name(), err)
	}
	return disk.Number{Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev)}, nil
}
