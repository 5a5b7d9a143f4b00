package plan

import (
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// freed lists the slices for DBs on a disk whose OSDs were destroyed, and in whose place nothing came. Such a slice stays in the
// table of the disk, with the label of that OSD: it is no free space, for agents only add slices and erase none, and the next OSD
// whose DB fits gets it as it is.
func (c *diskCluster) freed(disk *v1alpha1.StorageDisk) (freed []v1alpha1.DiskSlice) {
	asked := partitions(disk)
	if len(asked) == 0 || c.FSID == "" || !c.claims(disk.Status.Claim) {
		return nil
	}
	lost := c.lost(disk)
	for _, s := range asked {
		kept := func(osd v1alpha1.DiskOSD) bool { return osd.Slice == s.UUID }
		if s.Role != v1alpha1.OSDRoleDB || c.hasSlice(disk.Name, s.UUID) || slices.ContainsFunc(lost, kept) {
			continue
		}
		if at := slices.IndexFunc(disk.Status.OSDs, kept); at >= 0 && s.Freed == "" && c.gaveUp(disk.Status.OSDs[at]) {
			s.Freed = disk.Status.OSDs[at].UUID
		}
		if s.Freed != "" {
			freed = append(freed, s)
		}
	}
	return freed
}

// partitions are the slices that the agent of a disk was asked for.
func partitions(disk *v1alpha1.StorageDisk) []v1alpha1.DiskSlice {
	if request := disk.Status.Request; request != nil && request.Action == v1alpha1.DiskActionPartition {
		return request.Slices
	}
	return nil
}

// freedOSDs are the uuids of OSDs that are gone and whose labels may still be in slices of a disk.
func freedOSDs(disk *v1alpha1.StorageDisk) (osds []manifest.RecordedOSD) {
	for _, s := range partitions(disk) {
		if s.Freed != "" {
			osds = append(osds, manifest.RecordedOSD{ID: s.OSD, UUID: s.Freed})
		}
	}
	return osds
}

// hasSlice says that a slice of a disk is reserved.
func (c *diskCluster) hasSlice(disk, slice string) bool {
	return slices.ContainsFunc(c.dbs[disk], func(r *Reservation) bool { return r.DB.Slice == slice })
}

// gaveUp says that an operation has destroyed an OSD, and that nothing comes in its place.
func (c *diskCluster) gaveUp(osd v1alpha1.DiskOSD) bool {
	return slices.ContainsFunc(c.Operations, func(record manifest.OperationRecord) bool {
		return record.GivenUp && destroyedIn(&record, osd)
	})
}

func destroyedIn(record *manifest.OperationRecord, osd v1alpha1.DiskOSD) bool {
	return record.Type == v1alpha1.OperationReplace && record.Final && slices.ContainsFunc(record.OSDs, func(before manifest.RecordedOSD) bool {
		return before.ID == osd.ID && strings.EqualFold(before.UUID, osd.UUID)
	})
}

// freedParts are what an OSD gets that gets a slice which was freed.
func (d *draft) freedParts() (parts []Part) {
	for _, s := range d.owner.freed(d.disk) {
		parts = append(parts, d.requested(s))
	}
	return parts
}

// asAsked is what the agent was asked for, with what was given up since: nobody else remembers that a slice was. What a deletion asked
// for besides the disk is asked for by that alone.
func (d *draft) asAsked() *v1alpha1.DiskRequest {
	before := d.disk.Status.Request
	if before == nil || before.Action == v1alpha1.DiskActionRemoveHostDirectory {
		return nil
	}
	request, changed := before.DeepCopy(), false
	for _, s := range d.owner.freed(d.disk) {
		at := slices.IndexFunc(request.Slices, func(asked v1alpha1.DiskSlice) bool { return asked.UUID == s.UUID })
		if at >= 0 && request.Slices[at].Freed != s.Freed {
			request.Slices[at].Freed, changed = s.Freed, true
		}
	}
	if changed {
		request.ID = ""
		request.ID = requestID(request)
	}
	return request
}

// requested is a slice as the agent was asked for it.
func (d *draft) requested(s v1alpha1.DiskSlice) Part {
	return Part{
		Disk: d.disk.Name, Slice: s.UUID, Count: 1, Offset: s.Offset, Bytes: s.Size,
		Seal: d.disk.Status.Request.Seal, Identity: deref(d.disk.Status.Identity), Supersedes: s.Freed,
	}
}

// takeFreed takes the smallest slice that was freed and is large enough, and says how to give it back; nil: there is none.
func takeFreed(on []*draft, bytes int64) (part *Part, undo func()) {
	var from *draft
	for _, d := range on {
		for i := range d.spare {
			if p := &d.spare[i]; p.Bytes >= bytes && (part == nil || p.Bytes < part.Bytes) {
				part, from = p, d
			}
		}
	}
	if part == nil {
		return nil, nil
	}
	taken, before := *part, from.spare
	from.spare = slices.DeleteFunc(slices.Clone(before), func(p Part) bool { return p.Slice == taken.Slice })
	return &taken, func() { from.spare = before }
}
