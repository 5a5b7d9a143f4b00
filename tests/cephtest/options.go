//go:build linux

package cephtest

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// DiskKind is what an OSD has for a disk.
type DiskKind string

const (
	// FileDisk is a sparse file that the OSD opens itself.
	FileDisk DiskKind = "file"
	// LoopDisk is a loop device on a sparse file. It detaches itself when its last user ends.
	LoopDisk DiskKind = "loop"
)

// Options asks for a cluster. The zero value is one mon and one mgr.
type Options struct {
	Mons int // 0: one
	Mgrs int // 0: one
	OSDs int // each in a CRUSH host of its own: node0, node1, ...
	MDS  int

	Disk     DiskKind // empty: FileDisk
	DiskSize int64    // bytes, at least 512 MiB; 0: 10 GiB. Sparse.

	// Rootfs is a directory with another release's Ceph and its libraries, used by chroot.
	// Empty: what RootfsVariable names, else the host's own.
	Rootfs string
	// Config adds options to the [global] section of the daemons.
	Config map[string]string
	// ReadyTimeout bounds the start, up to HEALTH_OK. 0: five minutes, for machines that are busy.
	ReadyTimeout time.Duration
}

// RootfsVariable names an environment variable with the Rootfs of clusters that
// ask for none: to run whole test suites against another release.
const RootfsVariable = "SEAMOUNT_TEST_ROOTFS"

const (
	minDiskSize         = 512 << 20
	defaultDiskSize     = 10 << 30
	defaultReadyTimeout = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	o.Mons = max(o.Mons, 1)
	o.Mgrs = max(o.Mgrs, 1)
	if o.Rootfs == "" {
		o.Rootfs = os.Getenv(RootfsVariable)
	}
	if o.Disk == "" {
		o.Disk = FileDisk
	}
	if o.DiskSize == 0 {
		o.DiskSize = defaultDiskSize
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = defaultReadyTimeout
	}
	return o
}

func (o Options) check() error {
	switch {
	case os.Geteuid() != 0:
		return errors.New("must run as root: OSDs open disks, daemons of another release run in a chroot")
	case o.Mons < 0 || o.Mons > 9 || o.Mgrs < 0 || o.OSDs < 0 || o.MDS < 0:
		return fmt.Errorf("%d mons, %d mgrs, %d OSDs, %d MDS: want 1 to 9 mons and no negative number", o.Mons, o.Mgrs, o.OSDs, o.MDS)
	case o.DiskSize < minDiskSize:
		return fmt.Errorf("disk size %d: an OSD needs at least %d bytes", o.DiskSize, minDiskSize)
	case o.Disk != FileDisk && o.Disk != LoopDisk:
		return fmt.Errorf("disk kind %q: want %q or %q", o.Disk, FileDisk, LoopDisk)
	}
	return nil
}
