package content

import (
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// entry is a signature: bytes at places of a device. Types are named as blkid names them.
type entry struct {
	kind   v1alpha1.ContentKind
	name   string
	value  string
	places []place
}

// place is the offset of a signature on a device of that size.
type place func(size int64) int64

func at(offset int64) place { return func(int64) int64 { return offset } }

// end counts from the end of the device, rounded down to whole units first.
func end(unit, before int64) place {
	return func(size int64) int64 { return size&^(unit-1) - before }
}

func ats(offsets ...int64) []place {
	places := make([]place, len(offsets))
	for i, offset := range offsets {
		places[i] = at(offset)
	}
	return places
}

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// signatures are what the library does not know, and the places of what it knows where it does not look. Weak ones, of
// two bytes or fewer, are left to blkid, but for the MBR's.
func signatures() []entry {
	return append(metadata(), filesystems()...)
}

// metadata are the signatures of partition tables, volume managers, RAID and encryption.
func metadata() []entry {
	table, manager, raid := v1alpha1.ContentPartitionTable, v1alpha1.ContentVolumeManager, v1alpha1.ContentRAIDMember
	crypt := v1alpha1.ContentEncrypted
	return []entry{
		{table, "dos", "\x55\xaa", ats(510)},
		{table, "gpt", "EFI PART", []place{at(512), at(4096), end(512, 512), end(4096, 4096)}},
		{manager, "LVM2_member", "LVM2 001", ats(0x018, 0x218, 0x418, 0x618)},
		{manager, "bcache", "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", ats(4*kib + 24)},
		{manager, "VMFS_volume_member", "\x0d\xd0\x01\xc0", ats(1 * mib)},
		{manager, "VDO", "dmvdo001", ats(0)},
		{manager, "stratis", "!Stra0tis\x86\xff\x02^\x41rh", ats(512+4, 9*512+4)},
		{raid, "linux_raid_member", "\xfc\x4e\x2b\xa9", []place{at(0), at(4 * kib), end(4*kib, 8*kib), end(64*kib, 64*kib)}},
		{raid, "linux_raid_member", "\xa9\x2b\x4e\xfc", []place{end(64*kib, 64*kib)}}, // 0.90 of a big-endian machine
		{raid, "drbd", "\x83\x74\x02", []place{end(4*kib, 4*kib-60)}},
		{raid, "isw_raid_member", "Intel Raid ISM Cfg Sig.", []place{end(512, 1024)}},
		{raid, "ddf_raid_member", "\xde\x11\xde\x11", []place{end(512, 512)}},
		{raid, "nvidia_raid_member", "NVIDIA", []place{end(512, 1024)}},
		{crypt, "crypto_LUKS", "LUKS\xba\xbe", ats(0)},
		{crypt, "crypto_LUKS", "SKUL\xba\xbe", // the second header of LUKS2
			ats(16*kib, 32*kib, 64*kib, 128*kib, 256*kib, 512*kib, 1*mib, 2*mib, 4*mib)},
		{crypt, "BitLocker", "-FVE-FS-", ats(3)},
		{v1alpha1.ContentBlueStore, "ceph_bluestore", "bluestore block device", ats(0, gib, 10*gib, 100*gib, 1000*gib)},
	}
}

// filesystems are those that the library does not know.
func filesystems() []entry {
	fs := v1alpha1.ContentFilesystem
	return []entry{
		{fs, "btrfs", "_BHRfS_M", ats(64*kib+0x40, 64*mib+0x40, 256*gib+0x40)},
		{fs, "ntfs", "NTFS    ", ats(3)},
		{fs, "exfat", "EXFAT   ", ats(3)},
		{fs, "ReFS", "ReFS\x00", ats(3)},
		{fs, "f2fs", "\x10\x20\xf5\xf2", ats(1*kib, 5*kib)},
		{fs, "erofs", "\xe2\xe1\xf5\xe0", ats(1 * kib)},
		{fs, "bcachefs", "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", ats(4*kib + 24)},
		{fs, "jfs", "JFS1", ats(32*kib, 60*kib)},
		{fs, "reiserfs", "ReIsEr", ats(8*kib+52, 64*kib+52)},
		{fs, "ocfs2", "OCFSV2", ats(1*kib, 2*kib, 4*kib, 8*kib)},
		{fs, "gfs2", "\x01\x16\x19\x70", ats(64 * kib)},
		{fs, "apfs", "NXSB", ats(32)},
		{fs, "udf", "NSR0", ats(32*kib+2*kib+1, 32*kib+4*kib+1, 32*kib+6*kib+1)},
	}
}
