// Package mounter mounts subvolumes of CephFS on a node: by the kernel's own client, or by ceph-fuse, one process for each
// volume. It knows nothing of Kubernetes, and keeps no record but the files of its processes.
package mounter

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// Subvolume is a directory of a CephFS.
type Subvolume struct {
	Filesystem string `json:"filesystem"`
	// Path from the filesystem's root, of a subvolume or of a snapshot of it.
	Path string `json:"path"`
}

// String returns filesystem:path.
func (s Subvolume) String() string { return s.Filesystem + ":" + s.Path }

// snapshots divides the path of a snapshot from that of what it is of.
const snapshots = "/.snap/"

// Check refuses what names no directory below a subvolume group, which is all that the key of a node may mount.
func (s Subvolume) Check() error {
	parts := strings.Split(s.Path, "/")
	if s.Filesystem == "" || strings.ContainsAny(s.String(), "\n\r\x00") || strings.ContainsAny(s.Filesystem, "/,:= ") ||
		path.Clean(s.Path) != s.Path || len(parts) < 4 || parts[1] != "volumes" || strings.HasPrefix(s.Path, "/volumes"+snapshots) {
		return fmt.Errorf("%q is no subvolume that can be mounted: its path begins with /volumes/, its group and its name", s.String())
	}
	return nil
}

// Snapshot parts the path of a snapshot: root is mounted, and the snapshot is found below it. It is empty for a subvolume
// itself.
func (s Subvolume) Snapshot() (root, snapshot string) {
	root, below, is := strings.Cut(s.Path, snapshots)
	if !is {
		return s.Path, ""
	}
	return root, strings.TrimPrefix(snapshots, "/") + below
}

// Volume is a subvolume to mount, and how.
type Volume struct {
	// ID of the volume, by which its process and files are found again.
	ID string
	// Connection to its cluster. Its key is empty where it cannot be had, as after the node got another key pair.
	Connection block.Connection
	Subvolume  Subvolume
	ReadOnly   bool
	// Options of the mount, as mount(8) takes them.
	Options []string
}

// Mount is a volume that is mounted.
type Mount struct {
	// Number of the filesystem, by which its mounts are known in all namespaces.
	Number disk.Number `json:"number"`
	// Process that serves it, unless the kernel does.
	Process host.Process `json:"process,omitzero"`
}

// Support says whether a node offers a mounter.
type Support struct {
	Offered bool
	// Reason says why not.
	Reason string
}

// Health of a mount.
type Health struct {
	// Trouble says what is wrong, and why; empty: nothing.
	Trouble string
	// Died says that the process that served it is gone: every access fails until it is mounted again.
	Died bool
	// Passing says that it may mend itself.
	Passing bool
}

// Mounter mounts subvolumes. All calls may be repeated.
type Mounter interface {
	Kind() agentv1.Mounter
	Support(ctx context.Context) Support
	// Mount mounts what the volume's path is the root of at a directory, which is made if it is not there. What is left
	// there of a mount whose process died is removed first.
	Mount(ctx context.Context, v Volume, dir string) (Mount, error)
	// Unmount undoes Mount, whether it came to its end or not, and with all that is mounted upon it. It succeeds when mount
	// and process are gone. The mount is zero if none was recorded.
	Unmount(ctx context.Context, v Volume, dir string, m Mount) error
	// Health says how a mount is. It never waits for Ceph.
	Health(ctx context.Context, v Volume, m Mount) Health
}

// Filesystems is what mounters need of filesystem.Tools.
type Filesystems interface {
	Mounted(path string) (mountinfo.Mount, bool, error)
	Usage(path string) (filesystem.Usage, error)
	Unmount(path string) error
	Detach(path string) error
	SetFlags(path string, flags uintptr) error
}

// Copies finds who has a filesystem mounted in other namespaces than the node's.
type Copies func(ctx context.Context, kind string, number disk.Number) ([]host.Pin, error)

// flagsOf are the flags of a mount.
func flagsOf(flags uintptr, readOnly bool) uintptr {
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return flags
}

// asker asks filesystems. Who asks one that does not answer may hang for as long, so one asks at a time.
type asker struct{ asked sync.Map }

// answers fails unless the filesystem that was mounted answers in time.
func (a *asker) answers(ctx context.Context, f Filesystems, dir string) error {
	done := make(chan error, 1)
	if _, hangs := a.asked.LoadOrStore(dir, true); !hangs {
		go func() {
			_, err := f.Usage(dir)
			a.asked.Delete(dir)
			done <- err
		}()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fault.New(codes.DeadlineExceeded, "what was mounted at %s does not answer: see whether Ceph is well; it is tried again", dir)
	}
}

// occupied is the error about a directory where something else is mounted.
func occupied(m mountinfo.Mount, dir string) error {
	return fault.New(codes.FailedPrecondition, "%s of %s is mounted at %s already: unmount it", m.Type, m.Source, dir)
}

// copied is the error about a volume that other namespaces still have mounted, nil if none has.
func copied(pins []host.Pin) error {
	if len(pins) == 0 {
		return nil
	}
	texts := make([]string, len(pins))
	for i, p := range pins {
		texts[i] = p.String()
	}
	return fault.New(codes.FailedPrecondition, "a copy of the mount is still in use: %s. End that, or delete its pod, and the volume is given back when it is tried again",
		strings.Join(texts, "; "))
}

// denied is what is done when Ceph does not let a node in.
func denied(entity string, err error) error {
	return fault.New(codes.PermissionDenied, "Ceph does not let %s in, or not to this path: detach the volume and attach it again, for another key: %w", entity, err)
}
