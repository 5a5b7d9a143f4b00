package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// SliceAlign is what slices of a disk begin and end at, in bytes. As much is kept free for the partition table at the
// beginning of the disk, and for its copy at the end.
const SliceAlign = 1 << 20

// Reservation is what is chosen for an OSD before anything touches a disk.
type Reservation struct {
	// ID of the OSD in Ceph, and UUID that its disk is labelled with.
	ID   int32  `json:"id"`
	UUID string `json:"uuid"`
	// Key of osd.ID. It is kept apart from the rest, and goes into the label of the disk.
	Key ceph.Secret `json:"-"`
	// FSID of the cluster.
	FSID string `json:"fsid"`
	// Data is where the OSD keeps its data; DB where it keeps its DB, when that is elsewhere.
	Data Device  `json:"data"`
	DB   *Device `json:"db,omitempty"`
	// DeviceClass of the OSD in CRUSH.
	DeviceClass string `json:"deviceClass"`
	// Rule that selected the disk.
	Rule string `json:"rule,omitempty"`
	// Node of the disk, and Location of the OSD in CRUSH: "root=default rack=r2 host=n3". They follow the disk when
	// somebody puts it into another node, so that the Secret has them as annotations.
	Node     string `json:"-"`
	Location string `json:"-"`
	// Leaving names the StorageOperation that takes the OSD away; empty: it stays. It is an annotation too.
	Leaving string `json:"-"`
	// Replaced names the StorageOperation that was last made because the OSD's disk failed; empty: none was. It is an annotation too.
	Replaced string `json:"-"`
}

// Device is a disk, or a partition of one, that is reserved for an OSD.
type Device struct {
	// Disk is the name of the StorageDisk.
	Disk string `json:"disk"`
	// Identity that the disk is known by.
	Identity v1alpha1.DiskIdentity `json:"identity"`
	// Seal of the disk as it was judged. The first write must find the same.
	Seal string `json:"seal"`
	// Size in bytes of the disk.
	Size int64 `json:"size"`
	// Slice is the UUID of the partition that is the OSD's; empty when it has the whole disk.
	Slice string `json:"slice,omitempty"`
	// Index of the OSD, from 0, among the Count that share the disk's data space; Count 1: it is the only one.
	Index int32 `json:"index,omitempty"`
	Count int32 `json:"count,omitempty"`
	// Offset of the partition on the disk in bytes, a multiple of SliceAlign; 0 when the OSD has the whole disk.
	Offset int64 `json:"offset,omitempty"`
	// Bytes of the disk, or of the partition, that are the OSD's.
	Bytes int64 `json:"bytes,omitempty"`
	// Supersedes is the uuid of the OSD that had the partition before, and that was destroyed: a DB of it is overwritten.
	Supersedes string `json:"supersedes,omitempty"`
	// Before are the uuids of those that had it earlier still, when those after them never ran: the DB may be one of theirs yet.
	Before []string `json:"before,omitempty"`
}

// Keys of the Secret.
const (
	ReservationKey = "reservation.json"
	CephxKey       = "key"
)

// Secret returns the content of the Secret.
func (r Reservation) Secret() (map[string][]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("encode reservation: %w", err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode reservation: %w", err)
	}
	return map[string][]byte{ReservationKey: text, CephxKey: []byte(r.Key.Reveal())}, nil
}

// DecodeReservation reads the content of the Secret.
func DecodeReservation(data map[string][]byte) (Reservation, error) {
	var r Reservation
	if err := decodeStrictly(data[ReservationKey], &r); err != nil {
		return Reservation{}, fmt.Errorf("decode reservation: %w", err)
	}
	r.Key = ceph.NewSecret(strings.TrimSpace(string(data[CephxKey])))
	if err := r.validate(); err != nil {
		return Reservation{}, fmt.Errorf("decode reservation: %w", err)
	}
	return r, nil
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

var errNoKey = errors.New("no key")

func (r Reservation) validate() error {
	switch {
	case r.ID < 0:
		return fmt.Errorf("id is %d", r.ID)
	case !uuidForm.MatchString(r.UUID):
		return fmt.Errorf("uuid is %q", r.UUID)
	case !uuidForm.MatchString(r.FSID):
		return fmt.Errorf("fsid is %q", r.FSID)
	case r.Key.IsZero():
		return errNoKey
	}
	if err := r.Data.validate(); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if r.DB != nil {
		if err := r.DB.validate(); err != nil {
			return fmt.Errorf("db: %w", err)
		}
	}
	return nil
}

func (d Device) validate() error {
	switch {
	case d.Disk == "":
		return errors.New("no disk")
	case d.Identity.Source == "" || d.Identity.Value == "":
		return errors.New("no identity")
	case d.Seal == "":
		return errors.New("no seal")
	case d.Size <= 0:
		return fmt.Errorf("size is %d", d.Size)
	}
	return d.validateSlice()
}

func (d Device) validateSlice() error {
	switch {
	case d.Supersedes != "" && (d.Slice == "" || !uuidForm.MatchString(d.Supersedes)):
		return fmt.Errorf("slice %q of the OSD %q before", d.Slice, d.Supersedes)
	case len(d.Before) > 0 && (d.Supersedes == "" || slices.ContainsFunc(d.Before, func(uuid string) bool { return !uuidForm.MatchString(uuid) })):
		return fmt.Errorf("OSDs %q before the one before, %q", d.Before, d.Supersedes)
	case d.Slice == "" && d.Offset == 0:
		return nil
	case !uuidForm.MatchString(d.Slice):
		return fmt.Errorf("slice is %q", d.Slice)
	case d.Offset < SliceAlign || d.Offset%SliceAlign != 0:
		return fmt.Errorf("offset of the slice is %d", d.Offset)
	case d.Bytes < SliceAlign || d.Bytes%SliceAlign != 0:
		return fmt.Errorf("size of the slice is %d", d.Bytes)
	case d.Bytes > d.Size-SliceAlign-d.Offset: // the copy of the table lies behind the last slice
		return fmt.Errorf("slice of %d bytes at %d does not fit the disk of %d", d.Bytes, d.Offset, d.Size)
	}
	return nil
}
