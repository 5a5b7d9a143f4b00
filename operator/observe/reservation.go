package observe

import (
	"fmt"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// ReservationOf returns what plan decides on of a stored reservation: all but the key.
func ReservationOf(r handover.Reservation) (plan.Reservation, error) {
	location, err := ParseLocation(r.Location)
	if err != nil {
		return plan.Reservation{}, fmt.Errorf("reservation of osd.%d: %w", r.ID, err)
	}
	reservation := plan.Reservation{
		ID: r.ID, UUID: r.UUID, Node: r.Node, Location: location, Rule: r.Rule, DeviceClass: r.DeviceClass,
		Data: partOf(r.Data),
	}
	if r.DB != nil {
		db := partOf(*r.DB)
		reservation.DB = &db
	}
	return reservation, nil
}

func partOf(d handover.Device) plan.Part {
	return plan.Part{
		Disk: d.Disk, Slice: d.Slice, Index: d.Index, Count: max(d.Count, 1), Bytes: d.Bytes, Seal: d.Seal,
		Identity: d.Identity,
	}
}

// ParseLocation reads a place in CRUSH as ceph-osd takes it: "root=default host=n1".
func ParseLocation(text string) (ceph.Location, error) {
	var location ceph.Location
	for field := range strings.FieldsSeq(text) {
		bucketType, name, found := strings.Cut(field, "=")
		if !found || bucketType == "" || name == "" {
			return nil, fmt.Errorf("location in CRUSH %q: want type=name, separated by spaces", text)
		}
		location = append(location, ceph.LocationLevel{Type: bucketType, Name: name})
	}
	return location, nil
}

// FormatLocation writes a place in CRUSH as ParseLocation reads it.
func FormatLocation(location ceph.Location) string {
	levels := make([]string, len(location))
	for i, level := range location {
		levels[i] = level.Type + "=" + level.Name
	}
	return strings.Join(levels, " ")
}
