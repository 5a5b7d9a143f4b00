package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const (
	// sliceAlign is what slices begin and end at.
	sliceAlign = handover.SliceAlign
	// tableBytes are kept free for the partition table at the beginning of a disk and its copy at the end.
	tableBytes = 2 * sliceAlign
	// maxSlices is how many slices a disk is cut into at most: as many as its request and its status can name.
	maxSlices = 64
)

// extent is a range of bytes of a disk.
type extent struct{ offset, bytes int64 }

func (e extent) end() int64 { return e.offset + e.bytes }

func (e extent) overlaps(other extent) bool { return e.offset < other.end() && other.offset < e.end() }

// sliced says whether the part is a partition, and not a disk as a whole.
func (p Part) sliced() bool { return p.Offset > 0 }

func (p Part) extent() extent { return extent{p.Offset, p.Bytes} }

// dataArea is where the data slices of a disk lie, also those that are not reserved yet: one behind the other, from the
// first place that is free.
func dataArea(count int32, bytes int64) extent { return extent{sliceAlign, int64(count) * bytes} }

func dataOffset(index int32, bytes int64) int64 { return dataArea(index, bytes).end() }

// space is what of a disk is free for slices: extents in their order.
type space []extent

// spaceOf is what slices may have of a disk.
func spaceOf(size int64) space {
	if bytes := sliceSpace(size); bytes > 0 {
		return space{{sliceAlign, bytes}}
	}
	return nil
}

// sliceSpace is how much slices may have of a disk.
func sliceSpace(size int64) int64 { return (size - tableBytes) / sliceAlign * sliceAlign }

// without returns what is left of the space beside an extent.
func (s space) without(taken extent) space {
	var left space
	for _, e := range s {
		behind := max(e.offset, taken.end())
		for _, rest := range []extent{{e.offset, min(e.end(), taken.offset) - e.offset}, {behind, e.end() - behind}} {
			if rest.bytes > 0 {
				left = append(left, rest)
			}
		}
	}
	return left
}

// first returns the first place with room for so many bytes.
func (s space) first(bytes int64) (extent, bool) {
	for _, e := range s {
		if e.bytes >= bytes {
			return extent{e.offset, bytes}, true
		}
	}
	return extent{}, false
}

// largest is the room that there is in one piece.
func (s space) largest() int64 {
	var bytes int64
	for _, e := range s {
		bytes = max(bytes, e.bytes)
	}
	return bytes
}

func (s space) total() int64 {
	var bytes int64
	for _, e := range s {
		bytes += e.bytes
	}
	return bytes
}

// Collision says why two reservations cannot stand side by side, in words; empty: they can.
func Collision(a, b Reservation) string {
	for _, mine := range a.parts() {
		for _, other := range b.parts() {
			if mine.Disk != other.Disk {
				continue
			}
			text := fmt.Sprintf("%s and %s on disk %s", osdName(a.ID), osdName(b.ID), mine.Disk)
			switch {
			case !mine.sliced() || !other.sliced():
				return text + ": one of them has it as a whole"
			case mine.extent().overlaps(other.extent()):
				return text + ": their slices overlap"
			case mine.Seal != other.Seal:
				return text + ": they were reserved when it was not the same"
			}
		}
	}
	return ""
}

// Places are reservations by the disks that they have a part of.
type Places map[string][]Reservation

// Add takes a reservation in.
func (p Places) Add(r Reservation) {
	for _, part := range r.parts() {
		p[part.Disk] = append(p[part.Disk], r)
	}
}

// Collision says why a reservation cannot stand beside those of other OSDs, in words; empty: it can.
func (p Places) Collision(r Reservation) string {
	for _, part := range r.parts() {
		for _, other := range p[part.Disk] {
			if text := Collision(r, other); text != "" && other.ID != r.ID {
				return text
			}
		}
	}
	return ""
}

func (r *Reservation) parts() []Part {
	if r.DB == nil {
		return []Part{r.Data}
	}
	return []Part{r.Data, *r.DB}
}

