package plan

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// minOSDBytes is the least that an OSD is made of, as discover's verdict TooSmall has it.
const minOSDBytes = 2 << 30

// sliced says whether a rule's disks are cut into partitions.
func (r Rule) sliced() bool { return r.Use == v1alpha1.RuleUseDB || r.OSDsPerDisk > 1 || r.DBSpace > 0 }

// dataBytes returns what each OSD of a rule gets of a disk for its data.
func dataBytes(rule *Rule, size int64) int64 {
	if !rule.sliced() {
		return size
	}
	return (sliceSpace(size) - rule.DBSpace) / int64(rule.OSDsPerDisk) / sliceAlign * sliceAlign
}

// dbBytes returns the size of the slices that a rule's DBs get.
func dbBytes(rule *Rule) int64 {
	return (rule.DB.Size.Value() + sliceAlign - 1) / sliceAlign * sliceAlign
}

// planOSDs lists the OSDs that a disk is to become, without their DBs.
func (d *draft) planOSDs() []PlannedOSD {
	if d.plan.Action != v1alpha1.PlanAdd {
		return nil
	}
	bytes := dataBytes(d.rule, sizeOf(d.disk))
	var osds []PlannedOSD
	for i := range d.rule.OSDsPerDisk {
		e := extent{0, bytes}
		if d.rule.sliced() {
			e.offset = dataOffset(i, bytes)
		}
		osds = append(osds, PlannedOSD{
			Node: d.node.Name, Location: d.owner.locate(d.node), Rule: d.rule.Name,
			DeviceClass: d.rule.ClassOf(deref(d.disk.Status.Hardware).Media),
			Data:        d.part(i, d.rule.OSDsPerDisk, e),
		})
	}
	return osds
}

func partOf(disk *v1alpha1.StorageDisk, index, count int32, bytes int64) Part {
	return Part{
		Disk: disk.Name, Index: index, Count: count, Bytes: bytes,
		Seal: deref(disk.Status.Verdict).Seal, Identity: deref(disk.Status.Identity),
	}
}

// placeDBs gives each new OSD that needs one a slice for its DB, on the disk of its node with the most room. A disk for
// which there is not enough waits as a whole. Disks that were begun come first.
func (p *diskPlanner) placeDBs() {
	for _, d := range p.drafts {
		if d.owner == nil || d.owned || d.rule == nil || d.plan.Action == v1alpha1.PlanWait || d.plan.Action == v1alpha1.PlanSkip {
			continue
		}
		d.osds = d.planOSDs()
	}
	p.number()
	providers := p.providers()
	for _, begun := range []bool{true, false} {
		for _, d := range p.drafts {
			if d.owned != begun || len(d.osds) == 0 {
				continue
			}
			if want := p.dbWanted(d); want != nil {
				d.placeDBs(*want, providers)
			}
		}
	}
}

// shelf is where a cluster's DBs of a rule may lie: on one node.
type shelf struct {
	cluster ClusterKey
	node    string
	rule    string
}

// dbWant is what the OSDs of a disk need for their DBs.
type dbWant struct {
	at    shelf
	bytes int64
	size  string // for people
}

// dbWanted returns what a disk needs for DBs; nil: nothing. A disk that was begun goes on as the first of its OSDs has it.
func (p *diskPlanner) dbWanted(d *draft) *dbWant {
	if !d.owned {
		if d.rule.DB == nil {
			return nil
		}
		return &dbWant{shelf{d.owner.Key, d.node.Name, d.rule.DB.Rule}, dbBytes(d.rule), d.rule.DB.Size.String()}
	}
	first := d.data[0].DB
	if first == nil {
		return nil
	}
	want := &dbWant{shelf{cluster: d.owner.Key, node: d.disk.Status.Node}, first.Bytes, binarySize(first.Bytes)}
	for _, other := range p.drafts {
		if other.disk.Name == first.Disk {
			want.at.rule = other.plan.Rule
		}
	}
	return want
}

