package erase

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Node erases disks of the node that this process runs on.
type Node struct {
	Disks  nodedisk.Disks
	Kernel partition.Kernel
}

// Erase does what a request asks for with the disk of a StorageDisk, and returns how many bytes it erased. A refusal is a
// refusal.Error.
func (n Node) Erase(ctx context.Context, name string, request v1alpha1.DiskRequest) (int64, error) {
	device, id, err := n.Disks.Find(ctx, name)
	if err != nil {
		return 0, nodedisk.NotFound(name, err)
	}
	order, err := OrderOf(name, id, request)
	if err != nil {
		return 0, refusal.New(v1alpha1.ReasonPrepareFailed, "report this as a defect of the operator", "the request makes no sense: %v", err)
	}
	if err := checkDevice(device, id); err != nil {
		return 0, err
	}
	job := job{Node: n, name: name, device: device, id: id, seal: request.Seal, order: order}
	if err := job.look(ctx); err != nil {
		return 0, err
	}
	return job.erase(ctx)
}

// checkDevice refuses what is no disk, what is in use, and what is not known well enough to say that it is not.
func checkDevice(d disk.Disk, id v1alpha1.DiskIdentity) error {
	const untouched = "; nothing was written to it"
	switch {
	case id.Source == v1alpha1.IdentityPartitionTable:
		return refusal.New(handover.ReasonDiskAmbiguous, "erase it by hand (wipefs -a, then sgdisk --zap-all)",
			"%s is known by its partition table alone: half erased, it could not be told from another disk", d.Name)
	case d.Kind != disk.KindPlain && d.Kind != disk.KindLoop && d.Kind != disk.KindMultipath:
		return refusal.New(handover.ReasonDiskChanged, "erase the disks that it is made of"+untouched, "%s is no disk, but %s", d.Name, d.Kind)
	case d.ReadOnly:
		return refusal.New(handover.ReasonDiskChanged, "make it writable (blockdev --setrw), or replace it", "%s is read-only", d.Name)
	case d.Zoned != "" && d.Zoned != "none":
		return refusal.New(handover.ReasonDiskChanged, "reset its zones by hand (blkzone reset)"+untouched, "%s is a zoned disk (%s)", d.Name, d.Zoned)
	case len(d.Uses) > 0:
		u := d.Uses[0]
		return refusal.NewPassing(handover.ReasonDiskBusy, "end that"+untouched, "%s is in use: %s of %s by %s", d.Name, u.Kind, u.Device, u.By)
	case len(d.Problems) > 0:
		p := d.Problems[0]
		return refusal.NewPassing(handover.ReasonDiskUnreadable, "see why on the node"+untouched, "of %s the %s could not be read: %s", d.Name, p.Fact, p.Text)
	}
	return nil
}

// job is one request and its disk.
type job struct {
	Node
	name   string
	device disk.Disk
	id     v1alpha1.DiskIdentity
	seal   string
	order  Order
}

// look opens the disk for reading: that of somebody else is not even opened for more.
func (j job) look(ctx context.Context) error {
	file, err := nodedisk.Open(j.device, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	d, err := j.disk(file)
	if err != nil {
		return err
	}
	_, err = d.check(ctx, j.order, content.Extents(d.Size))
	return err
}

// erase holds the disk exclusively, so that nobody mounts it meanwhile, and looks at it again before it writes.
func (j job) erase(ctx context.Context) (int64, error) {
	file, err := nodedisk.OpenFree(ctx, j.name, j.device, os.O_RDWR|unix.O_EXCL)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	d, err := j.disk(file)
	if err != nil {
		return 0, err
	}
	return d.Erase(ctx, j.order)
}

func (j job) disk(file *os.File) (Disk, error) {
	g, err := partition.GeometryOf(file)
	return Disk{
		Name: j.device.Name, Device: nodedisk.Device{File: file}, Size: g.Size, Sector: g.Sector,
		CheckSealed: func(ctx context.Context) error { return j.checkSealed(ctx, file, g.Size) },
		Drop:        func() error { return j.Kernel.Drop(file, j.device.Number) },
	}, err
}

// checkSealed compares the disk with its seal, which is of the OSDs on it, or else of its content.
func (j job) checkSealed(ctx context.Context, file *os.File, size int64) error {
	found, err := content.Owners(file, j.device.Name, size, j.device.Partitions)
	if err != nil {
		return fmt.Errorf("look for OSDs on %s: %w", j.device.Name, err)
	}
	if err := j.order.checkOwners(j.device.Name, found); err != nil {
		return err
	}
	if sealedByOSDs(j.device.Name, found) {
		signatures, err := content.Signatures(file, j.device.Name)
		if err != nil {
			return fmt.Errorf("look for what else is on %s: %w", j.device.Name, err)
		}
		if err := j.order.checkSignatures(j.device.Name, signatures); err != nil {
			return err
		}
	}
	whole := j.device
	whole.Content = found
	if now := seal.Of(whole, j.id); now != "" {
		if now != j.seal {
			return nodedisk.Changed(j.device.Name, "the OSDs or slices on it are not those that were sealed")
		}
		return nil
	}
	return nodedisk.SealError(j.device.Name, seal.CheckOccupied(ctx, file, j.id, j.seal))
}
