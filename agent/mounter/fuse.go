package mounter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/wait"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Starter starts helpers.
type Starter interface {
	Start(ctx context.Context, h launch.Helper) error
	Clean(name string) error
}

// Processes knows the node's processes.
type Processes interface {
	// Find finds a process by an argument that no other has.
	Find(argument string) (host.Process, bool, error)
	Lives(p host.Process) bool
	Signal(p host.Process, signal unix.Signal) error
}

// Fuse mounts by ceph-fuse, of which each volume has a process of its own.
type Fuse struct {
	Do func(func() error) error
	// Dir has a directory for each volume, with the files of its process. The node sees it at the same path.
	Dir string
	// Logs is the node's directory for what helpers say.
	Logs string
	// Device is FUSE's own.
	Device      string
	Programs    filesystem.Programs
	Starter     Starter
	Processes   Processes
	Filesystems Filesystems
	Copies      Copies
	Log         logr.Logger
	Limits      Limits

	asker asker
}

// Limits are how long is waited.
type Limits struct {
	// Interval of looking.
	Interval time.Duration
	// Appear is how long a process that was started may take to be seen at all: systemd starts it a moment later.
	Appear time.Duration
	// Mount is how long mounting may take, which is well under a second when Ceph answers.
	Mount time.Duration
	// End is how long a process may take to write back what is left to write, before the caller is told that it still does.
	End time.Duration
	// Abandon is how long that may go on in all, before the process is killed and that is lost.
	Abandon time.Duration
}

// DefaultLimits are those outside of tests. Ceph itself gives up mounting a little earlier.
var DefaultLimits = Limits{Interval: 20 * time.Millisecond, Appear: 2 * time.Second, Mount: 45 * time.Second, End: 20 * time.Second, Abandon: 15 * time.Minute}

const (
	fuseProgram = "ceph-fuse"
	// FuseType of a filesystem that the program mounted.
	FuseType = "fuse.ceph-fuse"
)

// Kind of the mounter.
func (f *Fuse) Kind() agentv1.Mounter { return agentv1.Mounter_MOUNTER_FUSE }

// Support looks for the program, and for FUSE.
func (f *Fuse) Support(context.Context) Support {
	if _, err := f.Programs.Command(fuseProgram); err != nil {
		return Support{Reason: fmt.Sprintf("the program %s cannot be run on the node: %v", fuseProgram, err)}
	}
	err := f.Do(func() error { _, err := os.Stat(f.Device); return err })
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Support{Reason: fmt.Sprintf("the node has no %s: load the kernel module fuse", f.Device)}
	case err != nil:
		return Support{Reason: fmt.Sprintf("%s of the node cannot be looked at: %v", f.Device, err)}
	}
	return Support{Offered: true}
}

