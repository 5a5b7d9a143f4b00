package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// cloneTree makes a copy of a containerd root that shares its files: hard links
// for all that containerd only ever replaces or deletes, copies of its databases,
// which it writes to. On another filesystem everything is copied.
func cloneTree(from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return cloneDir(path, target)
		}
		return cloneFile(path, target, d)
	})
	if err != nil {
		return fmt.Errorf("copy the image store: %w", err)
	}
	return nil
}

func cloneFile(path, target string, d fs.DirEntry) error {
	if d.Type().IsRegular() && isDatabase(d.Name()) {
		return copyFile(path, target)
	}
	// Links of symbolic links and of overlayfs' whiteout devices are made alike.
	err := os.Link(path, target)
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("the image store is on another filesystem than the nodes: %w", err)
	}
	return err
}

// isDatabase: bolt databases are written in place.
func isDatabase(name string) bool { return strings.HasSuffix(name, ".db") || name == "uuid" }

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read-only
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// cloneDir copies owner, mode, times and extended attributes: overlayfs marks a
// directory that hides those below it with trusted.overlay.opaque.
func cloneDir(from, to string) error {
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: from, Err: err}
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: to, Err: err}
	}
	return copyAttributes(from, to)
}

func copyAttributes(from, to string) error {
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(from, names)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "listxattr", Path: from, Err: err}
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 4096)
		size, err := unix.Lgetxattr(from, name, value)
		if err == nil {
			err = unix.Lsetxattr(to, name, value[:size], 0)
		}
		if err != nil {
			return &fs.PathError{Op: "copy " + name, Path: from, Err: err}
		}
	}
	return nil
}
