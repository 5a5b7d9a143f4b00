package mounter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/libceph"
)

// Kernel mounts by the kernel's own client.
type Kernel struct {
	Do          func(func() error) error
	Filesystems Filesystems
	Copies      Copies
	// Known is the file in which the kernel lists its filesystems.
	Known string
	// Load loads the kernel's module. It is called once, if the kernel does not know the filesystem.
	Load func(ctx context.Context) error
	// Hold gives the kernel the key of a user under a name, for the thread that calls it.
	Hold func(name string, key []byte) error
	// System is mount(2).
	System func(source, target, kind string, flags uintptr, data string) error

	load    sync.Once
	loading error
	asker   asker
}

// kernelType of a filesystem that the kernel's client mounted.
const kernelType = "ceph"

// Kind of the mounter.
func (k *Kernel) Kind() agentv1.Mounter { return agentv1.Mounter_MOUNTER_KERNEL }

// Support looks whether the kernel knows the filesystem.
func (k *Kernel) Support(ctx context.Context) Support {
	if k.knows() {
		return Support{Offered: true}
	}
	k.load.Do(func() { k.loading = k.Load(ctx) })
	switch {
	case k.knows():
		return Support{Offered: true}
	case k.loading != nil:
		return Support{Reason: fmt.Sprintf("the kernel has no client of CephFS, and its module ceph cannot be loaded: %v", k.loading)}
	}
	return Support{Reason: "the kernel has no client of CephFS, also with its module ceph loaded"}
}

func (k *Kernel) knows() bool {
	text, err := os.ReadFile(k.Known)
	return err == nil && slices.Contains(strings.Fields(string(text)), kernelType)
}

// Mount has the kernel mount the subvolume, unless it has.
func (k *Kernel) Mount(ctx context.Context, v Volume, dir string) (Mount, error) {
	mounted, there, err := k.Filesystems.Mounted(dir)
	if err != nil {
		return Mount{}, err
	}
	if there && mounted.Type != kernelType {
		return Mount{}, occupied(mounted, dir)
	}
	if !there {
		if err := k.mount(v, dir); err != nil {
			return Mount{}, err
		}
		if mounted, there, err = k.Filesystems.Mounted(dir); err != nil || !there {
			return Mount{}, errors.Join(err, fmt.Errorf("the kernel mounted %s at %s, and it is not there", v.Subvolume, dir))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultLimits.Mount)
	defer cancel()
	return Mount{Number: mounted.Number}, k.asker.answers(ctx, k.Filesystems, dir)
}

func (k *Kernel) mount(v Volume, dir string) error {
	source, flags, data, err := kernelCall(v)
	if err != nil {
		return err
	}
	return k.Do(func() error {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := libceph.Hand(v.Connection, k.Hold); err != nil {
			return err
		}
		return kernelError(v, k.System(source, dir, kernelType, flags, data))
	})
}

// ours are options that follow from the volume. A client that Ceph put on its blocklist must not come back by itself, as
// recover_session would have it: it was put there so that another may write.
var ours = []string{"name", "secret", "key", "fsid", "mon_addr", "mds_namespace", "ms_mode", "recover_session", "share", "noshare", "mount_timeout"}

// mountTimeout is how many seconds the kernel waits for an answer.
const mountTimeout = "mount_timeout=30"

// kernelCall is what the kernel is told: the source as all kernels take it, with mons and path, and options without the key.
// Each volume has a superblock of its own, so that its number stands for it alone.
func kernelCall(v Volume) (source string, flags uintptr, data string, err error) {
	mons, options, err := libceph.Client(v.Connection)
	if err != nil {
		return "", 0, "", err
	}
	flags, asked := filesystem.Split(v.Options)
	for _, option := range asked {
		if name, _, _ := strings.Cut(option, "="); slices.Contains(ours, name) {
			return "", 0, "", fault.New(codes.InvalidArgument, "the mount option %q is Seamount's to set: take it out of mountOptions of the StorageClass", option)
		}
	}
	root, _ := v.Subvolume.Snapshot()
	options = append(append(options, "mds_namespace="+v.Subvolume.Filesystem, "noshare", mountTimeout), asked...)
	for _, option := range options {
		if strings.ContainsAny(option, ", \n") {
			return "", 0, "", fault.New(codes.InvalidArgument, "%q cannot be told to the kernel: it has a space or a comma", option)
		}
	}
	return mons + ":" + root, flagsOf(flags, v.ReadOnly), strings.Join(options, ","), nil
}

// kernelError says what the kernel's number means here.
func kernelError(v Volume, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return fault.New(codes.NotFound, "%s does not exist, or no MDS serves its filesystem: %w", v.Subvolume, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOKEY):
		return denied(v.Connection.Entity, err)
	case errors.Is(err, unix.ESHUTDOWN):
		return fault.New(codes.FailedPrecondition, "this node is on Ceph's blocklist: it was fenced; restart it and lift the fence: %w", err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return fault.New(codes.FailedPrecondition,
			"the kernel does not know an option or the key's type; its log (dmesg) says which. Let the mounter be Auto or FUSE, or use a newer kernel: %w", err)
	case errors.Is(err, unix.ETIMEDOUT), errors.Is(err, unix.EIO), errors.Is(err, unix.EHOSTUNREACH):
		return fault.New(codes.Unavailable, "no mon or no MDS answered: see whether Ceph is well; it is tried again: %w", err)
	}
	return fmt.Errorf("mount %s by the kernel's client: %w", v.Subvolume, err)
}

// Unmount unmounts. The kernel writes back what is to be written first, and waits for Ceph with that as long as it takes: it
// is never forced, which would lose that.
func (k *Kernel) Unmount(ctx context.Context, _ Volume, dir string, m Mount) error {
	mounted, there, err := k.Filesystems.Mounted(dir)
	if err != nil {
		return err
	}
	if there && mounted.Type == kernelType && (m == Mount{} || m.Number == mounted.Number) {
		m.Number = mounted.Number
		if err := k.Filesystems.Unmount(dir); err != nil {
			return err
		}
	}
	if m == (Mount{}) {
		return nil
	}
	pins, err := k.Copies(ctx, kernelType, m.Number)
	return errors.Join(err, copied(pins))
}

// Health has nothing to look at: the kernel does not die alone.
func (*Kernel) Health(context.Context, Volume, Mount) Health { return Health{} }