// Mount starts a process for the volume, unless one runs, and waits until it has mounted. The process of an agent that was
// killed is taken over.
func (f *Fuse) Mount(ctx context.Context, v Volume, dir string) (Mount, error) {
	flags, err := fuseFlags(v)
	if err != nil {
		return Mount{}, err
	}
	_, runs, err := f.find(v)
	if err != nil {
		return Mount{}, err
	}
	if !runs {
		if err := f.start(ctx, v, dir); err != nil {
			return Mount{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, f.Limits.Mount)
	defer cancel()
	m, err := f.mounted(ctx, v, dir)
	if err != nil {
		return Mount{}, err
	}
	if err := f.asker.answers(ctx, f.Filesystems, dir); err != nil {
		return Mount{}, err
	}
	if flags != 0 {
		err = f.Filesystems.SetFlags(dir, flags)
	}
	return m, errors.Join(err, f.forgetEnding(v))
}

// fuseFlags are the flags of the mount. Options of the kernel's client say nothing to this one.
func fuseFlags(v Volume) (uintptr, error) {
	flags, others := filesystem.Split(v.Options)
	if len(others) > 0 {
		return 0, fault.New(codes.InvalidArgument, "the mount option %q is of the kernel's client, and the volume is mounted by %s: "+
			"take it out of mountOptions of the StorageClass, or let its mounter be Kernel", strings.Join(others, ","), fuseProgram)
	}
	if flags&(unix.MS_SYNCHRONOUS|unix.MS_DIRSYNC) != 0 {
		return 0, fault.New(codes.InvalidArgument, "%s does not write at once, as the mount options sync and dirsync ask for: take them out of mountOptions "+
			"of the StorageClass, or let its mounter be Kernel", fuseProgram)
	}
	return flagsOf(flags&^(unix.MS_LAZYTIME|unix.MS_SILENT), v.ReadOnly), nil // which are of a filesystem, and promise nothing
}

// find finds the volume's process by its configuration file, which no other is given.
func (f *Fuse) find(v Volume) (host.Process, bool, error) { return f.Processes.Find(f.conf(v)) }

// clear removes what is left of mounts whose process died: what is mounted over them would not be seen.
func (f *Fuse) clear(dir string) error {
	mounted, there, err := f.Filesystems.Mounted(dir)
	if err != nil || !there {
		return err
	}
	if mounted.Type != FuseType || !f.dead(dir) {
		return occupied(mounted, dir)
	}
	return f.Filesystems.Detach(dir)
}

// dead says whether nothing answers for a mount any more. The kernel knows that by itself, without waiting.
func (f *Fuse) dead(dir string) bool {
	_, err := f.Filesystems.Usage(dir)
	return errors.Is(err, unix.ENOTCONN)
}

func (f *Fuse) start(ctx context.Context, v Volume, dir string) error {
	if v.Connection.Key == "" {
		return fault.New(codes.FailedPrecondition, "this node cannot open the key of %s any more: detach the volume and attach it again", v.Connection.Entity)
	}
	if err := f.clear(dir); err != nil {
		return err
	}
	if err := f.Do(func() error { return os.MkdirAll(dir, 0o750) }); err != nil {
		return err
	}
	command, err := f.command(v, dir)
	if err != nil {
		return err
	}
	if err := f.write(v); err != nil {
		return err
	}
	return f.Starter.Start(ctx, launch.Helper{Name: helper(v), Command: command, Env: environment, Log: f.log(v)})
}

// mounted waits until the volume's process has mounted it.
func (f *Fuse) mounted(ctx context.Context, v Volume, dir string) (Mount, error) {
	var m Mount
	var seen host.Process
	began := time.Now()
	err := wait.For(ctx, f.Limits.Interval, f.Limits.Mount, func() error {
		p, runs, err := f.find(v)
		if err != nil {
			return err
		}
		if runs {
			seen = p
		}
		at, there, err := f.Filesystems.Mounted(dir)
		switch {
		case err != nil:
			return err
		case there && at.Type != FuseType:
			return occupied(at, dir)
		case there && runs:
			m = Mount{Number: at.Number, Process: p}
			return nil
		case !runs && f.gone(seen, began):
			return f.failed(v)
		}
		return wait.ErrAgain
	})
	if errors.Is(err, wait.ErrAgain) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(codes.DeadlineExceeded, "%s has not mounted %s after %s, as Ceph does not answer, or it still writes back what was written before: it is waited for%s",
			fuseProgram, v.Subvolume, f.Limits.Mount, f.said(v))
	}
	return m, err
}

// gone says that the process that was started has ended, or was not seen in time. While it becomes ceph-fuse it lives, and has
// no arguments to be found by.
func (f *Fuse) gone(seen host.Process, began time.Time) bool {
	if seen.PID != 0 {
		return !f.Processes.Lives(seen)
	}
	return time.Since(began) >= f.Limits.Appear
}

// Unmount unmounts, and waits until the process has written back what is left to write and has ended.
func (f *Fuse) Unmount(ctx context.Context, v Volume, dir string, m Mount) error {
	p, runs, err := f.find(v)
	if err != nil {
		return err
	}
	number, err := f.unmount(dir, runs, m)
	if err != nil {
		return err
	}
	if runs {
		m.Number = number
		if err := f.end(ctx, v, p, m); err != nil {
			return err
		}
	}
	f.cleanGroups(v)
	return f.remove(v)
}

// cleanGroups removes the process' cgroups. An empty one that stays costs nothing.
func (f *Fuse) cleanGroups(v Volume) {
	if err := f.Starter.Clean(helper(v)); err != nil {
		f.Log.Info("the cgroup of a process that ended stays", "volume", v.ID, "error", err.Error())
	}
}

// unmount unmounts what is the volume's. What somebody else mounted there is not ours to unmount.
func (f *Fuse) unmount(dir string, runs bool, m Mount) (number disk.Number, err error) {
	at, there, err := f.Filesystems.Mounted(dir)
	switch {
	case err != nil || !there || at.Type != FuseType:
		return m.Number, err
	case !runs && f.dead(dir):
		return at.Number, f.Filesystems.Detach(dir)
	case !runs || m != (Mount{}) && m.Number != at.Number:
		return m.Number, nil
	}
	return at.Number, f.Filesystems.Unmount(dir)
}

// end waits until the process has ended. It is told to when nothing is mounted any more, and killed only when Ceph has not
// answered for very long: what programs synced is in Ceph then, and what they wrote after that is lost, which is said.
func (f *Fuse) end(ctx context.Context, v Volume, p host.Process, m Mount) error {
	since, err := f.ending(v)
	if err != nil {
		return err
	}
	if err := f.ended(ctx, p); !errors.Is(err, wait.ErrAgain) {
		return err
	}
	if m != (Mount{}) {
		pins, err := f.Copies(ctx, FuseType, m.Number)
		if err := errors.Join(err, copied(pins)); err != nil {
			return err
		}
	}
	if err := f.Processes.Signal(p, unix.SIGTERM); err != nil {
		return err
	}
	if err := f.ended(ctx, p); !errors.Is(err, wait.ErrAgain) {
		return err
	}
	if time.Since(since) < f.Limits.Abandon {
		return fault.New(codes.DeadlineExceeded, "volume %s is unmounted, and %s (pid %d) still writes back what was written, since Ceph does not answer: it is waited for. "+
			"After %s it is killed: then what programs had not synced is lost%s", v.ID, fuseProgram, p.PID, f.Limits.Abandon, f.said(v))
	}
	if err := f.Processes.Signal(p, unix.SIGKILL); err != nil {
		return err
	}
	f.Log.Info("ceph-fuse was killed, as Ceph did not answer: what programs had synced is in Ceph, what they wrote after that is lost",
		"volume", v.ID, "subvolume", v.Subvolume.String(), "pid", p.PID, "waited", f.Limits.Abandon.String())
	return f.ended(ctx, p)
}

func (f *Fuse) ended(ctx context.Context, p host.Process) error {
	return wait.For(ctx, f.Limits.Interval, f.Limits.End, func() error {
		if f.Processes.Lives(p) {
			return wait.ErrAgain
		}
		return nil
	})
}

// Health says whether the process lives.
func (f *Fuse) Health(_ context.Context, v Volume, m Mount) Health {
	if f.Processes.Lives(m.Process) {
		return Health{}
	}
	return Health{Trouble: fmt.Sprintf("%s (pid %d) died%s", fuseProgram, m.Process.PID, f.said(v)), Died: true}
}

// environment of the process. It runs mount(8) of the node, where there is one, to have the kernel forget names that it caches.
var environment = []string{"MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=65536", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}

// command is that of the process. In the foreground it is the very process that is started.
func (f *Fuse) command(v Volume, dir string) ([]string, error) {
	root, _ := v.Subvolume.Snapshot()
	return f.Programs.Command(fuseProgram, slices.Concat(
		[]string{"-f", "-c", f.conf(v), "-n", v.Connection.Entity, "-k", f.keyring(v)},
		[]string{"--client_fs", v.Subvolume.Filesystem, "-r", root, dir})...)
}
