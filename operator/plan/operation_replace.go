package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// exchange is a disk that another one takes the place of, and that other one; nil: there is none yet.
type exchange struct {
	manifest.RecordedPlace

	by *v1alpha1.StorageDisk
}

// place finds for each disk of a Replace the one that takes its place. What is named counts, also when it will not do.
func (c *operationComputation) place() {
	if c.in.Spec.Type != v1alpha1.OperationReplace {
		return
	}
	c.rebuild()
	slices.SortFunc(c.disks, func(a, b *v1alpha1.StorageDisk) int { return strings.Compare(a.Name, b.Name) })
	taken := takenBy(c.in.Others)
	for _, disk := range c.disks {
		taken[disk.Name] = true
	}
	for _, disk := range c.disks {
		p := exchange{RecordedPlace: placeOf(disk)}
		switch at := slices.Index(c.in.Spec.Disks, disk.Name); {
		case at < 0: // only what it is built of is replaced
			p.by = disk
		case c.in.Spec.Replacement != "":
			p.by = diskNamed(c.in.Disks, c.in.Spec.Replacement)
		default:
			p.by = nextDisk(p.RecordedPlace, c.in.Disks, taken, c.ruleFor)
		}
		if p.by != nil {
			p.By, taken[p.by.Name] = p.by.Name, true
			if p.By != p.Disk {
				p.Seal = deref(p.by.Status.Verdict).Seal
			}
		}
		c.places = append(c.places, p)
	}
}

// rebuild takes in the disks whose OSDs have their DB on a disk of the operation: such an OSD is nothing without it, and is
// made anew on its own disk.
func (c *operationComputation) rebuild() {
	ids := map[int32]bool{}
	for _, disk := range c.disks {
		for _, osd := range disk.Status.OSDs {
			ids[osd.ID] = true
		}
	}
	for _, disk := range c.in.Disks {
		holds := slices.ContainsFunc(disk.Status.OSDs, func(osd v1alpha1.DiskOSD) bool {
			return osd.Role == v1alpha1.OSDRoleData && ids[osd.ID]
		})
		if holds && c.claimed(disk) && !c.targeted(disk.Name) {
			c.disks = append(c.disks, disk)
		}
	}
}

func placeOf(disk *v1alpha1.StorageDisk) manifest.RecordedPlace {
	p := manifest.RecordedPlace{Disk: disk.Name, Node: disk.Status.Node, Slot: deref(disk.Status.Device).Path, Rule: ruleInPlan(disk)}
	for _, osd := range disk.Status.OSDs {
		if osd.Role == v1alpha1.OSDRoleData {
			p.OSDs = append(p.OSDs, osd.ID)
		}
	}
	slices.Sort(p.OSDs)
	return p
}

func diskNamed(disks []*v1alpha1.StorageDisk, name string) *v1alpha1.StorageDisk {
	at := slices.IndexFunc(disks, func(disk *v1alpha1.StorageDisk) bool { return disk.Name == name })
	if at < 0 {
		return nil
	}
	return disks[at]
}

// ruleInPlan is the rule that a disk falls under as far as its status tells: for one of whom no plan is made at the moment.
func ruleInPlan(disk *v1alpha1.StorageDisk) string {
	if claim := disk.Status.Claim; claim != nil && claim.Rule != "" {
		return claim.Rule
	}
	plan := deref(disk.Status.Plan)
	if plan.Reason == v1alpha1.PlanReasonExcludedByRule {
		return ""
	}
	return plan.Rule
}

// ruleFor is the rule by which the cluster would take a disk; empty: it would not.
func (c *operationComputation) ruleFor(disk *v1alpha1.StorageDisk) string {
	if disk.Status.Claim != nil && !c.claimed(disk) {
		return ""
	}
	return ruleInPlan(disk)
}

// nextDisk finds the disk that takes a place: the one in its slot, else the first of its rule on its node; nil: there is none.
func nextDisk(
	p manifest.RecordedPlace, disks []*v1alpha1.StorageDisk, taken map[string]bool, ruleFor func(*v1alpha1.StorageDisk) string,
) *v1alpha1.StorageDisk {
	var found *v1alpha1.StorageDisk
	for _, disk := range disks {
		if disk.Status.Node != p.Node || taken[disk.Name] || notFree(disk) != "" || ruleFor(disk) == "" {
			continue
		}
		if p.Slot != "" && deref(disk.Status.Device).Path == p.Slot {
			return disk
		}
		if ruleFor(disk) == p.Rule && (found == nil || disk.Name < found.Name) {
			found = disk
		}
	}
	return found
}

// notFree says why a disk cannot take the place of another; empty: it can.
func notFree(disk *v1alpha1.StorageDisk) string {
	switch verdict := deref(disk.Status.Verdict); {
	case disk.Status.Presence == v1alpha1.PresenceMissing:
		return "it is missing"
	case len(disk.Status.OSDs) > 0:
		return "it has OSDs"
	case disk.Spec.Use == v1alpha1.DiskUseNever:
		return "its spec.use is Never"
	case verdict.Result != v1alpha1.VerdictUsable:
		return fmt.Sprintf("its verdict is %s", orUnknown(string(verdict.Result)))
	case verdict.Seal == "":
		return "discover gave no seal of it"
	}
	return ""
}

// describePlaces says in the plan which disk becomes what.
func (c *operationComputation) describePlaces() {
	if len(c.places) == 0 {
		return
	}
	var known []string
	for _, p := range c.places {
		if p.By != "" && len(p.OSDs) > 0 {
			known = append(known, fmt.Sprintf("%s becomes %s", p.By, joinOSDs(p.OSDs)))
		}
	}
	why := "the next empty disk in the slot, or of the rule on the node, gets the OSD's id"
	if len(known) > 0 {
		why = some(known)
	}
	c.out.Plan.Steps[len(c.out.Plan.Steps)-1].Why = cut(why)
}

