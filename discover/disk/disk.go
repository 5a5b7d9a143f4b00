// Package disk is the vocabulary of discover: what one scan of a node observed of
// a block device, as plain facts. Readers fill it in, the verdict chain and the
// report read it. It judges nothing and reads nothing.
package disk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Disk is one whole block device, as one scan found it. A multipath LUN is one Disk: its paths are not listed beside it.
type Disk struct {
	// Name is today's kernel name, such as sdb or nvme0n1.
	Name string
	// Number is the device number.
	Number Number
	// Kind says which driver serves the device.
	Kind Kind
	// BootID of the kernel that numbered the device, and Sequence (diskseq) that it gave this attachment of it; 0 where
	// the kernel has none (before 5.15).
	BootID   string
	Sequence uint64
	// Hardware is what the device says of itself.
	Hardware Hardware
	// ReadOnly, Removable and Hidden as sysfs has them.
	ReadOnly, Removable, Hidden bool
	// Zoned is the zone model: "none", "host-aware" or "host-managed"; empty where sysfs does not say.
	Zoned string
	// BackingFile of a loop device, and the type of the filesystem that it is on, such as ext4 or fuse.seamount.
	BackingFile, BackingFilesystem string
	// BackingDevice is the device that a loop device stands on, by its path or kernel name, where its backing file is no
	// regular file: two names for the same bytes.
	BackingDevice string
	// Uses are all that holds the disk, a partition of it, or a device that is built on it.
	Uses []Use
	// Partitions that the kernel knows.
	Partitions []Partition
	// Paths of a multipath LUN: the kernel names of its slaves.
	Paths []string
	// Twins are other devices of this node with the same identity that are not paths to the same LUN.
	Twins []string
	// Counters of writes and discards since the device appeared.
	Counters Counters
	// Content that was read; its zero value says that nothing was.
	Content Content
	// Health that the device reports.
	Health Health
	// Problems are facts that could not be read: what is not known is never taken for good.
	Problems []Problem
}

// Number is a device number.
type Number struct{ Major, Minor uint32 }

// ParseNumber reads a number as the kernel writes it, such as 8:16.
func ParseNumber(text string) (Number, error) {
	major, minor, _ := strings.Cut(text, ":")
	m, err1 := strconv.ParseUint(major, 10, 32)
	n, err2 := strconv.ParseUint(minor, 10, 32)
	if err1 != nil || err2 != nil {
		return Number{}, fmt.Errorf("%q is no device number", text)
	}
	return Number{Major: uint32(m), Minor: uint32(n)}, nil
}

// Kind says which driver serves a block device.
type Kind string

// Drivers of block devices, as far as they matter. KindPlain are disks of SCSI, ATA, NVMe, virtio, MMC and others that
// present real hardware or a hypervisor's disk.
const (
	KindPlain     Kind = "plain"
	KindLoop      Kind = "loop"
	KindMultipath Kind = "multipath"
	KindMapped    Kind = "mapped" // device-mapper that is no multipath: LVM, LUKS
	KindMD        Kind = "md"
	KindBcache    Kind = "bcache"
	KindRBD       Kind = "rbd"
	KindNBD       Kind = "nbd"
	KindDRBD      Kind = "drbd"
	KindZRAM      Kind = "zram"
	KindRAM       Kind = "ram"
	KindOptical   Kind = "optical"
	KindFloppy    Kind = "floppy"
	KindUBlk      Kind = "ublk"
	KindOther     Kind = "other" // a driver that discover does not know
)

// Hardware is what a device says of itself. Strings are empty and numbers zero where it does not say.
type Hardware struct {
	Media             v1alpha1.Media
	Transport         v1alpha1.Transport
	Vendor            string
	Model             string
	Serial            string
	Firmware          string
	WWN               string // of SCSI and ATA, without a prefix such as "naa."
	EUI               string // of NVMe: EUI-64 or NGUID, in hexadecimal
	Path              string // as under /dev/disk/by-path
	Slot              string // where the device sits, from the kernel's device tree alone: it needs no udev and survives a reboot
	PartitionTableID  string // disk GUID of a GPT
	Size              int64  // bytes
	LogicalBlockSize  int32  // bytes
	PhysicalBlockSize int32  // bytes
	DiscardMaxBytes   int64  // 0: the device does not discard
}

// Use is one thing that holds a disk.
type Use struct {
	Kind UseKind
	// Device that is held: the disk itself, a partition, or a device on top of them.
	Device string
	// By is who holds it: a mount point, the name of a device, a path below kubelet's directory, or a program with its
	// process id.
	By string
}

// UseKind is a way of holding a disk.
type UseKind string

// Ways of holding a disk.
const (
	UseMount     UseKind = "mount"
	UseSwap      UseKind = "swap"
	UseHolder    UseKind = "holder"    // device-mapper, MD, bcache
	UseLoop      UseKind = "loop"      // a loop device is attached to it
	UseVolume    UseKind = "volume"    // kubelet serves it to a pod as a raw block volume
	UseProcess   UseKind = "process"   // a process has it open
	UseContainer UseKind = "container" // a container has a device node of it
	UseForeign   UseKind = "foreign"   // its file is no file of this node, but of a container
)

// Partition is one partition that the kernel knows.
type Partition struct {
	Name   string
	Number Number
	UUID   string // of a GPT entry
	Start  int64  // bytes
	Size   int64  // bytes
}

// Counters are of /sys/block/X/stat.
type Counters struct {
	Writes, WrittenSectors, Discards, DiscardedSectors uint64
}

// Problem is a fact that could not be read.
type Problem struct {
	// Fact that is missing, such as "holders".
	Fact string
	// Text says why, in the words of the system.
	Text string
}

// Health is what the device reports of itself. The zero value is "not reported", which is never healthy.
type Health struct {
	// Reported is false where the device says nothing, or nothing that could be read.
	Reported bool
	// Source of the report: "SMART" or "NVMe".
	Source string
	// Failing is the device's own verdict.
	Failing bool
	// MediaErrors that the device counts: uncorrectable, pending and offline sectors, or NVMe media errors.
	MediaErrors uint64
	// PercentUsed of the life of flash; 0 when not reported.
	PercentUsed int32
	// IOErrors that the kernel counts for the device (SCSI ioerr_cnt).
	IOErrors uint64
	// At is when it was read.
	At time.Time
}
