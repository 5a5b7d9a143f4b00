package filesystem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
)

// Format makes a filesystem, whatever is on the device: the caller knows that it is blank, or that a mkfs began on it. What
// was written is on the disk when it returns. A device that is mounted or opened exclusively is refused by mkfs itself.
func (t Tools) Format(ctx context.Context, d Device, name string) error {
	program := "mkfs." + name
	version, err := t.version(ctx, program)
	if err != nil {
		return err
	}
	options := xfsOptions(version)
	if name == Ext4 {
		options = ext4Options(version)
	}
	if out, err := t.run(ctx, d.Path, program, append(options, d.Path)...); err != nil {
		return formatError(d, name, out, err)
	}
	return t.sync(d)
}

// minXFS is the smallest device that mkfs.xfs takes.
const minXFS = 300 << 20

func formatError(d Device, name, out string, err error) error {
	if name == XFS && d.Size < minXFS && strings.Contains(out, "300MB") {
		return fault.New(codes.FailedPrecondition, "xfs takes at least 300 MiB and the volume has %d: make it larger, or use ext4", d.Size)
	}
	return fmt.Errorf("format %s: %w", d.Path, err)
}

// sync writes out what the kernel still holds of a device.
func (t Tools) sync(d Device) error {
	return t.Node.Do(func() error {
		file, err := os.OpenFile(d.Path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	})
}

// version is that of a program as it names itself, such as "mkfs.xfs version 6.1.0" or "mke2fs 1.47.0 (5-Feb-2023)".
type version struct{ major, minor int }

func (v version) since(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

func (t Tools) version(ctx context.Context, program string) (version, error) {
	out, err := t.run(ctx, "", program, "-V")
	if err != nil {
		return version{}, err
	}
	return parseVersion(out)
}

func parseVersion(out string) (version, error) {
	for word := range strings.FieldsSeq(out) {
		var v version
		if n, _ := fmt.Sscanf(word, "%d.%d", &v.major, &v.minor); n == 2 {
			return v, nil
		}
	}
	return version{}, fmt.Errorf("no version in %q", out)
}

// xfsOptions are those of mkfs.xfs. A volume moves between nodes, so that features are left out which kernels before 6.12
// do not know, and newer programs turn on by themselves. A blank device needs no discard.
func xfsOptions(v version) []string {
	options := []string{"-q", "-f", "-K"}
	if v.since(5, 19) {
		options = append(options, "-i", "nrext64=0")
	}
	if v.since(6, 10) {
		options = append(options, "-i", "exchange=0", "-n", "parent=0")
	}
	return options
}

// ext4Options are those of mkfs.ext4: no blocks are kept for root, who is nobody in a pod, and tables are zeroed when they
// are used first: a new image reads as zeros.
func ext4Options(v version) []string {
	options := []string{"-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"}
	if v.since(1, 47) {
		options = append(options, "-O", "^orphan_file")
	}
	return options
}

// Exit codes of e2fsck(8).
const (
	fsckCorrected   = 1
	fsckUncorrected = 4
)

// Repair does what may be done to a filesystem without asking: e2fsck -p plays back the journal of ext4 and mends what is
// safe to mend. Of xfs it does nothing: the kernel plays back its log, and xfs_repair can throw away what it does not
// understand, which is for a person to decide.
func (t Tools) Repair(ctx context.Context, d Device, name string) error {
	if name != Ext4 {
		return nil
	}
	return t.fsck(ctx, d, "-p")
}

func (t Tools) fsck(ctx context.Context, d Device, args ...string) error {
	_, err := t.run(ctx, d.Path, "e2fsck", append(args, d.Path)...)
	var exit *host.ExitError
	switch {
	case errors.As(err, &exit) && exit.Code == fsckCorrected:
		return nil
	case errors.As(err, &exit) && exit.Code&fsckUncorrected != 0:
		return fault.New(codes.FailedPrecondition, "the filesystem on %s is damaged, and e2fsck does not mend it by itself: take a snapshot "+
			"of the volume, use it as a raw block device in a pod, and run e2fsck -f there: %w", d.Path, err)
	}
	return err
}

// damaged says what a person can do about a filesystem that the kernel does not mount.
func damaged(path, name string, err error) error {
	if !errors.Is(err, unix.EUCLEAN) { // which XFS and ext4 call EFSCORRUPTED
		return err
	}
	program := "xfs_repair -n"
	if name == Ext4 {
		program = "e2fsck -n"
	}
	return fault.New(codes.FailedPrecondition, "the %s on %s is damaged. Nothing was repaired: take a snapshot of the volume, use it as a raw "+
		"block device in a pod, and look with %s: %w", name, path, program, err)
}
