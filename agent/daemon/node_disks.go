package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// NodeDisks are the disks of the node that this process runs on.
type NodeDisks struct {
	Disks  nodedisk.Disks
	Kernel partition.Kernel
	// Dir takes device nodes of slices. Where nobody runs udev there are none in /dev, and elsewhere they come late.
	Dir string
}

// Find finds a disk by what discover knows it by, and a slice by the partition table of the disk.
func (n NodeDisks) Find(ctx context.Context, fsid string, reserved handover.Device) (Device, error) {
	found, id, err := n.Disks.Find(ctx, reserved.Disk)
	switch {
	case err != nil:
		return Device{}, err
	case id != reserved.Identity:
		return Device{}, ErrMissing
	case reserved.Slice != "":
		return n.findSlice(found, fsid, reserved)
	}
	return Device{Path: nodedisk.Path(found.Name), Number: found.Number}, nil
}

// Labels reads every place where BlueStore keeps a label. A place that cannot be read is an error: it is not empty.
func (NodeDisks) Labels(device *os.File) ([]disk.Label, error) {
	size, err := device.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", device.Name(), err)
	}
	if size < bluestore.LabelSize {
		return nil, fmt.Errorf("%s has %d bytes", device.Name(), size)
	}
	return bluestore.Read(device, device.Name(), size)
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
	samples, err := content.Sample(ctx, device, extents)
	switch {
	case err != nil:
		return fmt.Errorf("read samples of %s: %w", device.Name(), err)
	case samples.NonZero > 0:
		return &seal.ChangedError{Facts: []string{"content"}}
	}
	return nil
}
