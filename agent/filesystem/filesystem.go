// Package filesystem makes, mounts, grows and measures the filesystems on volumes. It formats only what its caller asks it
// to, never repairs xfs, and keeps no record. What it mounts is mounted in the node's mount namespace.
package filesystem

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/wait"
)

// Types of filesystems that volumes have.
const (
	XFS  = "xfs"
	Ext4 = "ext4"
	// CephFS is what a file volume has. No device holds it, and it is not made here.
	CephFS = "cephfs"
)

// Check refuses other types.
func Check(name string) error {
	if name != XFS && name != Ext4 {
		return fault.New(codes.InvalidArgument, "the filesystem %q is not offered: use xfs or ext4 (csi.storage.k8s.io/fstype of the StorageClass)", name)
	}
	return nil
}

// Programs finds programs.
type Programs interface {
	// Command is the command line by which the node runs a program.
	Command(program string, args ...string) ([]string, error)
	// File is the path of a file that comes with the programs, as the node sees it; empty: the node's own is used.
	File(name string) string
}

// Tools work on the filesystems of a node.
type Tools struct {
	Node     host.Node
	Programs Programs
	// Blkid is the path of util-linux' blkid as this process sees it. It reads devices by the device nodes that this
	// process sees, which are the node's.
	Blkid string
}

func (t Tools) run(ctx context.Context, device, program string, args ...string) (string, error) {
	command, err := t.Programs.Command(program, args...)
	if err != nil {
		return "", err
	}
	p := host.Program{Command: command}
	if file := t.Programs.File("etc/mke2fs.conf"); file != "" {
		p.Env = append(p.Env, "MKE2FS_CONFIG="+file)
	}
	if device == "" {
		return t.Node.Run(ctx, p)
	}
	lock, err := t.lock(ctx, device)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	p.Hold = lock
	return t.Node.Run(ctx, p)
}

// Udev looks at a device when it appears, and takes the lock for that moment.
const (
	lockInterval = 50 * time.Millisecond
	lockLimit    = 5 * time.Second
)

// lock takes the lock by which programs that change a device keep each other and udev away, see
// https://systemd.io/BLOCK_DEVICE_LOCKING. The program inherits it: one that an agent left behind that was killed still
// has it, and must end before another may begin.
func (t Tools) lock(ctx context.Context, device string) (*os.File, error) {
	var file *os.File
	err := t.Node.Do(func() (err error) {
		file, err = os.OpenFile(device, os.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = wait.For(ctx, lockInterval, lockLimit, func() error {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return wait.ErrAgain
		}
		return err
	})
	if errors.Is(err, wait.ErrAgain) {
		err = fault.New(codes.Aborted, "a program still works on %s, perhaps one that a former agent began: it is tried again", device)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// mountFlags are the options that are flags to the kernel; others are the filesystem's own. Negated ones take a flag away,
// which is nothing to do: none is on by itself.
var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"sync": unix.MS_SYNCHRONOUS, "dirsync": unix.MS_DIRSYNC, "noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME,
	"relatime": unix.MS_RELATIME, "strictatime": unix.MS_STRICTATIME, "lazytime": unix.MS_LAZYTIME, "silent": unix.MS_SILENT,
	"defaults": 0, "rw": 0, "suid": 0, "dev": 0, "exec": 0, "async": 0, "atime": 0, "diratime": 0,
}

// Split divides options of a mount into the kernel's flags and the filesystem's own.
func Split(options []string) (flags uintptr, data []string) {
	for _, list := range options {
		for option := range strings.SplitSeq(list, ",") {
			flag, is := mountFlags[option]
			switch {
			case is:
				flags |= flag
			case option != "":
				data = append(data, option)
			}
		}
	}
	return flags, data
}
