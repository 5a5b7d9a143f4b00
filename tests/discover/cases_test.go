//go:build e2e

package discover

import (
	"slices"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// diskSize leaves room for a label of BlueStore at 1 GiB. Files are sparse: it costs nothing.
const diskSize = 2 << 30

// held is a disk with content or in use, and what discover must say of it.
type held struct {
	name string
	make func(*testing.T, *loopdev.Disk)
	// typ is what util-linux must call the content where no tool of Debian made it.
	typ     string
	reason  string
	content v1alpha1.ContentKind
}

// result follows from the reason.
func (h held) result() v1alpha1.VerdictResult {
	if slices.Contains(v1alpha1.UnknownReasons(), h.reason) {
		return v1alpha1.VerdictUnknown
	}
	return v1alpha1.VerdictRejected
}

var filesystems = []held{
	{name: "ext4", make: tool("mkfs.ext4", "-q", "-F"), reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "xfs", make: tool("mkfs.xfs", "-q", "-f"), reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "btrfs", make: tool("mkfs.btrfs", "-q", "-f"), reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "vfat", make: tool("mkfs.vfat", "-I"), reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "ntfs", make: tool("mkfs.ntfs", "-q", "-F", "-Q"), reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "iso9660", make: iso9660, typ: "iso9660", reason: v1alpha1.ReasonFilesystem, content: v1alpha1.ContentFilesystem},
	{name: "swap", make: tool("mkswap"), reason: v1alpha1.ReasonSwap, content: v1alpha1.ContentSwap},
	// Its copy at 64 MiB is known to one of the readers.
	{name: "btrfs whose head was wiped", make: then(tool("mkfs.btrfs", "-q", "-f"), zero(0, 1<<20)),
		reason: v1alpha1.ReasonSourcesDisagree, content: v1alpha1.ContentFilesystem},
	{name: "ext4 whose head was wiped", make: then(tool("mkfs.ext4", "-q", "-F"), zero(0, 1<<20)),
		reason: v1alpha1.ReasonNotEmpty, content: v1alpha1.ContentUnrecognized},
}

var volumeManagers = []held{
	{name: "LVM", make: lvm, reason: v1alpha1.ReasonVolumeManager, content: v1alpha1.ContentVolumeManager},
	{name: "ZFS", make: zfs, typ: "zfs_member", reason: v1alpha1.ReasonVolumeManager, content: v1alpha1.ContentVolumeManager},
	{name: "bcache", make: tool("make-bcache", "-B"), reason: v1alpha1.ReasonVolumeManager, content: v1alpha1.ContentVolumeManager},
	{name: "DRBD", make: drbd(diskSize), typ: "drbd", reason: v1alpha1.ReasonRAIDMember, content: v1alpha1.ContentRAIDMember},
	{name: "LUKS1", make: luks("luks1"), reason: v1alpha1.ReasonEncrypted, content: v1alpha1.ContentEncrypted},
	{name: "LUKS2", make: luks("luks2"), reason: v1alpha1.ReasonEncrypted, content: v1alpha1.ContentEncrypted},
	{name: "MD 0.90", make: md0(diskSize), typ: "linux_raid_member", reason: v1alpha1.ReasonRAIDMember, content: v1alpha1.ContentRAIDMember},
	{name: "MD 1.0", make: md1(md10Offset(diskSize)), typ: "linux_raid_member", reason: v1alpha1.ReasonRAIDMember, content: v1alpha1.ContentRAIDMember},
	{name: "MD 1.1", make: md1(0), typ: "linux_raid_member", reason: v1alpha1.ReasonRAIDMember, content: v1alpha1.ContentRAIDMember},
	{name: "MD 1.2", make: md1(4096), typ: "linux_raid_member", reason: v1alpha1.ReasonRAIDMember, content: v1alpha1.ContentRAIDMember},
}

var (
	gpt = tool("sgdisk", "-n", "1:2048:+512M")
	mbr = tool("parted", "-s", "DEVICE", "mklabel", "msdos", "mkpart", "primary", "ext2", "1MiB", "512MiB")
)

var partitionTables = []held{
	{name: "GPT", make: gpt, reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "MBR", make: mbr, reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "GPT without partitions", make: tool("sgdisk", "-o"), reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "GPT with ext4", make: then(gpt, on(tool("mkfs.ext4", "-q", "-F"))),
		reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "MBR with LVM", make: then(mbr, on(lvm)), reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "GPT whose backup alone is left", make: then(gpt, zero(0, 1<<20)),
		reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "GPT whose backup is gone", make: then(gpt, zero(diskSize-1<<20, 1<<20)),
		reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
	{name: "GPT of which the header alone was wiped", make: then(gpt, zero(512, 512)),
		reason: v1alpha1.ReasonPartitionTable, content: v1alpha1.ContentPartitionTable},
}

var used = []held{
	{name: "mounted", make: then(tool("mkfs.ext4", "-q", "-F"), mounted), reason: v1alpha1.ReasonMounted, content: v1alpha1.ContentFilesystem},
	{name: "a partition is mounted", make: then(gpt, on(then(tool("mkfs.xfs", "-q", "-f"), mounted))),
		reason: v1alpha1.ReasonMounted, content: v1alpha1.ContentPartitionTable},
	{name: "swapped to", make: then(tool("mkswap"), swapping), reason: v1alpha1.ReasonSwap, content: v1alpha1.ContentSwap},
}
