package partition

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Device is an open disk.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync brings what was written to the disk.
	Sync() error
	// Forget drops what the page cache keeps of the disk, so that the disk itself is read next.
	Forget()
}

// Disk is a disk that is to be cut into slices.
type Disk struct {
	// Name for messages.
	Name     string
	Device   Device
	Geometry gpt.Geometry
	// CheckBlank fails unless the disk is blank, as it was judged, and held by nobody else. It is asked before the first
	// write to a disk that has no table.
	CheckBlank func(ctx context.Context) error
}

// Cut brings the disk's table to what is ordered, and returns it. What is there already is not written again.
func (d Disk) Cut(ctx context.Context, order Order) (*gpt.Table, error) {
	found, err := d.read()
	if err != nil {
		return nil, err
	}
	base, err := d.base(ctx, found, order)
	if err != nil {
		return nil, err
	}
	// All that may be refused is, before anything is written.
	table, err := d.extend(ctx, base, order)
	if err != nil {
		return nil, err
	}
	if err := d.write(found, base, table); err != nil {
		return nil, fmt.Errorf("write the partition table of %s: %w", d.Name, err)
	}
	return table, d.verify(table)
}

func (d Disk) read() (gpt.Disk, error) {
	d.Device.Forget()
	found, err := gpt.Read(d.Device, d.Geometry)
	if err != nil {
		return found, fmt.Errorf("%s: %w", d.Name, err)
	}
	return found, nil
}

// base is the table that slices are added to: an empty one for a blank disk.
func (d Disk) base(ctx context.Context, found gpt.Disk, order Order) (*gpt.Table, error) {
	if found.Blank() {
		return gpt.New(d.Geometry, order.Table), d.CheckBlank(ctx)
	}
	if err := d.checkOurs(found, order); err != nil {
		return nil, err
	}
	return found.Table(), nil
}

const leaveIt = "look at what is on it; nothing was written to it"

// checkOurs refuses a disk that is not blank, unless all that it says of partitions is ours.
func (d Disk) checkOurs(found gpt.Disk, order Order) error {
	for _, c := range []gpt.Copy{found.Primary, found.Backup} {
		if c.GUID != uuid.Nil && c.GUID != order.Table {
			return refusal.New(handover.ReasonDiskChanged, leaveIt,
				"%s has the partition table %s, and not %s, which this cluster gives to it", d.Name, c.GUID, order.Table)
		}
	}
	if found.Boot == gpt.StateOther || found.Primary.State == gpt.StateOther || found.Backup.State == gpt.StateOther {
		return refusal.New(handover.ReasonDiskChanged, leaveIt,
			"%s holds something else where a partition table belongs (boot sector %s, table %s, its backup %s)",
			d.Name, found.Boot, found.Primary.State, found.Backup.State)
	}
	if found.Table() == nil {
		return refusal.New(handover.ReasonDiskChanged, "restore the partition table, or replace the disk; nothing was written to it",
			"neither copy of the partition table of %s is valid (table %s, its backup %s): %v", d.Name, found.Primary.State,
			found.Backup.State, errors.Join(found.Primary.Problem, found.Backup.Problem))
	}
	return nil
}

// extend adds the slices that are not there yet, where nothing is.
func (d Disk) extend(ctx context.Context, table *gpt.Table, order Order) (*gpt.Table, error) {
	for _, slice := range order.Slices {
		if there, found := table.Find(slice.UUID); found {
			if there.Offset != slice.Offset || there.Size != slice.Size || there.Type != slice.Type {
				return nil, refusal.New(handover.ReasonDiskChanged, leaveIt,
					"slice %s of %s lies at %d and has %d bytes, and was to lie at %d and have %d", slice.UUID, d.Name, there.Offset,
					there.Size, slice.Offset, slice.Size)
			}
			continue
		}
		next, err := table.With(slice)
		if err != nil {
			return nil, refusal.New(handover.ReasonDiskChanged, "make room on the disk, or replace it; nothing was written to it",
				"there is no room for %q (%d bytes at %d) on %s: %v", slice.Name, slice.Size, slice.Offset, d.Name, err)
		}
		if err := d.checkFree(ctx, slice); err != nil {
			return nil, err
		}
		table = next
	}
	return table, nil
}

// checkFree refuses a place for a slice that holds something: what an OSD left that was there before, or what somebody
// wrote past the table.
func (d Disk) checkFree(ctx context.Context, slice gpt.Partition) error {
	at := io.NewSectionReader(d.Device, slice.Offset, slice.Size)
	samples, err := content.Sample(ctx, at, content.Extents(slice.Size))
	switch {
	case err != nil:
		return fmt.Errorf("look at the place of a slice on %s: %w", d.Name, err)
	case samples.NonZero > 0:
		return refusal.New(handover.ReasonDiskChanged, "look at what is there, and wipe that part; nothing was written to it",
			"the place of %q on %s is not empty: there is something at %d", slice.Name, d.Name, slice.Offset+samples.First)
	}
	return nil
}
