//go:build linux

package cephtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// prepareConf is what making an OSD's disk needs of ceph.conf.
const prepareConf = `[global]
fsid = %s
bdev_aio_poll_ms = 5
log_to_stderr = true
log_file =
admin_socket =
`

// Prepare makes a device the disk of an OSD without a cluster: its label says what such a disk says anywhere. Rootfs is
// that of Options; empty, it is the machine's release.
func Prepare(ctx context.Context, rootfs, device, fsid string, o OSD) error {
	dir, err := os.MkdirTemp("", "seamount-osd-")
	if err != nil {
		return err
	}
	r := release{root: rootfs}
	return errors.Join(r.prepare(ctx, dir, device, fsid, o), os.RemoveAll(dir))
}

func (r release) prepare(ctx context.Context, dir, device, fsid string, o OSD) error {
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "ceph.conf"), fmt.Appendf(nil, prepareConf, fsid), 0o600),
		os.Mkdir(filepath.Join(dir, "osd"), 0o700),
		os.Symlink(device, filepath.Join(dir, "osd", "block")))
	if err != nil {
		return err
	}
	inside := r.inside(dir)
	monmap := filepath.Join(inside, "monmap")
	if _, err := output(r.command(ctx, dir, "monmaptool", "--create", "--fsid", fsid, monmap), ""); err != nil {
		return fmt.Errorf("monmaptool: %w", err)
	}
	_, err = output(r.command(ctx, dir, "ceph-osd", "-c", filepath.Join(inside, "ceph.conf"), "--mkfs", "--no-mon-config",
		"-i", o.ID, "--monmap", monmap, "--osd-data", filepath.Join(inside, "osd"), "--osd-uuid", o.UUID,
		"--osd-objectstore", "bluestore", "--keyfile", "-"), o.Key.Reveal())
	if err != nil {
		return fmt.Errorf("ceph-osd --mkfs: %w", err)
	}
	return nil
}
