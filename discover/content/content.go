// Package content reads what a disk holds: signatures by two independent readers, BlueStore's labels, and samples.
// It opens devices for reading only, never exclusively, and judges nothing.
//
// # Samples
//
// A disk without signature and label is sampled all over: all of its first and last MiB, where partition tables, volume
// managers and RAID have their metadata; the places where Ceph, btrfs, ext4 and VMFS keep copies of theirs; and one
// sample of 16 KiB at a pseudo-random place in each of 512 equal parts. That is 10 MiB, whatever the size. Data in one
// piece that is longer than two of the parts (8 GiB on a disk of 2 TiB) is always hit. Data in many small pieces that
// makes up the share f of a disk is missed with a probability of (1-f)^512: 0.6 % for f = 1 %, 60 % for f = 0.1 %.
// A disk of up to 16 MiB is read whole. The places are a function of the size alone, so that another process at
// another time reads the same ones and can compare the digest.
//
// Of a disk that holds a signature or a label only the first and last MiB are sampled: it is not empty whatever the
// rest holds, and a disk in service is left in peace.
//
// # The page cache
//
// Block devices are read with O_DIRECT: what a driver, a hypervisor or another host wrote below the page cache is seen,
// and the node's memory is left to others. The readers that go through the cache, the library and blkid, have it
// dropped before. Where a device refuses O_DIRECT the cache is dropped before each reading, as far as nobody else
// keeps its pages.
package content

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Target is what is to be read.
type Target struct {
	// Device is the path of the disk, Partitions those of its partitions.
	Device     string
	Partitions []string
	// Size of the disk in bytes, as the inventory had it. A device of another size is not the disk that was meant.
	Size int64
	// Number and Sequence of the device that is meant; not compared where zero, as for a file.
	Number   disk.Number
	Sequence uint64
	// Blkid is the path of util-linux' blkid.
	Blkid string
}

// Read reads a disk. It never fails: what went wrong is in the answer.
func Read(ctx context.Context, target Target) disk.Content {
	content, err := read(ctx, target)
	content.Outcome = outcome(err)
	if err != nil {
		content.Text = err.Error()
	}
	return content
}

// outcome names what became of a reading.
func outcome(err error) disk.Outcome {
	var unreadable *ReadError
	switch {
	case err == nil:
		return disk.OutcomeRead
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return disk.OutcomeTimeout
	case errors.As(err, &unreadable):
		return disk.OutcomeUnreadable
	}
	return disk.OutcomeFailed
}

// read returns what was found before an error, too: a disk with a bad sector is still known for an OSD's.
func read(ctx context.Context, target Target) (disk.Content, error) {
	content := disk.Content{Samples: disk.Samples{First: -1}}
	whole, err := openDevice(target.Device)
	if err != nil {
		return content, err
	}
	defer whole.Close()
	if err := whole.matches(target); err != nil {
		return content, err
	}
	if err := readDevices(ctx, &content, whole, target); err != nil {
		return content, err
	}
	extents := Extents(whole.size)
	if len(content.Signatures)+len(content.Labels) > 0 {
		extents = Ends(whole.size)
	}
	content.Samples, err = Sample(ctx, whole, extents)
	return content, err
}

// readDevices reads labels and signatures of the disk and of its partitions.
func readDevices(ctx context.Context, content *disk.Content, whole *device, target Target) error {
	err := readDevice(ctx, content, whole, target.Blkid)
	table, tableErr := findTable(whole, whole.size)
	content.Table, err = table, errors.Join(err, tableErr)
	read := map[string]bool{}
	for _, path := range target.Partitions {
		failed := readPartition(ctx, content, path, target.Blkid)
		if name := filepath.Base(path); !isSlice(table, whole.name, name, failed) {
			read[name], err = true, errors.Join(err, failed)
		}
	}
	if err = errors.Join(err, readSlices(content, whole, read)); err == nil {
		content.Sources = []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid}
	}
	return err
}

func readPartition(ctx context.Context, content *disk.Content, path, blkid string) error {
	partition, err := openDevice(path)
	if err != nil {
		return err
	}
	defer partition.Close()
	return readDevice(ctx, content, partition, blkid)
}

func readDevice(ctx context.Context, content *disk.Content, d *device, blkid string) error {
	labels, labelErr := bluestore.Read(d, d.name, d.size)
	content.Labels = append(content.Labels, labels...)
	own, ownErr := find(d)
	library, libraryErr := probe(d, len(own) > 0)
	utility, utilityErr := runBlkid(ctx, blkid, d)
	content.Signatures = append(content.Signatures, slices.Concat(merge(own, library), utility)...)
	return errors.Join(ctx.Err(), labelErr, ownErr, libraryErr, utilityErr)
}

// merge adds to our own findings what the library alone found.
func merge(own, library []disk.Signature) []disk.Signature {
	for _, s := range library {
		known := slices.IndexFunc(own, func(o disk.Signature) bool { return o.Type == s.Type })
		if known < 0 {
			own = append(own, s)
			continue
		}
		own[known].UUID, own[known].Label = s.UUID, s.Label
	}
	return withoutBootSector(own)
}

// withoutBootSector drops the mark of an MBR where it is the one in front of a GPT, or in a filesystem's boot sector.
func withoutBootSector(found []disk.Signature) []disk.Signature {
	explained := slices.ContainsFunc(found, func(s disk.Signature) bool {
		return slices.Contains([]string{"vfat", "exfat", "ntfs", "ReFS", "BitLocker"}, s.Type) ||
			s.Type == "gpt" && (s.Offset == 512 || s.Offset == 4096)
	})
	return slices.DeleteFunc(found, func(s disk.Signature) bool { return explained && s.Type == "dos" })
}
