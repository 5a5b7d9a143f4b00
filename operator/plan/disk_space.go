package plan

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

const (
	// sliceAlign is what slices begin and end at.
	sliceAlign = 1 << 20
	// tableBytes are kept free for the partition table at the beginning of a disk and its copy at the end.
	tableBytes = 2 * sliceAlign
	// minOSDBytes is the least that an OSD is made of, as discover's verdict TooSmall has it.
	minOSDBytes = 2 << 30
)

// sliced says whether a rule's disks are cut into partitions.
func (r Rule) sliced() bool { return r.Use == v1alpha1.RuleUseDB || r.OSDsPerDisk > 1 || r.DBSpace > 0 }

// sliceSpace is what slices may have of a disk.
func sliceSpace(size int64) int64 { return (size - tableBytes) / sliceAlign * sliceAlign }

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
	var osds []PlannedOSD
	for i := range d.rule.OSDsPerDisk {
		osds = append(osds, PlannedOSD{
			Node: d.node.Name, Location: d.owner.locate(d.node), Rule: d.rule.Name,
			DeviceClass: d.rule.ClassOf(deref(d.disk.Status.Hardware).Media),
			Data:        partOf(d.disk, i, d.rule.OSDsPerDisk, dataBytes(d.rule, sizeOf(d.disk))),
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
// which there is not enough waits as a whole.
func (p *diskPlanner) placeDBs() {
	for _, d := range p.drafts {
		if d.owner == nil || d.owned {
			continue
		}
		if d.rule == nil || d.plan.Action == v1alpha1.PlanWait || d.plan.Action == v1alpha1.PlanSkip {
			continue
		}
		d.osds = d.planOSDs()
	}
	providers := p.providers()
	for _, d := range p.drafts {
		if !d.owned && len(d.osds) > 0 && d.rule.DB != nil {
			d.placeDBs(providers)
		}
	}
}

// shelf is where a cluster's DBs of a rule may lie: on one node.
type shelf struct {
	cluster ClusterKey
	node    string
	rule    string
}

// providers lists the disks with room for DBs, and sets how much they have. A disk that waits provides nothing.
func (p *diskPlanner) providers() map[shelf][]*draft {
	found := map[shelf][]*draft{}
	for _, d := range p.drafts {
		if d.owner == nil || d.node == nil || !d.trusted() {
			continue
		}
		d.dbRoom, d.dbCount = d.room(), len(d.dbs)
		if d.dbRoom > 0 {
			at := shelf{d.owner.Key, d.node.Name, d.plan.Rule}
			found[at] = append(found[at], d)
		}
	}
	return found
}

// trusted says that new slices may be put on the disk: what is known of it is fresh, and its node is well.
func (d *draft) trusted() bool {
	if d.plan.Action == v1alpha1.PlanWait || d.plan.Action == v1alpha1.PlanSkip {
		return false
	}
	return d.node.Discover == DiscoverReporting && d.node.Ready && d.disk.Status.Presence == v1alpha1.PresencePresent
}

// room returns what a disk can give to DBs. A disk in service has what its own OSDs and the DBs on it leave, whatever
// its rule says now.
func (d *draft) room() int64 {
	space := sliceSpace(sizeOf(d.disk))
	switch {
	case d.owned:
		for _, r := range d.dbs {
			space -= r.DB.Bytes
		}
		if len(d.data) > 0 {
			space -= int64(d.data[0].Data.Count) * d.data[0].Data.Bytes
		}
		return space
	case d.rule.Use == v1alpha1.RuleUseDB:
		return space
	case d.rule.DB != nil:
		return 0 // it has no place for its own DB yet
	}
	return d.rule.DBSpace
}

func (d *draft) placeDBs(providers map[shelf][]*draft) {
	on := providers[shelf{d.owner.Key, d.node.Name, d.rule.DB.Rule}]
	need := dbBytes(d.rule)
	var taken []*draft
	for i := range d.osds {
		best := roomiest(on, need)
		if best == nil {
			d.giveBack(taken, need)
			d.osds = nil
			d.plan = wait(v1alpha1.PlanReasonNoDBSpace, "%s", d.noDBSpace(on))
			d.plan.Rule = d.rule.Name
			return
		}
		best.dbRoom, best.dbCount, taken = best.dbRoom-need, best.dbCount+1, append(taken, best)
		part := partOf(best.disk, 0, 1, need)
		d.osds[i].DB = &part
	}
}

func (d *draft) giveBack(taken []*draft, bytes int64) {
	for _, from := range taken {
		from.dbRoom, from.dbCount = from.dbRoom+bytes, from.dbCount-1
	}
}

// roomiest returns the disk with the most room, if that is enough; of several the one with the fewest DBs.
func roomiest(on []*draft, need int64) *draft {
	if len(on) == 0 {
		return nil
	}
	best := slices.MinFunc(on, func(a, b *draft) int {
		return cmp.Or(cmp.Compare(b.dbRoom, a.dbRoom), cmp.Compare(a.dbCount, b.dbCount), cmp.Compare(a.disk.Name, b.disk.Name))
	})
	if best.dbRoom < need {
		return nil
	}
	return best
}
