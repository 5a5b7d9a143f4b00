// Package loop attaches loop devices to files. It must be called in the mount namespace of the node, whose files and
// device nodes it uses. It never asks a device that is not on the very file for that file: the server of another's may
// hang, and the asker with it. It never touches a device that it did not find to be on the file it was given.
package loop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Limit of the numbers that are used. Those from 1000 on are disks of the local Kubernetes, and those of tests.
const Limit = 1000

// ErrFull says that all numbers below Limit are taken.
var ErrFull = fmt.Errorf("all loop devices below loop%d are in use", Limit)

// ErrIndirect says that the file does not take direct I/O.
var ErrIndirect = errors.New("the kernel refuses direct I/O on the file")

// Device is a loop device that is on a file.
type Device struct {
	Index  int
	Number disk.Number
	// Sequence is new each time that the device gets a file; 0 where the kernel does not count.
	Sequence uint64
}

// Name of the kernel, such as loop3.
func (d Device) Name() string { return "loop" + strconv.Itoa(d.Index) }

// Path of the device node.
func (d Device) Path() string { return "/dev/" + d.Name() }

func (d Device) sys(name string) string { return filepath.Join("/sys/block", d.Name(), name) }

// Attach makes a device of a file, with direct I/O. A device that is on it already is used again.
func Attach(file string, readOnly bool) (Device, error) {
	if d, found, err := Find(file); found || err != nil {
		return d, err
	}
	mode := os.O_RDWR
	if readOnly {
		mode = os.O_RDONLY
	}
	backing, err := os.OpenFile(file, mode, 0)
	if err != nil {
		return Device{}, err
	}
	defer backing.Close()
	for range Limit {
		d, err := free()
		if err == nil {
			err = d.configure(backing, mode)
		}
		if err == nil {
			return known(d.Index)
		}
		if !errors.Is(err, unix.EBUSY) && !errors.Is(err, fs.ErrExist) { // another was faster
			return d, err
		}
	}
	return Device{}, ErrFull
}

// free returns a device without a file, with its node in /dev. Others may take it meanwhile.
func free() (Device, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return Device{}, err
	}
	defer control.Close()
	index, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return Device{}, fmt.Errorf("find a free loop device: %w", err)
	}
	if index >= Limit {
		if index, err = unused(); err != nil {
			return Device{}, err
		}
		if err := unix.IoctlSetInt(int(control.Fd()), unix.LOOP_CTL_ADD, index); err != nil {
			return Device{}, fmt.Errorf("make loop%d: %w", index, err)
		}
	}
	d, err := known(index)
	if err != nil {
		return d, err
	}
	return d, host.MakeNode(d.Path(), d.Number)
}

// unused is the lowest number that the kernel has no device of.
func unused() (int, error) {
	for index := range Limit {
		_, err := os.Lstat(Device{Index: index}.sys(""))
		if errors.Is(err, fs.ErrNotExist) {
			return index, nil
		}
	}
	return 0, ErrFull
}

// known is the device of an index, which the kernel has.
func known(index int) (Device, error) {
	d := Device{Index: index}
	text, err := os.ReadFile(d.sys("dev"))
	if err != nil {
		return d, err
	}
	d.Number, err = disk.ParseNumber(strings.TrimSpace(string(text)))
	d.Sequence = d.sequence()
	return d, err
}

// sequence is 0 before Linux 5.15.
func (d Device) sequence() uint64 {
	text, err := os.ReadFile(d.sys("diskseq"))
	if err != nil {
		return 0
	}
	number, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return number
}

func (d Device) configure(backing *os.File, mode int) error {
	flags := uint32(unix.LO_FLAGS_DIRECT_IO)
	if mode == os.O_RDONLY {
		flags |= unix.LO_FLAGS_READ_ONLY
	}
	return d.open(mode, func(fd int) error {
		config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: flags}}
		copy(config.Info.File_name[:len(config.Info.File_name)-1], backing.Name())
		if err := unix.IoctlLoopConfigure(fd, &config); err != nil {
			return fmt.Errorf("attach %s to %s: %w", d.Path(), backing.Name(), err)
		}
		return d.checkDirect(fd)
	})
}

