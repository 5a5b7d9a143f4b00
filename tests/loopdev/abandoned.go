//go:build e2e

package loopdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// directoryPrefix begins the name of the directory that a process keeps its disks in.
const directoryPrefix = "seamount-loopdev-"

// newPrefix is before it until the directory is locked.
const newPrefix = "new-"

// own is the directory of this process while it has disks. The kernel lets go of its lock when the process ends, however
// that happens.
var own struct {
	sync.Mutex
	dir   string
	lock  int
	users int
}

// enter returns the directory of this process. The first to enter removes what other processes left behind.
func enter() (string, error) {
	own.Lock()
	defer own.Unlock()
	if own.users++; own.users > 1 {
		return own.dir, nil
	}
	err := sweep()
	if err == nil {
		err = makeOwn()
	}
	return own.dir, err
}

// makeOwn makes the directory of this process. It gets the name by which it is found when it is locked: else another process
// might take it for one that was left behind.
func makeOwn() error {
	unlocked, err := os.MkdirTemp("", newPrefix+directoryPrefix)
	if err != nil {
		return err
	}
	if own.lock, err = lock(unlocked, unix.O_CREAT); err != nil {
		return err
	}
	own.dir = filepath.Join(filepath.Dir(unlocked), strings.TrimPrefix(filepath.Base(unlocked), newPrefix))
	return os.Rename(unlocked, own.dir)
}

// leave is the end of one who entered. The last one removes the directory.
func leave() error {
	own.Lock()
	defer own.Unlock()
	if own.users--; own.users > 0 {
		return nil
	}
	return errors.Join(os.RemoveAll(own.dir), unix.Close(own.lock))
}

// lock takes the lock of a directory and returns its descriptor, -1 if a process that runs has it.
func lock(dir string, flags int) (int, error) {
	// A bare descriptor: an os.File would be closed when it is collected.
	fd, err := unix.Open(filepath.Join(dir, "lock"), unix.O_RDWR|unix.O_CLOEXEC|flags, 0o600)
	if err != nil {
		return -1, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return -1, unix.Close(fd)
	}
	return fd, nil
}

// sweep removes the directories that nobody holds, and first the devices on files in them.
func sweep() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), directoryPrefix+"*"))
	if err != nil {
		return err
	}
	var problems []error
	for _, dir := range dirs {
		fd, err := lock(dir, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue // it is being removed by another
		}
		problems = append(problems, err)
		if fd >= 0 {
			problems = append(problems, detachAll(dir), os.RemoveAll(dir), unix.Close(fd))
		}
	}
	return errors.Join(problems...)
}

// detachAll removes the devices on files in a directory.
func detachAll(dir string) error {
	var problems []error
	for number := firstNumber; number <= lastNumber; number++ {
		d := &Disk{number: number, Path: fmt.Sprintf("/dev/loop%d", number)}
		file, err := os.ReadFile(fmt.Sprintf("/sys/block/loop%d/loop/backing_file", number))
		if err == nil && strings.HasPrefix(string(file), dir+"/") {
			swapoff(d.Path)
			problems = append(problems, d.Detach(), removeNumber(number))
		}
	}
	return errors.Join(problems...)
}

// swapoff brings back what was swapped to a device, before the device goes. Most are no swap space.
func swapoff(path string) {
	name := append([]byte(path), 0)
	_, _, _ = unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(&name[0])), 0, 0)
}
