package partition

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Node partitions the disks of the node that this process runs on.
type Node struct {
	Disks  nodedisk.Disks
	Kernel Kernel
}

// Partition does what a request asks for with the disk of a StorageDisk. A refusal is a refusal.Error.
func (n Node) Partition(ctx context.Context, name string, request v1alpha1.DiskRequest) error {
	order, err := OrderOf(request)
	if err != nil {
		return refusal.New(v1alpha1.ReasonPrepareFailed, "report this as a defect of the operator", "the request makes no sense: %v", err)
	}
	device, id, err := n.Disks.Find(ctx, name)
	if err != nil {
		return nodedisk.NotFound(name, err)
	}
	job := job{Node: n, name: name, device: device, id: id, request: request, order: order}
	blank, err := job.look()
	if err != nil {
		return err
	}
	return job.cut(ctx, blank)
}

// job is one request and its disk.
type job struct {
	Node
	name    string
	device  disk.Disk
	id      v1alpha1.DiskIdentity
	request v1alpha1.DiskRequest
	order   Order
}

// look says whether the disk is blank. It opens the disk for reading: that of somebody else is not even opened for more.
func (j job) look() (bool, error) {
	file, err := nodedisk.Open(j.device, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer file.Close()
	d, err := j.disk(file)
	if err != nil {
		return false, err
	}
	found, err := d.read()
	if err != nil || found.Blank() {
		return true, err
	}
	return false, d.checkOurs(found, j.order)
}

// cut opens the disk anew for writing and looks at it again. A blank one is held exclusively, so that nobody mounts it
// meanwhile. One of ours cannot be: its OSDs hold their slices, and nobody else can hold the disk because of them.
func (j job) cut(ctx context.Context, blank bool) error {
	flags := os.O_RDWR
	if blank {
		flags |= unix.O_EXCL
	}
	file, err := nodedisk.OpenFree(ctx, j.name, j.device, flags)
	if err != nil {
		return err
	}
	defer file.Close()
	d, err := j.disk(file)
	if err != nil {
		return err
	}
	d.CheckBlank = func(ctx context.Context) error { return j.checkBlank(ctx, file, blank) }
	table, err := d.Cut(ctx, j.order)
	if err != nil {
		return err
	}
	return j.announce(file, table)
}

func (j job) disk(file *os.File) (Disk, error) {
	g, err := GeometryOf(file)
	return Disk{Name: j.device.Name, Device: nodedisk.Device{File: file}, Geometry: g}, err
}

// announce tells the kernel of the slices that were asked for.
func (j job) announce(file *os.File, table *gpt.Table) error {
	for _, slice := range j.order.Slices {
		made, _ := table.Find(slice.UUID)
		if _, err := j.Kernel.Ensure(file, j.device.Number, made); err != nil {
			return err
		}
	}
	return nil
}

// checkBlank compares the disk with its seal, and wants nothing but zeros beside: a seal can be of any disk.
func (j job) checkBlank(ctx context.Context, file *os.File, exclusive bool) error {
	if !exclusive {
		return refusal.NewPassing(handover.ReasonDiskChanged, leaveIt, "the partition table of %s went away just now", j.device.Name)
	}
	if err := nodedisk.SealError(j.device.Name, seal.Check(ctx, file, j.id, j.request.Seal)); err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	samples, err := content.Sample(ctx, file, content.Extents(size))
	if err == nil && samples.NonZero > 0 {
		err = refusal.New(handover.ReasonDiskChanged, leaveIt, "%s is not blank: there is something at %d", j.device.Name, samples.First)
	}
	return err
}

// GeometryOf asks an open block device for its size and sectors.
func GeometryOf(file *os.File) (gpt.Geometry, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return gpt.Geometry{}, fmt.Errorf("size of %s: %w", file.Name(), err)
	}
	sector, err := unix.IoctlGetInt(int(file.Fd()), unix.BLKSSZGET)
	if err != nil {
		return gpt.Geometry{}, fmt.Errorf("sectors of %s: %w", file.Name(), err)
	}
	return gpt.Geometry{Size: size, Sector: int64(sector)}, nil
}
