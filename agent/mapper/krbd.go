package mapper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/libceph"
	"github.com/seamount-dev/seamount/agent/wait"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Metadata reads and writes the metadata of an image and looks into it, which the kernel's client cannot.
type Metadata interface {
	Get(ctx context.Context, v Volume, key string) (string, error)
	// Set writes a value; an empty one removes it.
	Set(ctx context.Context, v Volume, key, value string) error
	Blank(ctx context.Context, v Volume) (bool, error)
}

// KRBD maps by the kernel's own client, through the files of its bus.
type KRBD struct {
	Do       func(func() error) error
	NodeName string
	// Sys is where sysfs is mounted, Dev the directory of device nodes, as Do sees them.
	Sys, Dev string
	Metadata Metadata
	// Load loads the kernel's module. It is called once, if the bus is not there.
	Load func(ctx context.Context) error
	// Hold gives the kernel the key of a user under a name, for the thread that calls it.
	Hold func(name string, key []byte) error

	load    sync.Once
	loading error
}

// Kind of the mapper.
func (k *KRBD) Kind() agentv1.Mapper { return agentv1.Mapper_MAPPER_KRBD }

func (k *KRBD) bus(name string) string { return filepath.Join(k.Sys, "bus/rbd", name) }

// Support looks for the module's bus.
func (k *KRBD) Support(ctx context.Context) Support {
	if k.there() {
		return Support{Offered: true}
	}
	k.load.Do(func() { k.loading = k.Load(ctx) })
	switch {
	case k.there():
		return Support{Offered: true}
	case k.loading != nil:
		return Support{Reason: fmt.Sprintf("the kernel has no client of RBD, and its module rbd cannot be loaded: %v", k.loading)}
	}
	return Support{Reason: "the kernel has no client of RBD, and its module rbd shows no bus"}
}

func (k *KRBD) there() bool {
	return k.Do(func() error {
		_, err := os.Stat(k.bus("add_single_major"))
		return err
	}) == nil
}

// rbdDevice is a device of the bus.
type rbdDevice struct {
	id     int
	number disk.Number
}

// find looks for the device of an image. Images are compared by cluster, pool and name, and only heads count.
func (k *KRBD) find(v Volume) (rbdDevice, bool, error) {
	entries, err := os.ReadDir(k.bus("devices"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rbdDevice{}, false, err
	}
	want := map[string]string{
		"cluster_fsid": v.Connection.FSID, "pool": v.Image.Pool, "pool_ns": "", "name": v.Image.Name, "current_snap": "-",
	}
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil || !k.matches(entry.Name(), want) {
			continue
		}
		d, err := k.device(id)
		return d, err == nil, err
	}
	return rbdDevice{}, false, nil
}

func (k *KRBD) matches(device string, want map[string]string) bool {
	for name, value := range want {
		if text, err := k.attribute(device, name); err != nil && !errors.Is(err, fs.ErrNotExist) || text != value {
			return false
		}
	}
	return true
}

func (k *KRBD) attribute(device, name string) (string, error) {
	text, err := os.ReadFile(k.bus(filepath.Join("devices", device, name)))
	return strings.TrimSpace(string(text)), err
}

func (k *KRBD) device(id int) (rbdDevice, error) {
	text, err := os.ReadFile(filepath.Join(k.Sys, "block", "rbd"+strconv.Itoa(id), "dev"))
	if err != nil {
		return rbdDevice{}, err
	}
	number, err := disk.ParseNumber(strings.TrimSpace(string(text)))
	return rbdDevice{id, number}, err
}

func (k *KRBD) node(id int) string { return filepath.Join(k.Dev, "rbd"+strconv.Itoa(id)) }

