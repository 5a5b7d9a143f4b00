package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/wait"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Disks finds the disks of OSDs and looks at them.
type Disks interface {
	// Find finds the one device that is reserved for an OSD of a cluster: ErrMissing when there is none, ErrAmbiguous when
	// there are several, ErrNoSlice when the disk is there and the slice is not.
	Find(ctx context.Context, fsid string, reserved handover.Device) (Device, error)
	// Labels reads all labels of BlueStore on an open device.
	Labels(device *os.File) ([]disk.Label, error)
	// CheckSeal compares an open device with the seal of the reservation. A difference is a seal.ChangedError.
	CheckSeal(ctx context.Context, device *os.File, reserved handover.Device) error
}

// Device is a device of this node that is reserved for an OSD.
type Device struct {
	// Path of the device node.
	Path string
	// Number of the device; not compared where zero, as for a file.
	Number disk.Number
}

// Errors of Find.
var (
	ErrMissing   = nodedisk.ErrMissing
	ErrAmbiguous = nodedisk.ErrAmbiguous
	ErrNoSlice   = errors.New("the disk has no such slice")
)

// devices of an OSD; db is empty when the DB lies with the data.
type devices struct{ data, db Device }

// openDevices are held open exclusively.
type openDevices struct {
	devices
	dataFile, dbFile *os.File
}

func (d openDevices) close() {
	for _, file := range []*os.File{d.dataFile, d.dbFile} {
		if file != nil {
			file.Close() //nolint:errcheck // nothing was written
		}
	}
}

// How long a disk may take to appear: a node that boots finds its disks one after the other.
const (
	findInterval = time.Second
	findLimit    = time.Minute
)

// open finds the devices and opens them exclusively.
func (o OSD) open(ctx context.Context, r handover.Reservation) (openDevices, error) {
	var d openDevices
	var err error
	if d.data, d.dataFile, err = o.openOne(ctx, r.FSID, r.Data); err != nil {
		return openDevices{}, err
	}
	if r.DB != nil {
		if d.db, d.dbFile, err = o.openOne(ctx, r.FSID, *r.DB); err != nil {
			d.close()
			return openDevices{}, err
		}
	}
	return d, nil
}

func (o OSD) openOne(ctx context.Context, fsid string, reserved handover.Device) (Device, *os.File, error) {
	device, err := o.find(ctx, fsid, reserved)
	if err != nil {
		return Device{}, nil, err
	}
	file, err := openExclusively(ctx, device.Path, busyLimit)
	switch {
	case errors.Is(err, wait.ErrAgain):
		return Device{}, nil, refuse(handover.ReasonDiskBusy, "find what holds it (lsblk, fuser) and end that",
			"%s, disk %s, is held by something else for %s", device.Path, reserved.Disk, busyLimit)
	case err != nil:
		return Device{}, nil, unreadable(reserved, err)
	}
	if err := device.is(file); err != nil {
		file.Close() //nolint:errcheck // nothing was written
		return Device{}, nil, err
	}
	return device, file, nil
}

func (o OSD) find(ctx context.Context, fsid string, reserved handover.Device) (Device, error) {
	var device Device
	var why error // nothing was found so far
	err := wait.For(ctx, findInterval, findLimit, func() error {
		device, why = o.Disks.Find(ctx, fsid, reserved)
		if errors.Is(why, ErrMissing) || errors.Is(why, ErrNoSlice) {
			return wait.ErrAgain
		}
		return why
	})
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return Device{}, err
	case errors.Is(err, wait.ErrAgain) && errors.Is(why, ErrNoSlice):
		return Device{}, refuse(handover.ReasonSliceMissing, "see status.report of the StorageDisk for what the node's agent says",
			"disk %s has no slice %s for %s", reserved.Disk, reserved.Slice, findLimit)
	case errors.Is(err, wait.ErrAgain):
		return Device{}, refuse(handover.ReasonDiskMissing, "put the disk back, or replace the OSD",
			"no device of this node is the disk %s (%s %s)", reserved.Disk, reserved.Identity.Source, reserved.Identity.Value)
	case errors.Is(err, ErrAmbiguous):
		return Device{}, refuse(handover.ReasonDiskAmbiguous, "take the copies of the disk away", "%v: %s", err, reserved.Disk)
	case err != nil:
		return Device{}, fmt.Errorf("find the disk %s: %w", reserved.Disk, err)
	}
	return device, nil
}

// is fails when the path leads to another device by now.
func (d Device) is(file *os.File) error {
	if d.Number == (disk.Number{}) {
		return nil
	}
	return nodedisk.Check(file, d.Number)
}

// judge says what there is on the OSD's devices, or refuses them. Only what is blank and as it was judged before, or
// what our own mkfs has begun, is ever written.
func (o OSD) judge(ctx context.Context, r handover.Reservation, d openDevices) (deviceState, error) {
	data, err := o.judgeOne(ctx, r, r.Data, d.dataFile, roleData)
	if err != nil || r.DB == nil {
		return data, err
	}
	db, err := o.judgeOne(ctx, r, *r.DB, d.dbFile, roleDB)
	if err == nil && data == stateReady && (db == stateBlank || db == stateSuperseded) {
		err = refuse(handover.ReasonDiskChanged, "bring back the disk with the OSD's DB, or replace the OSD",
			"osd.%d has its data on %s and no DB on %s", r.ID, r.Data.Disk, r.DB.Disk)
	}
	return data, err
}

func (o OSD) judgeOne(ctx context.Context, r handover.Reservation, reserved handover.Device, file *os.File, as role) (deviceState, error) {
	labels, err := o.Disks.Labels(file)
	if err != nil {
		return "", unreadable(reserved, err)
	}
	state, err := judgeLabels(r, reserved, labels, as)
	if err != nil || state != stateBlank {
		return state, err
	}
	return state, o.checkSeal(ctx, reserved, file)
}

func (o OSD) checkSeal(ctx context.Context, reserved handover.Device, file *os.File) error {
	err := o.Disks.CheckSeal(ctx, file, reserved)
	var changed *seal.ChangedError
	switch {
	case errors.As(err, &changed):
		return refuse(handover.ReasonDiskChanged, "look at what is on it; discover judges it anew, and the plan follows",
			"%s, disk %s: %v; nothing was written to it", file.Name(), reserved.Disk, changed)
	case err != nil:
		return unreadable(reserved, err)
	}
	return nil
}

func unreadable(reserved handover.Device, err error) error {
	return refuse(handover.ReasonDiskUnreadable, "look at the node's kernel log, and replace the disk if it fails",
		"disk %s: %v", reserved.Disk, err)
}
