//go:build e2e

package discover

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/seamount-dev/seamount/tests/loopdev"
)

// The members of MD arrays, DRBD and ZFS are written here as their documentation says, since their own tools need
// drivers that not every kernel has. recognised holds each to what util-linux says of it.

// write puts data onto a disk past the page cache's laziness: what comes next reads it from the disk.
func write(t *testing.T, d *loopdev.Disk, offset int64, data []byte) {
	t.Helper()
	f, err := os.OpenFile(d.Path, os.O_WRONLY|os.O_SYNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, offset); err != nil {
		t.Errorf("write to %s at %d: %v", d.Name, offset, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

const mdMagic = 0xa92b4efc

// md0 writes a superblock 0.90, which lies in the last whole 64 KiB block but one of the disk (md.4).
func md0(size int64) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		offset := size&^(64<<10-1) - 64<<10
		b := make([]byte, 4096)
		le := binary.LittleEndian
		for at, v := range map[int]uint32{
			0: mdMagic, 8: 90, 20: 0x1b2c3d4e, 24: uint32(1700000000), 28: 1, 32: uint32(offset / 1024), 36: 2, 40: 2,
			52: 0x5e6f7081, 56: 0x92a3b4c5, 60: 0xd6e7f809,
		} {
			le.PutUint32(b[at:], v)
		}
		write(t, d, offset, b)
	}
}

// md1 writes a superblock 1.x at an offset: 1.0 near the end, 1.1 at the beginning, 1.2 at 4 KiB (md.4).
func md1(offset int64) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		b := make([]byte, 260)
		le := binary.LittleEndian
		le.PutUint32(b[0:], mdMagic)
		le.PutUint32(b[4:], 1)
		copy(b[16:], "0123456789abcdef")
		copy(b[32:], "machine:0")
		le.PutUint64(b[64:], 1700000000)
		le.PutUint32(b[72:], 1)
		le.PutUint64(b[80:], 32<<20/512)
		le.PutUint32(b[92:], 2)
		le.PutUint64(b[128:], 8<<20/512)
		le.PutUint64(b[136:], 32<<20/512)
		le.PutUint64(b[144:], uint64(offset/512))
		copy(b[168:], "fedcba9876543210")
		le.PutUint64(b[192:], 1700000000)
		le.PutUint32(b[220:], 2)
		le.PutUint16(b[258:], 1)
		le.PutUint32(b[216:], mdSum(b))
		write(t, d, offset, b)
	}
}

// mdSum is the checksum of a superblock 1.x (calc_sb_1_csum).
func mdSum(b []byte) uint32 {
	var sum uint64
	for at := 0; at < len(b); at += 4 {
		sum += uint64(binary.LittleEndian.Uint32(b[at:]))
	}
	return uint32(sum) + uint32(sum>>32)
}

// md10Offset is where a superblock 1.0 lies: at least 8 KiB before the end, at a multiple of 4 KiB.
func md10Offset(size int64) int64 { return (size/512 - 16) &^ 7 * 512 }

// drbd writes the internal metadata of DRBD 8.4, in the last 4 KiB (struct meta_data_on_disk_84).
func drbd(size int64) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		b := make([]byte, 4096)
		be := binary.BigEndian
		be.PutUint64(b[0:], uint64(size/512-100))
		for at := 8; at <= 40; at += 8 {
			be.PutUint64(b[at:], 0x1122334455667788+uint64(at))
		}
		be.PutUint32(b[60:], 0x8374026b)
		be.PutUint32(b[64:], 72)
		be.PutUint32(b[68:], 0xfffffff8)
		be.PutUint32(b[72:], 1237)
		be.PutUint32(b[80:], 4096)
		write(t, d, size-4096, b)
	}
}

// zfs writes uberblocks into the first label of a vdev (ZFS On-Disk Specification, 1.3).
func zfs(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	b := make([]byte, 128<<10)
	for at := 0; at < len(b); at += 1024 {
		binary.LittleEndian.PutUint64(b[at:], 0x00bab10c)
		binary.LittleEndian.PutUint64(b[at+8:], 5000)
		binary.LittleEndian.PutUint64(b[at+16:], uint64(at/1024+1))
	}
	write(t, d, 128<<10, b)
}

// iso9660 writes the primary volume descriptor and the terminator (ECMA-119, 8.4).
func iso9660(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	b := make([]byte, 4096)
	copy(b, "\x01CD001\x01")
	copy(b[40:], "SEAMOUNT                        ")
	copy(b[2048:], "\xffCD001\x01")
	write(t, d, 32<<10, b)
}