func joinOSDs(ids []int32) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, osdName(id))
	}
	return strings.Join(names, ", ")
}

// blockPlaces refuses what is named in the place of a disk and will not do. That there is none yet keeps nothing back: the
// place of the disk may be the only one that there is for it.
func (c *operationComputation) blockPlaces() {
	for _, p := range c.places {
		switch {
		case p.by == nil && c.in.Spec.Replacement != "":
			c.refuse(BlockerNoReplacement, "kubectl get storagedisks", "there is no StorageDisk %s", c.in.Spec.Replacement)
		case p.by == nil:
		case p.By == p.Disk:
			c.blockRebuild(p)
		case p.by.Status.Node != p.Node:
			c.refuse(BlockerNoReplacement, "name a disk of node "+p.Node+", or none", "disk %s is in node %s, and %s in node %s",
				p.By, p.by.Status.Node, p.Disk, p.Node)
		case p.by.Status.Claim != nil && !c.claimed(p.by):
			c.refuse(BlockerNoReplacement, "name another disk", "disk %s is of another cluster", p.By)
		case c.takerOf(p.By) != "":
			c.refuse(BlockerNoReplacement, "name another disk, or none", "disk %s cannot take the place of %s: operation %s is about it",
				p.By, p.Disk, c.takerOf(p.By))
		case notFree(p.by) != "":
			c.refuse(BlockerNoReplacement, "kubectl seamount why disk/"+p.By, "disk %s cannot take the place of %s: %s", p.By, p.Disk, notFree(p.by))
		case ruleInPlan(p.by) == "":
			c.refuse(BlockerNoReplacement, "kubectl seamount why disk/"+p.By, "no rule takes disk %s", p.By)
		}
	}
}

// takerOf returns another operation of the cluster that is about a disk; empty: there is none.
func (c *operationComputation) takerOf(disk string) string {
	for i := range c.in.Others {
		if takenBy(c.in.Others[i : i+1])[disk] {
			return c.in.Others[i].Operation
		}
	}
	return ""
}

// TakesOf returns a disk that an operation would put in the place of another, and that another operation is about; empty: none.
func TakesOf(record, other *manifest.OperationRecord) string {
	taken := takenBy([]manifest.OperationRecord{*other})
	for _, p := range record.Places {
		if p.By != "" && p.By != p.Disk && taken[p.By] {
			return p.By
		}
	}
	return ""
}

// blockRebuild refuses to make OSDs anew on their own disk when that is not there, or not erased.
func (c *operationComputation) blockRebuild(p exchange) {
	switch {
	case p.by.Status.Presence == v1alpha1.PresenceMissing:
		c.refuse(BlockerNoReplacement, "put it in", "disk %s is to be used again, and is missing", p.By)
	case eraseOf(c.in.Spec) == v1alpha1.EraseNone:
		c.refuse(BlockerNoReplacement, "create another with erase: Signatures", "disk %s is to be used again, and erase is None", p.By)
	}
}

// replacesDead says that no OSD of a Replace is up: nothing can be moved off them, and what they held is elsewhere or lost.
func (c *operationComputation) replacesDead() bool {
	if c.in.Spec.Type != v1alpha1.OperationReplace {
		return false
	}
	for id := range c.osds {
		if osd := c.tree.osds[id]; osd != nil && osd.Up {
			return false
		}
	}
	return true
}

func (c *operationComputation) blockLast() {
	if text := NeedsDead(c.snapshot); text != "" {
		c.refuse(v1alpha1.ReasonDataNotClean, "bring the OSD back, or wait until every PG is active and nothing is unfound: ceph health detail",
			"%s may be the last to hold data: %s", osdsText(c.osds), text)
	}
}

func osdsText(osds map[int32]bool) string {
	var ids []int32
	for id := range osds {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return joinOSDs(ids)
}

// NeedsDead says why an OSD that is down may be the last to hold some data; empty: all of it is elsewhere. In a PG that is
// active, and misses no object, those who serve it have every object.
func NeedsDead(s *ceph.Snapshot) string {
	// The words of a state say that objects are unfound only once recovery has looked for them everywhere.
	if s.PGs.UnfoundObjects > 0 {
		return fmt.Sprintf("%s %s unfound", count(s.PGs.UnfoundObjects, "object"), verb(s.PGs.UnfoundObjects, "is", "are"))
	}
	for _, state := range s.PGs.ByState {
		words := strings.Split(state.State, "+")
		doubtful := slices.ContainsFunc(words, func(word string) bool {
			return slices.Contains([]string{"stale", "inconsistent", "incomplete", "down", "recovery_unfound", "backfill_unfound"}, word)
		})
		if state.Count > 0 && (doubtful || !slices.Contains(words, "active")) {
			return fmt.Sprintf("%s %s %s", count(state.Count, "PG"), verb(state.Count, "is", "are"), state.State)
		}
	}
	return ""
}

// unanswering says that a disk of a Replace is not there, or that nobody can tell what it is: it is not erased.
func (c *operationComputation) unanswering(disk *v1alpha1.StorageDisk) bool {
	return c.in.Spec.Type == v1alpha1.OperationReplace && (disk.Status.Presence == v1alpha1.PresenceMissing || c.snapshot != nil && c.dead(disk))
}

func (c *operationComputation) dead(disk *v1alpha1.StorageDisk) bool {
	return !slices.ContainsFunc(disk.Status.OSDs, func(osd v1alpha1.DiskOSD) bool {
		known := c.tree.osds[osd.ID]
		return known != nil && known.Up
	})
}
