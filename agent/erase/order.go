package erase

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// Order is what may be erased of a disk.
type Order struct {
	// Full says that every byte is.
	Full bool
	// FSID of the cluster whose OSDs may be on the disk, and their uuids.
	FSID string
	OSDs []string
	// Table is the GUID of the partition table that may be on the disk, and Slices all that it may have.
	Table  string
	Slices []gpt.Partition
	// Target is a hash of which disk it is and of whose OSDs and table. It is the same for each request for them.
	Target [sha256.Size]byte
}

// OrderOf reads a request for the disk of a name and an identity.
func OrderOf(name string, id v1alpha1.DiskIdentity, r v1alpha1.DiskRequest) (Order, error) {
	if r.Erase == nil || r.Erase.Mode != v1alpha1.EraseSignatures && r.Erase.Mode != v1alpha1.EraseFull {
		return Order{}, errors.New("it does not say how much is to be erased")
	}
	o := Order{Full: r.Erase.Mode == v1alpha1.EraseFull}
	for _, s := range r.Slices {
		slice, err := uuid.Parse(s.UUID)
		if err != nil {
			return Order{}, fmt.Errorf("the slice %q: %w", s.UUID, err)
		}
		if s.Offset < 0 || s.Size <= 0 {
			return Order{}, fmt.Errorf("the slice %s has %d bytes at %d", s.UUID, s.Size, s.Offset)
		}
		o.Slices = append(o.Slices, gpt.Partition{Type: gpt.SliceType, UUID: slice, Offset: s.Offset, Size: s.Size})
	}
	var errs [2]error
	o.FSID, errs[0] = plain(r.Erase.FSID)
	o.Table, errs[1] = plain(r.Table)
	for _, osd := range r.Erase.OSDs {
		id, err := plain(osd)
		if err != nil {
			return Order{}, err
		}
		o.OSDs = append(o.OSDs, id)
	}
	slices.Sort(o.OSDs)
	o.Target = o.target(name, id)
	return o, errors.Join(errs[:]...)
}

// plain puts a UUID into the form that labels and tables are read in.
func plain(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	id, err := uuid.Parse(text)
	if err != nil || id == uuid.Nil {
		return "", fmt.Errorf("%q is no UUID of anything", text)
	}
	return id.String(), nil
}

func (o Order) target(name string, id v1alpha1.DiskIdentity) [sha256.Size]byte {
	encoded, err := json.Marshal([]any{name, id, o.FSID, o.OSDs, o.Table})
	if err != nil {
		panic(err) // plain data: cannot fail
	}
	return sha256.Sum256(encoded)
}

// block is what ranges are rounded to: no sector of a disk is larger.
const block = 4096

// Ranges lists what is cleared of a disk of that size, in order and without overlap. It is a function of size and order.
// The places in slices are those that a disk cut anew in the same way is looked at for.
func Ranges(size int64, o Order) []content.Extent {
	if o.Full {
		return []content.Extent{{Offset: 0, Length: size}}
	}
	all := content.Traces(size)
	for _, slice := range o.Slices {
		for _, e := range content.Traces(min(slice.Size, size-slice.Offset)) {
			all = append(all, content.Extent{Offset: slice.Offset + e.Offset, Length: e.Length})
		}
	}
	for i, e := range all {
		first := e.Offset &^ (block - 1)
		last := min((e.Offset+e.Length+block-1)&^(block-1), size)
		all[i] = content.Extent{Offset: first, Length: last - first}
	}
	return content.United(all)
}

func total(ranges []content.Extent) int64 {
	var sum int64
	for _, e := range ranges {
		sum += e.Length
	}
	return sum
}
