package fuse

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open opens a new connection. The descriptor is for Mount and NewConn; it is a plain number, since a process that only
// holds it should not be woken by its requests. The caller closes it.
func Open() (int, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/fuse: %w", err)
	}
	return fd, nil
}

// IsConnection tells whether a descriptor is one of /dev/fuse.
func IsConnection(fd int) bool {
	var s unix.Stat_t
	err := unix.Fstat(fd, &s)
	return err == nil && s.Mode&unix.S_IFMT == unix.S_IFCHR && s.Rdev == unix.Mkdev(10, 229)
}

// Mount mounts a connection over an empty file, which it makes. Nothing is answered until somebody serves it: whoever
// looks at the file waits.
func Mount(fd int, path, source string, writable bool) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME)
	if !writable {
		flags |= unix.MS_RDONLY
	}
	options := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0,max_read=%d", fd, fileMode(writable), MaxIO)
	if err := unix.Mount(source, path, "fuse.seamount", flags, options); err != nil {
		return fmt.Errorf("mount %s: %w", path, err)
	}
	return nil
}

// ErrBusy says that something has the file open.
var ErrBusy = errors.New("the file is in use")

// Unmount undoes Mount, with the file. What is not mounted is no error.
func Unmount(path string) error {
	err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("unmount %s: %w", path, ErrBusy)
	case err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT):
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
