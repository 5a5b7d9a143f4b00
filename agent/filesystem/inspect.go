package filesystem

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Device is a block device of the node.
type Device struct {
	Path   string
	Number disk.Number
	Size   int64
}

// Found is what is on a device.
type Found struct {
	// Type of the filesystem, if there is one that volumes have, and nothing else.
	Type string
	// Blank says that two readers found no signature, and that all samples are zeros.
	Blank bool
	// What says what there is, for people.
	What string
}

// Inspect reads what is on a device.
func (t Tools) Inspect(ctx context.Context, d Device) (Found, error) {
	c := content.Read(ctx, content.Target{Device: d.Path, Size: d.Size, Number: d.Number, Blkid: t.Blkid})
	switch c.Outcome {
	case disk.OutcomeRead:
		return judge(c), nil
	case disk.OutcomeTimeout:
		return Found{}, fault.New(codes.DeadlineExceeded, "%s was not read in time, and is not formatted unread", d.Path)
	}
	return Found{}, fmt.Errorf("%s cannot be read, and is not formatted unread: %s", d.Path, c.Text)
}

func judge(c disk.Content) Found {
	types := map[string]bool{}
	var names []string
	for _, s := range c.Signatures {
		if !types[s.Type] {
			types[s.Type] = true
			names = append(names, fmt.Sprintf("%s (%s)", s.Type, s.Kind))
		}
	}
	if len(c.Labels) > 0 {
		names = append(names, "a label of BlueStore")
	}
	switch {
	case len(names) == 0 && c.Samples.NonZero == 0:
		return Found{Blank: true, What: "nothing"}
	case len(names) == 0:
		return Found{What: fmt.Sprintf("no known signature, but something at byte %d", c.Samples.First)}
	}
	found := Found{What: strings.Join(names, ", ")}
	if len(names) == 1 && (types[XFS] || types[Ext4]) {
		found.Type = c.Signatures[0].Type
	}
	return found
}

// superblock is how many bytes at a device's beginning say how large a filesystem is.
const superblock = 4096

// Size is how many bytes the filesystem on a device takes. See
// https://docs.kernel.org/filesystems/ext4/super.html and xfs_dsb in fs/xfs/libxfs/xfs_format.h of Linux.
func (t Tools) Size(d Device, name string) (int64, error) {
	var head [superblock]byte
	err := t.Node.Do(func() error {
		file, err := os.Open(d.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		// Pages of a former device of that name are not to be read.
		_ = unix.Fadvise(int(file.Fd()), 0, superblock, unix.FADV_DONTNEED) // advice: a kernel may ignore it
		_, err = file.ReadAt(head[:], 0)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the superblock of %s: %w", d.Path, err)
	}
	size, ok := sizeOf(head[:], name)
	if !ok {
		return 0, fmt.Errorf("%s has no superblock of %s", d.Path, name)
	}
	return size, nil
}

func sizeOf(head []byte, name string) (int64, bool) {
	if name == XFS {
		return xfsSize(head)
	}
	return ext4Size(head)
}

func xfsSize(head []byte) (int64, bool) {
	if len(head) < 16 || string(head[:4]) != "XFSB" {
		return 0, false
	}
	block, blocks := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint64(head[8:])
	return product(uint64(block), blocks)
}

func ext4Size(head []byte) (int64, bool) {
	const at, magic, wide = 1024, 0xEF53, 0x80
	if len(head) < at+0x154 || binary.LittleEndian.Uint16(head[at+0x38:]) != magic {
		return 0, false
	}
	s := head[at:]
	blocks := uint64(binary.LittleEndian.Uint32(s[4:]))
	if binary.LittleEndian.Uint32(s[0x60:])&wide != 0 {
		blocks |= uint64(binary.LittleEndian.Uint32(s[0x150:])) << 32
	}
	shift := binary.LittleEndian.Uint32(s[0x18:])
	if shift > 6 { // blocks of 64 KiB are the largest
		return 0, false
	}
	return product(uint64(1024)<<shift, blocks)
}

// product is false where no device can be so large.
func product(block, blocks uint64) (int64, bool) {
	const most = 1 << 60
	if block == 0 || blocks > most/block {
		return 0, false
	}
	return int64(block * blocks), true
}
