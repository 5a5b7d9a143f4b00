package plan

import (
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// LostPart is the part of a disk that an OSD has whose reservation is gone.
type LostPart struct {
	ID   int32
	UUID string
	Role v1alpha1.OSDRole
	Part Part
}

// lost lists the OSDs that a disk's status names, that Ceph knows and that nothing is reserved for: somebody took their
// Secrets away, or they are replaced and get their slice again. What they have of the disk is nobody else's meanwhile.
func (c *diskCluster) lost(disk *v1alpha1.StorageDisk) []v1alpha1.DiskOSD {
	if c.FSID == "" || !c.claims(disk.Status.Claim) {
		return nil
	}
	var lost []v1alpha1.DiskOSD
	for _, osd := range disk.Status.OSDs {
		_, exists := c.osds[osd.UUID]
		if !c.hasPart(disk.Name, osd) && !c.gaveUp(osd) && (exists || !c.OSDsKnown || osd.Role == v1alpha1.OSDRoleDB && c.inherits(osd)) {
			lost = append(lost, osd)
		}
	}
	return lost
}

// hasPart says that something is reserved in the place of what a disk's status names. Who has the number of an OSD now need not have its
// slice; but a disk names a number for one DB only.
func (c *diskCluster) hasPart(disk string, osd v1alpha1.DiskOSD) bool {
	if osd.Role != v1alpha1.OSDRoleDB {
		return c.reserved[osd.ID]
	}
	return slices.ContainsFunc(c.dbs[disk], func(r *Reservation) bool { return r.ID == osd.ID || r.DB.Slice == osd.Slice })
}

// lostParts are the slices of OSDs whose reservations are gone, as the agent was asked for them.
func (d *draft) lostParts() []LostPart {
	request := deref(d.disk.Status.Request)
	var parts []LostPart
	for _, osd := range d.owner.lost(d.disk) {
		at := slices.IndexFunc(request.Slices, func(s v1alpha1.DiskSlice) bool { return osd.Slice != "" && s.UUID == osd.Slice })
		if at < 0 {
			continue
		}
		part := d.requested(request.Slices[at])
		if osd.Role == v1alpha1.OSDRoleData {
			part.Index, part.Count = indexOf(part), dataSlices(request)
		}
		parts = append(parts, LostPart{osd.ID, osd.UUID, osd.Role, part})
	}
	return parts
}

// indexOf is the other way round of dataOffset.
func indexOf(data Part) int32 { return int32((data.Offset - dataOffset(0, data.Bytes)) / data.Bytes) }

func dataSlices(request v1alpha1.DiskRequest) int32 {
	var n int32
	for _, s := range request.Slices {
		if s.Role == v1alpha1.OSDRoleData {
			n++
		}
	}
	return n
}

// lostPart returns what an OSD whose reservation is gone has of the disk in a role; nil: nothing.
func (e DiskEntry) lostPart(id int32, role v1alpha1.OSDRole) *Part {
	for _, lost := range e.Lost {
		if lost.ID == id && lost.Role == role {
			return &lost.Part
		}
	}
	return nil
}