// checkDirect detaches the device again if its file goes through the page cache: what is written would be held twice,
// and lost with the node's memory after the pod was told that it is safe.
func (d Device) checkDirect(fd int) error {
	text, err := os.ReadFile(d.sys("loop/dio"))
	if err == nil && strings.TrimSpace(string(text)) != "1" {
		err = fmt.Errorf("attach %s: %w", d.Path(), ErrIndirect)
	}
	if err != nil {
		err = errors.Join(err, unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0))
	}
	return err
}

func (d Device) open(mode int, do func(fd int) error) error {
	f, err := os.OpenFile(d.Path(), mode|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	return do(int(f.Fd()))
}

// Find returns the device that is on a file. Only devices whose file has that path are asked which one it is: nodes that
// share a kernel have files of one path.
func Find(file string) (Device, bool, error) {
	candidates, err := Named("/sys", file)
	if err != nil || len(candidates) == 0 {
		return Device{}, false, err
	}
	var stat unix.Stat_t
	if err := unix.Stat(file, &stat); err != nil {
		return Device{}, false, fmt.Errorf("look at %s: %w", file, err)
	}
	for _, index := range candidates {
		d, err := known(index)
		if err != nil {
			return d, false, err
		}
		on, err := d.on(stat)
		if on || err != nil {
			return d, on, err
		}
	}
	return Device{}, false, nil
}

// on says whether the device is on the file of that device and inode.
func (d Device) on(file unix.Stat_t) (bool, error) {
	if err := host.MakeNode(d.Path(), d.Number); err != nil {
		return false, err
	}
	var info *unix.LoopInfo64
	err := d.open(os.O_RDONLY, func(fd int) (err error) {
		info, err = unix.IoctlLoopGetStatus64(fd)
		return err
	})
	if errors.Is(err, unix.ENXIO) {
		return false, nil // it was detached meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("ask %s for its file: %w", d.Path(), err)
	}
	return info.Device == file.Dev && info.Inode == file.Ino, nil
}

// Named are the numbers of the devices on files of that path, sorted, by what sysfs says: to ask a device for its file
// could hang.
func Named(sys, file string) ([]int, error) {
	found, err := filepath.Glob(filepath.Join(sys, "block/loop*/loop/backing_file"))
	if err != nil {
		return nil, err
	}
	var indexes []int
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil || strings.TrimSuffix(string(text), "\n") != file {
			continue // detached meanwhile, or another's
		}
		name := filepath.Base(filepath.Dir(filepath.Dir(path)))
		index, err := strconv.Atoi(strings.TrimPrefix(name, "loop"))
		if err != nil {
			return nil, fmt.Errorf("unexpected device %s", name)
		}
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	return indexes, nil
}

// Attached says whether the device is still on its file, which has that path, by what sysfs says.
func (d Device) Attached(file string) bool {
	text, err := os.ReadFile(d.sys("loop/backing_file"))
	name := strings.TrimSuffix(string(text), "\n")
	return err == nil && strings.TrimSuffix(name, " (deleted)") == file && d.sequence() == d.Sequence
}

// Resize makes the device as large as its file, and returns its size.
func (d Device) Resize(file string) (int64, error) {
	if _, err := os.Stat(file); err != nil { // the kernel takes the size that was last asked for
		return 0, err
	}
	if err := d.open(os.O_RDONLY, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_SET_CAPACITY, 0) }); err != nil {
		return 0, fmt.Errorf("resize %s: %w", d.Path(), err)
	}
	text, err := os.ReadFile(d.sys("size"))
	if err != nil {
		return 0, err
	}
	sectors, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return sectors << 9, err
}

// AutoClear has the kernel detach the device when the last one that has it open closes it, as by unmounting.
func (d Device) AutoClear() error {
	err := d.open(os.O_RDONLY, func(fd int) error {
		info, err := unix.IoctlLoopGetStatus64(fd)
		if err != nil || info.Flags&unix.LO_FLAGS_AUTOCLEAR != 0 {
			return err
		}
		info.Flags |= unix.LO_FLAGS_AUTOCLEAR
		return unix.IoctlLoopSetStatus64(fd, info)
	})
	if err != nil {
		return fmt.Errorf("have %s go with its last user: %w", d.Path(), err)
	}
	return nil
}

// Detach lets go of the file: at once, or when the last one that has the device open closes it.
func (d Device) Detach() error {
	err := d.open(os.O_RDONLY, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0) })
	if err != nil && !errors.Is(err, unix.ENXIO) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("detach %s: %w", d.Path(), err)
	}
	return nil
}
