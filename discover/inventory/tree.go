package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
)

// tree is a node's files. Names in it have no slash in front.
type tree struct{ fs.FS }

// text is the content of a small file without the space around it.
func (t tree) text(name string) (string, error) {
	content, err := fs.ReadFile(t.FS, name)
	return strings.TrimSpace(string(content)), err
}

func (t tree) link(name string) (string, error) { return fs.ReadLink(t.FS, name) }

func (t tree) dir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(t.FS, name) }

// exists follows no link at the end of name.
func (t tree) exists(name string) (bool, error) {
	_, err := fs.Lstat(t.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// follow is where the link leads to, as a name in the tree.
func (t tree) follow(name string) (string, error) {
	to, err := t.link(name)
	if err != nil {
		return "", err
	}
	if path.IsAbs(to) {
		return strings.TrimPrefix(path.Clean(to), "/"), nil
	}
	return path.Join(path.Dir(name), to), nil
}

// block is the number of the block device that the file is, following links; false for other files.
func (t tree) block(name string) (disk.Number, bool, error) {
	info, err := fs.Stat(t.FS, name)
	if err != nil {
		return disk.Number{}, false, err
	}
	return blockOf(info)
}

func blockOf(info fs.FileInfo) (disk.Number, bool, error) {
	if info.Mode()&fs.ModeDevice == 0 || info.Mode()&fs.ModeCharDevice != 0 {
		return disk.Number{}, false, nil
	}
	switch sys := info.Sys().(type) {
	case *syscall.Stat_t:
		return disk.Number{Major: unix.Major(sys.Rdev), Minor: unix.Minor(sys.Rdev)}, true, nil
	case disk.Number: // of a captured tree
		return sys, true, nil
	}
	return disk.Number{}, false, fmt.Errorf("%s: the number of the device is not known", info.Name())
}

// gone says that what the error is about has left meanwhile: a process that ended, a device that was pulled.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV) ||
		errors.Is(err, unix.ENXIO)
}
