package filesystem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// ErrLog says that a filesystem's log has to be played back first, and that the device takes no writes.
var ErrLog = errors.New("its log holds what was written last, and cannot be played back on a device that takes no writes")

// Mount mounts a filesystem at a directory, which is made if it is not there.
func (t Tools) Mount(d Device, name, path string, options []string, readOnly bool) error {
	return t.Node.Do(func() error {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return err
		}
		flags, data := Split(options)
		if readOnly {
			flags |= unix.MS_RDONLY
		}
		if name == XFS && !slices.Contains(data, "nouuid") {
			// A restored volume has the UUID of its source, and xfs mounts no second one of that. It guards against one
			// disk that is seen twice, which an image is not: it has one device on a node.
			data = append(data, "nouuid")
		}
		err := mount(d.Path, path, name, flags, data)
		return damaged(d.Path, name, err)
	})
}

func mount(device, path, name string, flags uintptr, data []string) error {
	err := unix.Mount(device, path, name, flags, strings.Join(data, ","))
	switch {
	case errors.Is(err, unix.ENODEV):
		return fault.New(codes.FailedPrecondition, "the node's kernel has no %s: load its module, or use the other filesystem", name)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("mount %s at %s: %w", device, path, ErrLog)
	case errors.Is(err, unix.EINVAL):
		return fault.New(codes.InvalidArgument, "the kernel does not mount %s with the options %q, or does not know a feature of it; its log (dmesg) says which: %w",
			name, strings.Join(data, ","), err)
	case err != nil:
		return fmt.Errorf("mount %s at %s: %w", device, path, err)
	}
	return nil
}

// Bind shows a directory, or a device node, at another path, which is made if it is not there. What is there already must
// be the same.
func (t Tools) Bind(source, target string, readOnly bool) error {
	return t.Node.Do(func() error {
		if err := makeTarget(source, target); err != nil {
			return err
		}
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s to %s: %w", source, target, err)
		}
		return remount(target, only(readOnly))
	})
}

// Remount makes a bind mount read-only, or not.
func (t Tools) Remount(target string, readOnly bool) error {
	return t.SetFlags(target, only(readOnly))
}

// SetFlags adds flags to those of a mount. The filesystem itself is left as it is.
func (t Tools) SetFlags(path string, flags uintptr) error {
	return t.Node.Do(func() error { return remount(path, flags) })
}

func only(read bool) uintptr {
	if read {
		return unix.MS_RDONLY
	}
	return 0
}

// remount keeps the flags that the mount has, as the kernel demands, but for the one against writing.
func remount(target string, added uintptr) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(target, &stat); err != nil {
		return fmt.Errorf("look at %s: %w", target, err)
	}
	const kept = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME
	flags := uintptr(stat.Flags)&kept | added // ST_ flags have the values of MS_ flags up to this one
	if uintptr(stat.Flags)&unix.ST_RELATIME != 0 {
		flags |= unix.MS_RELATIME
	}
	if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
		return fmt.Errorf("remount %s: %w", target, err)
	}
	return nil
}

func makeTarget(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	if info.IsDir() {
		err = os.Mkdir(target, 0o750)
	} else {
		var file *os.File
		if file, err = os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640); err == nil {
			err = file.Close()
		}
	}
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	return err
}

// Unmount unmounts all that is mounted at a path. Nothing mounted there, or no such path, is no error.
func (t Tools) Unmount(path string) error { return t.unmount(path, 0) }

// Detach is Unmount of what may be in use. It is for mounts that nothing answers for any more.
func (t Tools) Detach(path string) error { return t.unmount(path, unix.MNT_DETACH) }

func (t Tools) unmount(path string, flags int) error {
	return t.Node.Do(func() error {
		for {
			err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW|flags)
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("unmount %s: %w", path, err)
			}
		}
	})
}

// Remove removes an empty directory or file where something was mounted. A directory with something in it is left, and is
// an error: it is nobody's to delete.
func (t Tools) Remove(path string) error {
	return t.Node.Do(func() error {
		info, err := os.Lstat(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return fmt.Errorf("remove %s: there is something in it that is not the volume's", path)
		}
		if err == nil {
			err = os.Remove(path)
		}
		return err
	})
}

// Mounted returns what is mounted at a path.
func (t Tools) Mounted(path string) (mountinfo.Mount, bool, error) {
	path, err := t.resolve(path)
	if err != nil {
		return mountinfo.Mount{}, false, err
	}
	mounts, err := t.Node.Mounts()
	if err != nil {
		return mountinfo.Mount{}, false, err
	}
	m, found := mountinfo.At(mounts, path)
	return m, found, nil
}

// resolve follows links on the way to a path, as mounting does: kubelet's directory may be one.
func (t Tools) resolve(path string) (string, error) {
	err := t.Node.Do(func() error {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if errors.Is(err, os.ErrNotExist) {
			return nil // nothing is mounted where nothing is
		}
		path = filepath.Join(dir, filepath.Base(path))
		return err
	})
	return path, err
}

// Usage of a filesystem.
type Usage struct {
	Bytes, Inodes Amount
}

// Amount of what there is. Root's own is neither used nor available.
type Amount struct{ Total, Used, Available int64 }

// Usage measures the filesystem at a path.
func (t Tools) Usage(path string) (Usage, error) {
	var stat unix.Statfs_t
	err := t.Node.Do(func() error { return unix.Statfs(path, &stat) })
	if err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", path, err)
	}
	block := stat.Bsize
	return Usage{
		Bytes:  Amount{int64(stat.Blocks) * block, int64(stat.Blocks-stat.Bfree) * block, int64(stat.Bavail) * block},
		Inodes: Amount{int64(stat.Files), int64(stat.Files - stat.Ffree), int64(stat.Ffree)},
	}, nil
}

// Alive fails if the filesystem at a path answers nothing any more: xfs after it shut itself down. It may wait for the disk.
func (t Tools) Alive(path string) error {
	return t.Node.Do(func() error {
		var stat unix.Stat_t
		return unix.Stat(path, &stat)
	})
}

// fitrim is FITRIM of linux/fs.h, _IOWR('X', 121, struct fstrim_range).
const fitrim = 0xC0185879

// trimRange is the argument of FITRIM: struct fstrim_range of linux/fs.h.
type trimRange struct{ start, length, least uint64 }

// Trim gives all unused space back, and returns how much the kernel found.
func (t Tools) Trim(path string) (int64, error) {
	r := trimRange{length: ^uint64(0)}
	err := t.Node.Do(func() error {
		dir, err := os.Open(path)
		if err != nil {
			return err
		}
		defer dir.Close()
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), fitrim, uintptr(unsafe.Pointer(&r)))
		if errno != 0 {
			return errno
		}
		return nil
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return 0, fault.New(codes.Unimplemented, "%s does not take discards: its space cannot be given back", path)
	}
	if err != nil {
		return 0, fmt.Errorf("trim %s: %w", path, err)
	}
	return int64(r.length), nil
}
