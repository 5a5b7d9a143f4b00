//go:build linux

package cephtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is what an OSD writes to. Close lets go of it; a loop device then goes
// away with its last user, also when this process is killed.
type disk struct {
	link string // what the OSD's block link points to
	hold *os.File
}

func (d *disk) close() error {
	if d.hold == nil {
		return nil
	}
	return d.hold.Close()
}

// newDisk makes a sparse file in the cluster's directory and a loop device on it if asked for.
func (c *Cluster) newDisk(name string) (*disk, error) {
	file := filepath.Join(c.dir, "disks", name)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(file, c.options.DiskSize); err != nil {
		return nil, err
	}
	if c.options.Disk == LoopDisk {
		return attachLoop(file)
	}
	return &disk{link: filepath.Join("..", "disks", name)}, nil
}

const loopTries = 16

// attachLoop binds the file to a free loop device. Another process may take the
// same free number first: then the kernel answers EBUSY and the next is asked for.
func attachLoop(file string) (*disk, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("loop devices: %w", err)
	}
	defer control.Close()
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	for range loopTries {
		d, err := attachFreeLoop(control, backing)
		if !errors.Is(err, unix.EBUSY) {
			return d, err
		}
	}
	return nil, fmt.Errorf("loop device for %s: %d tries, each taken by another process", file, loopTries)
}

func attachFreeLoop(control, backing *os.File) (*disk, error) {
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return nil, fmt.Errorf("free loop device: %w", err)
	}
	name := fmt.Sprintf("/dev/loop%d", n)
	dev, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	if err := unix.IoctlLoopConfigure(int(dev.Fd()), &config); err != nil {
		_ = dev.Close()
		return nil, err
	}
	return &disk{link: name, hold: dev}, nil
}
