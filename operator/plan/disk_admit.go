package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// admission is how an operation brings a disk in: what the rules make of it is approved.
type admission struct {
	cluster *diskCluster
	record  *manifest.OperationRecord
	// place that the disk takes, with Replace; nil: none, with Add. sealed is what was approved; empty: whatever it is.
	place  *manifest.RecordedPlace
	sealed string
	// open says that it is this disk's turn. Before that it is kept for later.
	open bool
}

// noteAdmissions finds the disks that operations bring in. One that is about to be chosen for a place is kept for it too, so
// that no rule takes it before.
func (p *diskPlanner) noteAdmissions(disks []*v1alpha1.StorageDisk) {
	p.admissions = map[string]*admission{}
	for _, c := range p.clusters {
		taken := takenBy(c.Operations)
		for _, record := range byBegin(c.Operations) {
			switch {
			case record.Cancelling, record.GivenUp && record.Type == v1alpha1.OperationReplace:
			case record.Type == v1alpha1.OperationAdd && record.Final:
				p.noteAdded(c, record)
			case record.Type == v1alpha1.OperationReplace:
				p.notePlaces(c, record, disks, taken)
			}
		}
	}
}

// noteAdded takes in the disks of an Add, but for those that it has let go.
func (p *diskPlanner) noteAdded(c *diskCluster, record *manifest.OperationRecord) {
	for _, target := range record.Targets {
		if record.Dropped(target.Disk) == nil {
			p.note(target.Disk, &admission{cluster: c, record: record, sealed: target.Seal, open: true})
		}
	}
}

// byBegin lists operations, those that began earlier first.
func byBegin(operations []manifest.OperationRecord) []*manifest.OperationRecord {
	var records []*manifest.OperationRecord
	for i := range operations {
		records = append(records, &operations[i])
	}
	slices.SortFunc(records, func(a, b *manifest.OperationRecord) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Operation, b.Operation))
	})
	return records
}

// note keeps a disk for an operation. It stays that of the one that began earlier, but for one whose turn it is before.
func (p *diskPlanner) note(disk string, a *admission) {
	if had := p.admissions[disk]; had == nil || a.open && !had.open {
		p.admissions[disk] = a
	}
}

// notePlaces keeps the disks that take the places of a Replace. What is found for it is taken from then on.
func (p *diskPlanner) notePlaces(
	c *diskCluster, record *manifest.OperationRecord, disks []*v1alpha1.StorageDisk, taken map[string]bool,
) {
	for i := range record.Places {
		place := &record.Places[i]
		by := place.By
		if by == "" {
			found := nextDisk(*place, disks, taken, func(disk *v1alpha1.StorageDisk) string { return p.ruleFor(c, disk) })
			if found == nil {
				continue
			}
			by, taken[found.Name] = found.Name, true
		}
		p.note(by, &admission{
			cluster: c, record: record, place: place, sealed: place.Seal,
			open: place.By != "" && record.Cleared() && c.released(place) && !record.LetsGo(by),
		})
	}
}

// released says that nothing is seen any more of what was reserved for the OSDs of a place before: what is read of it may be
// older than the record.
func (c *diskCluster) released(place *manifest.RecordedPlace) bool {
	return !slices.ContainsFunc(c.Reservations, func(r Reservation) bool {
		return slices.Contains(place.OSDs, r.ID) && (r.Leaving != "" || r.Data.Disk != place.By)
	})
}

// takenBy lists the disks that operations are about: none of them takes the place of another.
func takenBy(operations []manifest.OperationRecord) map[string]bool {
	taken := map[string]bool{}
	for i := range operations {
		for _, target := range operations[i].Targets {
			taken[target.Disk] = true
		}
		for _, place := range operations[i].Places {
			taken[place.By] = true
		}
	}
	return taken
}

// ruleFor is the rule by which a cluster would take a disk; empty: it would not.
func (p *diskPlanner) ruleFor(c *diskCluster, disk *v1alpha1.StorageDisk) string {
	rule, _ := matchRules(c.Spec.Storage.Rules, disk, p.nodes[disk.Status.Node])
	if rule == nil || rule.Use == v1alpha1.RuleUseNever || disk.Status.Claim != nil && !c.claims(disk.Status.Claim) {
		return ""
	}
	return rule.Name
}

// admit settles a disk that an operation keeps for later. One whose turn it is, and that is as it was approved or the
// operation's already, is left to the rules.
func (p *diskPlanner) admit(d *draft) bool {
	a := p.admissions[d.disk.Name]
	if a == nil || a.cluster.anotherUnderway(d.disk.Name, a.record) {
		return false // what is to go goes, whoever wanted the disk
	}
	reserved := len(a.cluster.data[d.disk.Name])+len(a.cluster.dbs[d.disk.Name]) > 0
	if asApproved := a.sealed == "" || a.sealed == deref(d.disk.Status.Verdict).Seal; a.open && (asApproved || reserved) {
		d.admission = a
		return false
	}
	if a.place == nil || a.record.Concerns(d.disk.Name) || reserved {
		return false
	}
	d.owner = a.cluster
	d.plan = skip(v1alpha1.PlanReasonExcludedByOperation, "operation %s keeps this disk to take the place of %s", a.record.Operation, a.place.Disk)
	d.plan.Rule = p.ruleFor(a.cluster, d.disk)
	return true
}

// number gives the OSDs of disks that take a place the ids of those before. What the new disk has more gets new ones.
func (p *diskPlanner) number() {
	for _, d := range p.drafts {
		if d.admission == nil || d.admission.place == nil || d.owner == nil {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(d.admission.place.OSDs), func(id int32) bool { return d.owner.reserved[id] })
		for i := range min(len(left), len(d.osds)) {
			d.osds[i].ID, d.osds[i].DB = &left[i], p.inherited(left[i], d.admission.record)
		}
	}
}

// inherits says that an OSD which is replaced gets the slice of the one before.
func (c *diskCluster) inherits(osd v1alpha1.DiskOSD) bool {
	return slices.ContainsFunc(c.Operations, func(record manifest.OperationRecord) bool {
		return !record.GivenUp && destroyedIn(&record, osd)
	})
}

// inherited is the slice for the DB of an OSD that an operation replaces, on a disk that stays; nil: there is none.
func (p *diskPlanner) inherited(id int32, record *manifest.OperationRecord) *Part {
	for _, d := range p.drafts {
		if d.owner == nil || d.operation != nil {
			continue
		}
		for _, lost := range d.lostParts() {
			if lost.ID == id && lost.Role == v1alpha1.OSDRoleDB {
				part := lost.Part
				part.Supersedes, part.Before = lost.UUID, recordedBefore(record, lost)
				return &part
			}
		}
	}
	return nil
}

// recordedBefore lists whose labels may be in the slice of an OSD that is lost, besides its own.
func recordedBefore(record *manifest.OperationRecord, lost LostPart) []string {
	for _, osd := range record.OSDs {
		if osd.ID == lost.ID && strings.EqualFold(osd.UUID, lost.UUID) {
			return osd.Before
		}
	}
	return nil
}
