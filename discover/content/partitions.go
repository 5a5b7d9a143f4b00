package content

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// sectors are the sizes of sectors that a table is looked for with, in bytes: a disk image may come from another disk.
var sectors = []int64{512, 4096}

// findTable reads the GPT of a disk; nil when it has none that is whole.
func findTable(r io.ReaderAt, size int64) (*disk.Table, error) {
	for _, sector := range sectors {
		geometry := gpt.Geometry{Size: size, Sector: sector}
		if geometry.Check() != nil {
			continue
		}
		found, err := gpt.Read(r, geometry)
		if err != nil {
			return nil, err
		}
		if table := found.Table(); table != nil {
			return tableOf(table), nil
		}
	}
	return nil, nil
}

func tableOf(found *gpt.Table) *disk.Table {
	table := &disk.Table{ID: found.GUID.String()}
	for _, p := range found.Partitions() {
		table.Partitions = append(table.Partitions, disk.TableEntry{
			Number: p.Number, Type: p.Type.String(), UUID: p.UUID.String(), Name: p.Name, Offset: p.Offset, Size: p.Size,
		})
	}
	return table
}

// Owners reads what says whose OSDs a disk holds: its table, and the labels of BlueStore on it and in every partition, also
// in those that the kernel knows and the table does not have. What else is on the disk is not looked at.
func Owners(r io.ReaderAt, name string, size int64, known []disk.Partition) (disk.Content, error) {
	table, err := findTable(r, size)
	found := disk.Content{Table: table}
	if err != nil {
		return found, err
	}
	parts := map[string]disk.TableEntry{}
	for _, p := range known {
		parts[p.Name] = disk.TableEntry{Offset: p.Start, Size: p.Size}
	}
	if table != nil {
		for _, p := range table.Partitions {
			parts[partitionName(name, p.Number)] = p
		}
	}
	parts[name] = disk.TableEntry{Size: size}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		at := parts[part]
		labels, err := bluestore.Read(io.NewSectionReader(r, at.Offset, at.Size), part, at.Size)
		if err != nil {
			return found, err
		}
		found.Labels = append(found.Labels, labels...)
	}
	return found, nil
}

// readSlices reads the labels in partitions that have no device node: the kernel may not know them yet, and where there
// is no udev nobody makes nodes. Only Seamount's own are read so; what else lies in a partition is the readers' business.
func readSlices(content *disk.Content, whole *device, read map[string]bool) error {
	if content.Table == nil {
		return nil
	}
	var errs []error
	for _, p := range content.Table.Partitions {
		name := partitionName(whole.name, p.Number)
		if p.Type != gpt.SliceType.String() || read[name] {
			continue
		}
		labels, err := bluestore.Read(io.NewSectionReader(whole, p.Offset, p.Size), name, p.Size)
		content.Labels, errs = append(content.Labels, labels...), append(errs, err)
	}
	return errors.Join(errs...)
}

// isSlice says whether a partition without a device node is read all the same.
func isSlice(table *disk.Table, whole, name string, err error) bool {
	if table == nil || !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, p := range table.Partitions {
		if p.Type == gpt.SliceType.String() && partitionName(whole, p.Number) == name {
			return true
		}
	}
	return false
}

// partitionName is how the kernel calls a partition.
func partitionName(disk string, number int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return fmt.Sprintf("%s%d", disk, number)
}