// part is what an OSD gets of a disk. What is reserved on it already tells what it was judged to be: since then it is no
// longer empty.
func (d *draft) part(index, count int32, e extent) Part {
	part := partOf(d.disk, index, count, e.bytes)
	part.Offset = e.offset
	if reserved := d.slices(); len(reserved) > 0 {
		part.Seal, part.Identity = reserved[0].Seal, reserved[0].Identity
	}
	return part
}

// reservedSlice is a partition that is reserved on a disk.
type reservedSlice struct {
	Part

	osd   int32
	role  v1alpha1.OSDRole
	freed string
}

// slices lists those that are reserved on the disk, or were, in the order of their places.
func (d *draft) slices() []reservedSlice {
	var found []reservedSlice
	for _, r := range d.data {
		if r.Data.sliced() {
			found = append(found, reservedSlice{Part: r.Data, osd: r.ID, role: v1alpha1.OSDRoleData})
		}
	}
	for _, r := range d.dbs {
		if r.DB.sliced() {
			found = append(found, reservedSlice{Part: *r.DB, osd: r.ID, role: v1alpha1.OSDRoleDB})
		}
	}
	if d.owner != nil {
		for _, lost := range d.lostParts() {
			found = append(found, reservedSlice{Part: lost.Part, osd: lost.ID, role: lost.Role})
		}
		for _, s := range d.owner.freed(d.disk) {
			found = append(found, reservedSlice{Part: d.requested(s), osd: s.OSD, role: s.Role, freed: s.Freed})
		}
	}
	slices.SortFunc(found, func(a, b reservedSlice) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.osd, b.osd))
	})
	return found
}

// request is what the agent of the disk's node is asked for: a table with all slices that are reserved. While everything
// is paused, what was asked stays as it is, but for what was given up.
func (d *draft) request() *v1alpha1.DiskRequest {
	if d.operation != nil {
		return d.operationRequest()
	}
	reserved := d.slices()
	switch {
	case len(reserved) == 0:
		return nil
	case d.owner.Spec.Pause == v1alpha1.PauseAll, d.collision() != "":
		return d.asAsked()
	}
	request := &v1alpha1.DiskRequest{
		Action: v1alpha1.DiskActionPartition, Node: d.disk.Status.Node, Seal: reserved[0].Seal,
		Table: handover.TableID(d.owner.FSID, d.disk.Name),
	}
	for _, s := range reserved {
		request.Slices = append(request.Slices, v1alpha1.DiskSlice{
			UUID: s.Slice, OSD: s.osd, Role: s.role, Offset: s.Offset, Size: s.Bytes, Freed: s.freed,
		})
	}
	request.ID = requestID(request)
	return request
}

// collision says which reservations on the disk cannot stand side by side. No plan makes such; a person can.
func (d *draft) collision() string {
	if len(d.data)+len(d.dbs) < 2 {
		return ""
	}
	placed := Places{}
	for _, r := range slices.Concat(d.data, d.dbs) {
		if text := placed.Collision(*r); text != "" {
			return text
		}
		placed.Add(*r)
	}
	return ""
}

// unanswered says that the agent was asked for what it has not reported on.
func (d *draft) unanswered() bool {
	request := d.request()
	return request != nil && deref(d.disk.Status.Report).ID != request.ID
}

// agentRefusal returns why the agent did not do what it was asked for; nil: it did, or did not answer yet.
func (d *draft) agentRefusal() *v1alpha1.Refusal {
	if text := d.collision(); text != "" {
		return &v1alpha1.Refusal{
			Reason: v1alpha1.ReasonPrepareFailed, Message: "reserved are " + text,
			Remedy: "take away the Secret of the one that is not in service",
		}
	}
	report, request := d.disk.Status.Report, d.request()
	if report == nil || report.Result == v1alpha1.DiskReportDone || request == nil || report.ID != request.ID {
		return nil
	}
	if report.Refusal == nil {
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonPrepareFailed,
			Message: fmt.Sprintf("the agent on node %s reports %s and gives no reason", report.Node, report.Result),
		}
	}
	return report.Refusal
}
