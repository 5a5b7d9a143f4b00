//go:build e2e

package loopdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// firstNumber and lastNumber bound the numbers of the devices.
const (
	firstNumber = 3000
	lastNumber  = 3999
)

// Made tells whether a device of that name of the kernel is one that this package makes.
func Made(name string) bool {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "loop"))
	return err == nil && number >= firstNumber && number <= lastNumber
}

// Disk is a loop device.
type Disk struct {
	// Name of the kernel, such as loop3000, and Path of its device node.
	Name, Path string
	// File behind it.
	File string

	number int
	flags  uint32
}

// Options of a device.
type Options struct {
	// ReadOnly makes the kernel refuse writes.
	ReadOnly bool
	// Partitions makes the kernel look for partitions.
	Partitions bool
	// Direct goes past the page cache of the file behind it.
	Direct bool
}

// New makes an empty disk of that many bytes.
func New(t testing.TB, size int64) *Disk {
	t.Helper()
	return Attach(t, NewFile(t, size), Options{})
}

// NewFile makes a sparse file for a disk.
func NewFile(t testing.TB, size int64) string {
	t.Helper()
	file := filepath.Join(directory(t), "disk")
	err := os.WriteFile(file, nil, 0o600)
	if err == nil {
		err = os.Truncate(file, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// directory is a new one below that of this process.
func directory(t testing.TB) string {
	t.Helper()
	base, err := enter()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(base, "") //nolint:usetesting // it lies where an abandoned one is found
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.RemoveAll(dir), leave()); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Attach makes a device of a file, or of another block device.
func Attach(t testing.TB, file string, o Options) *Disk {
	t.Helper()
	d := &Disk{File: file, flags: o.flags()}
	if err := d.add(); err != nil {
		t.Fatalf("make a loop device: %v", err)
	}
	t.Cleanup(func() { d.remove(t) })
	if err := d.configure(); err != nil {
		t.Fatalf("attach %s: %v", file, err)
	}
	return d
}

func (o Options) flags() uint32 {
	var flags uint32
	if o.ReadOnly {
		flags |= unix.LO_FLAGS_READ_ONLY
	}
	if o.Partitions {
		flags |= unix.LO_FLAGS_PARTSCAN
	}
	if o.Direct {
		flags |= unix.LO_FLAGS_DIRECT_IO
	}
	return flags
}

// add makes a device with the first free number.
func (d *Disk) add() error {
	for d.number = firstNumber; d.number <= lastNumber; d.number++ {
		err := control(unix.LOOP_CTL_ADD, d.number)
		if errors.Is(err, unix.EEXIST) {
			continue
		}
		d.Name = fmt.Sprintf("loop%d", d.number)
		d.Path = "/dev/" + d.Name
		return err
	}
	return fmt.Errorf("all numbers from %d to %d are taken", firstNumber, lastNumber)
}

func (d *Disk) configure() error {
	mode := os.O_RDWR
	if d.flags&unix.LO_FLAGS_READ_ONLY != 0 {
		mode = os.O_RDONLY
	}
	backing, err := os.OpenFile(d.File, mode, 0)
	if err != nil {
		return err
	}
	defer backing.Close()
	return d.onDevice(mode, func(fd int) error {
		config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: d.flags}}
		copy(config.Info.File_name[:len(config.Info.File_name)-1], d.File)
		return unix.IoctlLoopConfigure(fd, &config)
	})
}

func (d *Disk) onDevice(mode int, do func(fd int) error) error {
	device, err := os.OpenFile(d.Path, mode, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(int(device.Fd())), device.Close())
}

// Detach takes the file away, as pulling a disk does, and returns when nothing has the file open any more. It is an error when
// something holds the device.
func (d *Disk) Detach() error {
	err := d.onDevice(os.O_RDONLY, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0) })
	if errors.Is(err, unix.ENXIO) {
		return nil
	}
	if err != nil {
		return err
	}
	// The kernel puts it off while somebody else has the device open: https://man7.org/linux/man-pages/man4/loop.4.html
	return whileBusy(func() error {
		if _, err := os.Stat("/sys/block/" + filepath.Base(d.Path) + "/loop/backing_file"); err == nil {
			return fmt.Errorf("detach %s: %w", d.Path, unix.EBUSY)
		}
		return nil
	})
}

// Reattach puts a file into a device that was detached.
func (d *Disk) Reattach(file string) error {
	d.File = file
	return d.configure()
}

func (d *Disk) remove(t testing.TB) {
	t.Helper()
	if err := errors.Join(d.Detach(), removeNumber(d.number)); err != nil {
		t.Errorf("%s is left: %v", d.Path, err)
	}
}

// removeNumber removes a device as soon as nothing has it open.
func removeNumber(number int) error {
	return whileBusy(func() error { return control(unix.LOOP_CTL_REMOVE, number) })
}

// busyLimit is how long a device may be busy: somebody else may just be looking at it.
const busyLimit = 20 * time.Second

// whileBusy tries again while it fails with EBUSY.
func whileBusy(try func() error) error {
	deadline := time.After(busyLimit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-deadline:
			return err
		case <-tick.C:
		}
	}
}

func control(request uint, number int) error {
	f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.IoctlSetInt(int(f.Fd()), request, number), f.Close())
}