// Map has the kernel map the image, unless it has.
func (k *KRBD) Map(ctx context.Context, v Volume) (Device, error) {
	var found rbdDevice
	err := k.Do(func() (err error) {
		found, err = k.mapped(v)
		return err
	})
	if err != nil {
		return Device{}, fmt.Errorf("map %s by the kernel's client: %w", v.Image, err)
	}
	if err := k.recordClient(ctx, v, found.id); err != nil {
		return Device{}, err
	}
	formatting, err := k.Metadata.Get(ctx, v, ceph.ImageKeyFormatting)
	if err != nil {
		return Device{}, err
	}
	var size int64
	err = k.Do(func() (err error) {
		size, err = k.size(found.id)
		return errors.Join(err, host.MakeNode(k.node(found.id), found.number))
	})
	return Device{Path: k.node(found.id), Number: found.number, Index: found.id, Size: size, Formatting: formatting}, err
}

func (k *KRBD) mapped(v Volume) (rbdDevice, error) {
	if found, there, err := k.find(v); there || err != nil {
		return found, err
	}
	line, err := addLine(v)
	if err != nil {
		return rbdDevice{}, err
	}
	if err := libceph.Hand(v.Connection, k.Hold); err != nil {
		return rbdDevice{}, err
	}
	if err := os.WriteFile(k.bus("add_single_major"), []byte(line), 0); err != nil {
		return rbdDevice{}, mapError(v, err)
	}
	found, there, err := k.find(v)
	if err == nil && !there {
		err = errors.New("the kernel took it and shows no device: its log (dmesg) says why")
	}
	return found, err
}

// mapError says what the kernel's number means here.
func mapError(v Volume, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT):
		return fault.New(codes.NotFound, "pool or image does not exist: %w", err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOKEY):
		return fault.New(codes.PermissionDenied, "Ceph does not let %s in: detach the volume and attach it again, for another key: %w", v.Connection.Entity, err)
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EBUSY):
		return fault.New(codes.FailedPrecondition, "another node holds the image's lock: stop its pod there, or fence that node: %w", err)
	case errors.Is(err, unix.ESHUTDOWN):
		return fault.New(codes.FailedPrecondition, "this node is on Ceph's blocklist: it was fenced; restart it and lift the fence: %w", err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EOPNOTSUPP):
		return fault.New(codes.FailedPrecondition,
			"the kernel does not know an option, the key's type or a feature of the image; its log (dmesg) says which. Let the mapper be Auto or Seamount, or use a newer kernel: %w", err)
	case errors.Is(err, unix.ETIMEDOUT):
		return fault.New(codes.Unavailable, "no mon answered: %w", err)
	}
	return err
}

// options of a mapping. No request ever times out: an error in the middle of a filesystem's log is worse than to wait.
// The default of osd_request_timeout says so already. Reads go to the primary OSD: nobody told where this node stands.
func options(access block.Access) []string {
	switch access {
	case block.SingleNode:
		// The lock is taken before the device is there and is given to no other client that asks. A client that lost it
		// is not even to read.
		return []string{"exclusive", "lock_on_read"}
	case block.MultiNodeReadOnly:
		return []string{"ro"}
	}
	return nil
}

// addLine is what the kernel takes: mons, options, pool, image, and a dash for the head.
func addLine(v Volume) (string, error) {
	mons, client, err := libceph.Client(v.Connection)
	if err != nil {
		return "", err
	}
	o := append(client, options(v.Access)...)
	for _, word := range append([]string{v.Image.Pool, v.Image.Name}, o...) {
		if strings.ContainsAny(word, " \t\n") || strings.Contains(word, ",") && word != v.Image.Pool && word != v.Image.Name {
			return "", fault.New(codes.InvalidArgument, "%q cannot be told to the kernel: it has a space or a comma", word)
		}
	}
	return strings.Join([]string{mons, strings.Join(o, ","), v.Image.Pool, v.Image.Name, "-"}, " "), nil
}