// providers lists the disks with room for DBs, and sets how much they have. A disk that waits provides nothing.
func (p *diskPlanner) providers() map[shelf][]*draft {
	found := map[shelf][]*draft{}
	for _, d := range p.drafts {
		if d.owner == nil || d.node == nil || !d.trusted() {
			continue
		}
		d.free, d.spare = d.freeSpace(), d.freedParts()
		d.dbCount = len(d.dbs) + len(d.spare)
		if len(d.free)+len(d.spare) > 0 {
			at := shelf{d.owner.Key, d.node.Name, d.plan.Rule}
			found[at] = append(found[at], d)
		}
	}
	return found
}

// trusted says that new slices may be put on the disk: what is known of it is fresh, and its node is well.
func (d *draft) trusted() bool {
	if d.plan.Action == v1alpha1.PlanWait || d.plan.Action == v1alpha1.PlanSkip || d.operation != nil {
		return false
	}
	return d.node.Discover == DiscoverReporting && d.node.Ready && d.disk.Status.Presence == v1alpha1.PresencePresent
}

// freeSpace is what a disk can give to DBs. A disk in service has what its own OSDs and the DBs on it leave, whatever
// its rule says now: nothing that is reserved ever moves.
func (d *draft) freeSpace() space {
	free := spaceOf(sizeOf(d.disk))
	switch {
	case d.owned:
		return d.unreservedSpace(free)
	case d.rule.Use == v1alpha1.RuleUseDB:
		return free
	case d.rule.DB != nil || d.rule.DBSpace == 0:
		return nil // its own OSDs take all, or it has no place for its own DB yet
	}
	return free.without(dataArea(d.rule.OSDsPerDisk, dataBytes(d.rule, sizeOf(d.disk))))
}

func (d *draft) unreservedSpace(free space) space {
	for _, r := range d.data {
		if !r.Data.sliced() {
			return nil
		}
		free = free.without(dataArea(r.Data.Count, r.Data.Bytes))
	}
	for _, s := range d.slices() {
		free = free.without(s.extent())
	}
	return free
}

// room is the room that a disk has for a DB in one piece.
func (d *draft) room() int64 {
	slices := d.dbCount
	if len(d.data) > 0 {
		slices += int(d.data[0].Data.Count)
	} else {
		slices += len(d.osds)
	}
	if slices >= maxSlices {
		return 0
	}
	return d.free.largest()
}

func (d *draft) placeDBs(want dbWant, providers map[shelf][]*draft) {
	on := providers[want.at]
	undo := func() {}
	for i := range d.osds {
		if d.osds[i].DB != nil {
			continue
		}
		if part, giveBack := takeFreed(on, want.bytes); part != nil {
			before := undo
			undo = func() { giveBack(); before() }
			d.osds[i].DB = part
			continue
		}
		best := roomiest(on)
		if best == nil || best.room() < want.bytes {
			undo()
			d.osds = nil
			d.waitForDBs(d.noDBSpace(want, best))
			return
		}
		free, before := best.free, undo
		undo = func() {
			best.free, best.dbCount = free, best.dbCount-1
			before()
		}
		at, _ := free.first(want.bytes)
		best.free, best.dbCount = free.without(at), best.dbCount+1
		part := best.part(0, 1, at)
		d.osds[i].DB = &part
	}
}

// waitForDBs lets a new disk wait. One that was begun goes on with what is reserved, and says what is missing.
func (d *draft) waitForDBs(why string) {
	if d.owned {
		d.plan.Message = cut(d.plan.Message + "; the rest waits: " + why)
		return
	}
	d.plan = wait(v1alpha1.PlanReasonNoDBSpace, "%s", why)
	d.plan.Rule = d.rule.Name
}

// roomiest returns the disk with the most room; of several the one with the fewest DBs. It is nil when there is none.
func roomiest(on []*draft) *draft {
	if len(on) == 0 {
		return nil
	}
	return slices.MinFunc(on, func(a, b *draft) int {
		return cmp.Or(cmp.Compare(b.room(), a.room()), cmp.Compare(a.dbCount, b.dbCount), cmp.Compare(a.disk.Name, b.disk.Name))
	})
}
