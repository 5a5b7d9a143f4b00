package partition

import (
	"fmt"
	"slices"

	library "github.com/siderolabs/go-blockdevice/v2/partitioning/gpt"

	"github.com/seamount-dev/seamount/discover/gpt"
)

// write brings the disk from what was found to a table: first both copies to what the valid one says, which for a blank
// disk is nothing, and then one after the other to the new one. At every moment one of them is valid.
func (d Disk) write(found gpt.Disk, base, table *gpt.Table) error {
	var steps [][]gpt.Piece
	if found.Blank() {
		steps = append(steps, []gpt.Piece{base.BackupHeader()})
		found.Backup.Table = base
	} else {
		// What a process wrote that was killed may not be on the disk yet. A blank disk is not even flushed before its
		// seal was checked: the kernel counts that as a write.
		steps = append(steps, nil)
	}
	if !has(found.Primary, base) {
		steps = append(steps, base.Primary())
	}
	if !has(found.Backup, base) {
		steps = append(steps, base.Backup())
	}
	if found.Boot != gpt.StateValid {
		steps = append(steps, []gpt.Piece{base.Boot()})
	}
	if !table.Equal(base) {
		steps = append(steps, table.Backup(), table.Primary())
	}
	for _, step := range steps {
		if err := d.put(step); err != nil {
			return err
		}
	}
	return nil
}

func has(c gpt.Copy, table *gpt.Table) bool { return c.Table != nil && c.Table.Equal(table) }

// put writes and waits until the disk has it: nothing of the next step may be there before all of this.
func (d Disk) put(pieces []gpt.Piece) error {
	for _, piece := range pieces {
		if _, err := d.Device.WriteAt(piece.Data, piece.Offset); err != nil {
			return err
		}
	}
	return d.Device.Sync()
}

// verify reads the table back from the disk, with our reader and one that others have written.
func (d Disk) verify(want *gpt.Table) error {
	found, err := d.read()
	if err != nil {
		return err
	}
	if found.Boot != gpt.StateValid || !has(found.Primary, want) || !has(found.Backup, want) {
		return fmt.Errorf("%s does not hold the partition table that was written to it", d.Name)
	}
	second, err := library.Read(otherReader{disk: d})
	if err != nil {
		return fmt.Errorf("read the partition table of %s with a second reader: %w", d.Name, err)
	}
	if got := d.partitions(second); !slices.Equal(got, want.Partitions()) {
		return fmt.Errorf("a second reader finds the partitions %+v on %s, and not %+v", got, d.Name, want.Partitions())
	}
	return nil
}

func (d Disk) partitions(t *library.Table) []gpt.Partition {
	var partitions []gpt.Partition
	for i, p := range t.Partitions() {
		if p == nil {
			continue
		}
		partitions = append(partitions, gpt.Partition{
			Number: i + 1, Type: p.TypeGUID, UUID: p.PartGUID, Name: p.Name, Offset: int64(p.FirstLBA) * d.Geometry.Sector,
			Size: int64(p.LastLBA-p.FirstLBA+1) * d.Geometry.Sector,
		})
	}
	return partitions
}

// otherReader is the disk as the library wants one to read. It writes nothing: there is no device behind the rest.
type otherReader struct {
	library.Device
	disk Disk
}

func (r otherReader) ReadAt(p []byte, off int64) (int, error) { return r.disk.Device.ReadAt(p, off) }
func (r otherReader) GetSectorSize() uint                     { return uint(r.disk.Geometry.Sector) }
func (r otherReader) GetSize() uint64                         { return uint64(r.disk.Geometry.Size) }
func (r otherReader) GetIOSize() (uint, error)                { return uint(r.disk.Geometry.Sector), nil }