// recordClient writes down the client's address before anything is written through it: a fence goes by that.
func (k *KRBD) recordClient(ctx context.Context, v Volume, id int) error {
	if v.Access == block.MultiNodeReadOnly {
		return nil
	}
	var address string
	err := k.Do(func() (err error) {
		address, err = k.attribute(strconv.Itoa(id), "client_addr")
		return err
	})
	if err != nil {
		return fmt.Errorf("read the address of the kernel's client: %w", err)
	}
	return k.Metadata.Set(ctx, v, ceph.ImageKeyClient(k.NodeName), address)
}

// size of a device in bytes.
func (k *KRBD) size(id int) (int64, error) {
	text, err := os.ReadFile(filepath.Join(k.Sys, "block", "rbd"+strconv.Itoa(id), "size"))
	if err != nil {
		return 0, err
	}
	sectors, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return sectors << 9, err
}

// Mounted does nothing: the kernel keeps its mappings until it is told.
func (k *KRBD) Mounted(Device) error { return nil }

// Unmap has the kernel unmap the image. The kernel refuses while anybody has the device open.
func (k *KRBD) Unmap(ctx context.Context, v Volume, _ Device) error {
	found, there, err := k.remove(v)
	if err != nil || !there {
		return err
	}
	return released(ctx, k.Do, Device{Path: k.node(found.id), Number: found.number}, func() (bool, error) {
		_, there, err := k.remove(v)
		return there, err
	})
}

// remove asks the kernel to unmap the image, if it has it mapped, and says whether it still has.
func (k *KRBD) remove(v Volume) (found rbdDevice, there bool, err error) {
	err = k.Do(func() error {
		if found, there, err = k.find(v); err != nil || !there {
			return err
		}
		if err := os.WriteFile(k.bus("remove_single_major"), []byte(strconv.Itoa(found.id)), 0); !errors.Is(err, unix.EBUSY) && err != nil {
			return err
		}
		_, there, err = k.find(v)
		return err
	})
	return found, there, err
}

// The kernel is told of a new size by Ceph; refresh has it ask at once.
const (
	resizeInterval = 50 * time.Millisecond
	resizeLimit    = 2 * time.Second
)

// Resize has the kernel read the image's header again.
func (k *KRBD) Resize(ctx context.Context, v Volume, d Device) (int64, error) {
	size := d.Size
	err := wait.For(ctx, resizeInterval, resizeLimit, func() error {
		return k.Do(func() error {
			found, there, err := k.find(v)
			if err == nil && !there {
				err = errors.New("the kernel does not have the image mapped any more")
			}
			if err != nil {
				return err
			}
			if err := os.WriteFile(k.bus(filepath.Join("devices", strconv.Itoa(found.id), "refresh")), []byte("1"), 0); err != nil {
				return err
			}
			if size, err = k.size(found.id); err == nil && size <= d.Size {
				return wait.ErrAgain
			}
			return err
		})
	})
	if errors.Is(err, wait.ErrAgain) {
		err = nil // it was large enough already
	}
	return size, err
}

// SetFormatting writes the mark into the image's metadata.
func (k *KRBD) SetFormatting(ctx context.Context, v Volume, filesystem string) error {
	return k.Metadata.Set(ctx, v, ceph.ImageKeyFormatting, filesystem)
}

// Blank asks Ceph.
func (k *KRBD) Blank(ctx context.Context, v Volume) (bool, error) { return k.Metadata.Blank(ctx, v) }

// Health says whether the kernel still has the image.
func (k *KRBD) Health(_ context.Context, v Volume, d Device) Health {
	there := false
	err := k.Do(func() error {
		found, is, err := k.find(v)
		there = is && found.number == d.Number
		return err
	})
	switch {
	case err != nil:
		return Health{Trouble: fmt.Sprintf("the devices of the kernel's client cannot be listed: %v", err), Passing: true}
	case !there:
		return Health{Trouble: "the kernel does not have the image mapped any more: somebody unmapped it by force", Gone: true}
	}
	return Health{}
}
