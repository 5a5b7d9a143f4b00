package hostdir

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Node removes directories of the node that this process runs on.
type Node struct {
	// Root is the node's root directory, as its first process has it, and Proc where the processes of the node are seen.
	Root, Proc string
}

// untouched ends what is to be done about a directory that was left alone.
const untouched = "; it is removed then"

// Remove removes the directory of a cluster, or says why not. A refusal is a refusal.Error.
func (n Node) Remove(ctx context.Context, fsid string) error {
	if id, err := uuid.Parse(fsid); err != nil || id == uuid.Nil || id.String() != fsid {
		return refusal.New(v1alpha1.ReasonPrepareFailed, "report this as a defect of the operator", "%q is no fsid of a cluster", fsid)
	}
	base, err := n.base()
	if err != nil || base < 0 {
		return err
	}
	defer closing(base)
	dir, err := open(base, fsid)
	switch {
	case errors.Is(err, unix.ENOENT):
		return sync(base) // what a process removed that was killed may not be on the disk yet
	case errors.Is(err, unix.EXDEV):
		return inUse(fsid, "it is a mount")
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return refusal.New(v1alpha1.ReasonPrepareFailed, "find out who put it there, and remove it by hand",
			"%s is no directory", handover.ClusterHostDir(fsid))
	case err != nil:
		return failed(fsid, err)
	}
	defer closing(dir)
	return n.remove(ctx, base, dir, fsid)
}

func (n Node) remove(ctx context.Context, base, dir int, fsid string) error {
	by, err := n.mounted(fsid)
	if err != nil {
		return failed(fsid, err)
	}
	if by != "" {
		return inUse(fsid, by)
	}
	locks, mon, err := lockStores(dir)
	defer closing(locks...)
	if err != nil {
		return failed(fsid, err)
	}
	if mon != "" {
		return inUse(fsid, "a mon holds the lock of its store "+mon)
	}
	if err := clear(ctx, dir); err != nil {
		return failed(fsid, err)
	}
	if err := unix.Unlinkat(base, fsid, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return failed(fsid, err)
	}
	return sync(base)
}

func failed(fsid string, err error) error {
	return fmt.Errorf("remove %s: %w", handover.ClusterHostDir(fsid), err)
}

func inUse(fsid, why string) error {
	return refusal.NewPassing(handover.ReasonDirectoryInUse, "end that"+untouched, "%s is in use: %s", handover.ClusterHostDir(fsid), why)
}

// base opens the directory that holds those of all clusters; -1: there is none. The node's own links above it are the node's
// affair, and stay within its root.
func (n Node) base() (int, error) {
	root, err := unix.Open(n.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the root of the node: %w", err)
	}
	defer closing(root)
	base, err := unix.Openat2(root, strings.TrimPrefix(handover.HostDir, "/"), &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return -1, nil
	case err != nil:
		return -1, fmt.Errorf("open %s of the node: %w", handover.HostDir, err)
	}
	return base, nil
}

func sync(dir int) error {
	if err := unix.Fsync(dir); err != nil {
		return fmt.Errorf("sync %s: %w", handover.HostDir, err)
	}
	return nil
}

func closing(files ...int) {
	for _, fd := range files {
		unix.Close(fd) //nolint:errcheck // nothing was written through it
	}
}
