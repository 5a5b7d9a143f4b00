package content

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
)

// alignment is what O_DIRECT asks of offsets and memory: no block of a disk is larger.
const alignment = 4096

// ReadError is a part of a device that could not be read.
type ReadError struct {
	Device string
	Offset int64
	Err    error
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("%s: read at byte %d: %v", e.Device, e.Offset, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// device is an open device, or a file in the place of one.
type device struct {
	file *os.File // past the page cache, where the device allows it
	path string
	name string
	size int64
	// block says that it is a block device, direct that it is read past the page cache.
	block, direct bool
}

// openDevice opens for reading, and never exclusively: that would make other people's mounts fail.
func openDevice(path string) (*device, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	d := &device{file: file, path: path, name: filepath.Base(path)}
	if err := d.measure(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	d.dropCache()
	if d.block {
		d.preferDirect()
	}
	return d, nil
}

func (d *device) measure() error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	d.block = info.Mode()&os.ModeDevice != 0 && info.Mode()&os.ModeCharDevice == 0
	if !d.block && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a block device nor a file", d.path)
	}
	d.size, err = d.file.Seek(0, io.SeekEnd)
	return err
}

// preferDirect switches the open file to O_DIRECT. Devices that refuse it are read through the cache.
func (d *device) preferDirect() {
	_, err := unix.FcntlInt(d.file.Fd(), unix.F_SETFL, unix.O_DIRECT)
	d.direct = err == nil
}

// dropCache makes the next reading through the page cache one of the device, as far as nobody else holds the pages.
func (d *device) dropCache() {
	_ = unix.Fadvise(int(d.file.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: a kernel may ignore it
}

// Close drops what was read from the cache, so that the node's memory is left to others.
func (d *device) Close() error {
	d.dropCache()
	return d.file.Close()
}

// ReadAt reads whole blocks around what is asked for, as O_DIRECT needs it.
func (d *device) ReadAt(p []byte, offset int64) (int, error) {
	first := offset &^ (alignment - 1)
	last := min((offset+int64(len(p))+alignment-1)&^(alignment-1), d.size)
	if offset < 0 || offset+int64(len(p)) > last {
		return 0, io.EOF
	}
	buffer := aligned(int(last - first))
	if _, err := io.ReadFull(io.NewSectionReader(d.file, first, last-first), buffer); err != nil {
		return 0, &ReadError{Device: d.name, Offset: first, Err: cause(err)}
	}
	return copy(p, buffer[offset-first:]), nil
}

func (d *device) readFull(p []byte, offset int64) error {
	_, err := d.ReadAt(p, offset)
	return err
}

// cause strips the path that the operating system's error repeats.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func aligned(size int) []byte {
	memory := make([]byte, size+alignment)
	skip := alignment - int(uintptr(unsafe.Pointer(&memory[0]))%alignment)
	return memory[skip : skip+size]
}

// matches refuses a device that took the place of the one that is meant: names and numbers are given anew.
func (d *device) matches(target Target) error {
	if d.size != target.Size {
		return fmt.Errorf("%s has %d bytes, not the %d that the inventory found", d.name, d.size, target.Size)
	}
	if target.Number != (disk.Number{}) {
		if err := d.hasNumber(target.Number); err != nil {
			return err
		}
	}
	if target.Sequence != 0 {
		return d.hasSequence(target.Sequence)
	}
	return nil
}

func (d *device) hasNumber(want disk.Number) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(d.file.Fd()), &stat); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	got := disk.Number{Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev)}
	if got != want {
		return fmt.Errorf("%s is device %d:%d, not %d:%d", d.name, got.Major, got.Minor, want.Major, want.Minor)
	}
	return nil
}

func (d *device) hasSequence(want uint64) error {
	var got uint64
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.file.Fd(), unix.BLKGETDISKSEQ, uintptr(unsafe.Pointer(&got)))
	if errno != 0 {
		return fmt.Errorf("%s: read its diskseq: %w", d.name, errno)
	}
	if got != want {
		return fmt.Errorf("%s was attached anew since the inventory (diskseq %d, not %d)", d.name, got, want)
	}
	return nil
}
