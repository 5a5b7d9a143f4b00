package loop

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrBusy says that a device is still open somewhere.
var ErrBusy = errors.New("the device is still in use")

// ErrCached says that the kernel holds pages of a device that it does not give
// up, as those of a mounted filesystem.
var ErrCached = errors.New("the kernel holds pages of the device, as of a mounted filesystem")

// Add makes the device with that number, unattached. It is fs.ErrExist if there
// is one already.
func Add(number int) error {
	if err := control(unix.LOOP_CTL_ADD, number); err != nil {
		return fmt.Errorf("make %s: %w", Path(number), err)
	}
	return nil
}

// Remove removes an unattached device. It is ErrBusy while anything has it open,
// and nil if there is none.
func Remove(number int) error {
	err := control(unix.LOOP_CTL_REMOVE, number)
	switch {
	case err == nil, errors.Is(err, unix.ENODEV):
		return nil
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("remove %s: %w", Path(number), ErrBusy)
	}
	return fmt.Errorf("remove %s: %w", Path(number), err)
}

func control(request uint, number int) error {
	f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	return unix.IoctlSetInt(int(f.Fd()), request, number)
}

// Attach attaches the device to a file. Reads and writes go past the machine's
// page cache where the filesystem allows it, so that a disk costs no memory twice.
func Attach(number int, file string) error {
	err := withDevice(number, func(fd int) error {
		backing, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer backing.Close() // the device holds its own reference
		config := unix.LoopConfig{Fd: uint32(backing.Fd())}
		config.Info.Flags = unix.LO_FLAGS_DIRECT_IO
		copy(config.Info.File_name[:len(config.Info.File_name)-1], file)
		return unix.IoctlLoopConfigure(fd, &config)
	})
	if err != nil {
		return fmt.Errorf("attach %s to %s: %w", Path(number), file, err)
	}
	return nil
}

// File identifies a file for as long as it exists or is open.
type File struct{ Device, Inode uint64 }

// FileAt is the file that has that path now.
func FileAt(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return File{}, fmt.Errorf("look at %s: %w", path, err)
	}
	return File{Device: st.Dev, Inode: st.Ino}, nil
}

// Backing is the file that a device is attached to; false if it is attached to
// none or does not exist.
func Backing(number int) (File, bool, error) { return BackingAt(Path(number)) }

// BackingAt is Backing for a device file at another place than the machine's /dev.
func BackingAt(path string) (File, bool, error) {
	var info *unix.LoopInfo64
	err := withFile(path, func(fd int) (err error) {
		info, err = unix.IoctlLoopGetStatus64(fd)
		return err
	})
	if errors.Is(err, unix.ENXIO) || errors.Is(err, os.ErrNotExist) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, fmt.Errorf("ask %s for its file: %w", path, err)
	}
	return File{Device: info.Device, Inode: info.Inode}, true, nil
}

// Pull takes the medium away: whoever has the device open gets errors for all it
// reads and writes from now on, as with a disk that was pulled (the kernel sets
// the capacity of a lost disk to zero, see blk_mark_disk_dead). The file is not
// touched. It is ErrCached while the kernel holds pages of the device.
func Pull(number int) error {
	err := withDevice(number, func(fd int) error {
		info, err := unix.IoctlLoopGetStatus64(fd)
		if err != nil {
			return err
		}
		info.Offset = 1 << 62 // beyond the end of any file
		return unix.IoctlLoopSetStatus64(fd, info)
	})
	if errors.Is(err, unix.EAGAIN) {
		err = ErrCached
	}
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("pull %s: %w", Path(number), err)
	}
	return nil
}

// Resize makes the kernel look at the size of the file again.
func Resize(number int) error {
	err := withDevice(number, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_SET_CAPACITY, 0) })
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("resize %s: %w", Path(number), err)
	}
	return nil
}

// Detach lets go of the file: at once, or when the last one that has the device
// open closes it.
func Detach(number int) error {
	err := withDevice(number, func(fd int) error { return unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0) })
	if err != nil && !errors.Is(err, unix.ENXIO) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("detach %s: %w", Path(number), err)
	}
	return nil
}

func withDevice(number int, do func(fd int) error) error { return withFile(Path(number), do) }

func withFile(path string, do func(fd int) error) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	return do(int(f.Fd()))
}
