package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// describe writes what is planned into the entry: what would be made, where, and what holds it.
func (p *diskPlanner) describe(d *draft, byName map[string]*draft) {
	switch {
	case d.plan.Action == v1alpha1.PlanAdd && !d.owned:
		d.plan.Message = describeAdd(d.osds, byName)
		d.hold(v1alpha1.ApprovalManual)
	case d.plan.Action == v1alpha1.PlanProvide && !d.owned:
		d.plan.Message = fmt.Sprintf("%s for DB and WAL of other OSDs, %s%s",
			binarySize(sliceSpace(sizeOf(d.disk))), describeHost(d.owner.locate(d.node)), dependents(d.dbCount))
		d.hold(v1alpha1.ApprovalManual)
	}
	d.plan.Message = cut(d.plan.Message)
}

// hold keeps an entry back that would otherwise be done now. The entry goes on saying what would be done.
func (d *draft) hold(asks v1alpha1.ApprovalMode) {
	switch {
	case d.owner.Spec.Pause == v1alpha1.PauseAll:
		d.plan.Reason = v1alpha1.PlanReasonPaused
		d.plan.Message += "; held by spec.pause: All"
	case d.owner.Spec.Approvals.NewDisks == asks && d.admission == nil:
		d.plan.Reason = v1alpha1.PlanReasonAwaitingApproval
		d.plan.Message += "; held for approval by spec.approvals.newDisks: Manual"
	}
}

func describeAdd(osds []PlannedOSD, byName map[string]*draft) string {
	first := osds[0]
	text := fmt.Sprintf("%s of class %s, %s", count(len(osds), "OSD"), first.DeviceClass, describeHost(first.Location))
	if first.DB == nil {
		return text
	}
	var disks []string
	for _, osd := range osds {
		if !slices.Contains(disks, osd.DB.Disk) {
			disks = append(disks, osd.DB.Disk)
		}
	}
	text += fmt.Sprintf(", DB and WAL %s on %s", binarySize(first.DB.Bytes), strings.Join(disks, ", "))
	if len(disks) == 1 {
		text += dependents(byName[disks[0]].dbCount)
	}
	return text
}

// dependents says how many OSDs are lost with a DB disk.
func dependents(osds int) string {
	if osds == 0 {
		return ""
	}
	return fmt.Sprintf(" (then %s %s on it)", count(osds, "OSD"), verb(osds, "depends", "depend"))
}

// noDBSpace says why no disk has room for a DB; best has the most, and is nil when there is none.
func (d *draft) noDBSpace(want dbWant, best *draft) string {
	need := fmt.Sprintf("%s for DB and WAL", count(max(d.perDisk(), 1), "slice of "+want.size))
	if best == nil {
		return fmt.Sprintf("%s: node %s has no disk of rule %s that is ready and has room", need, want.at.node, want.at.rule)
	}
	return fmt.Sprintf("%s: of the disks of rule %s on node %s, %s has the most room, %s", need, want.at.rule, want.at.node,
		best.disk.Name, binarySize(best.room()))
}

// perDisk is how many OSDs a disk is to become.
func (d *draft) perDisk() int32 {
	if d.owned {
		return d.data[0].Data.Count
	}
	return d.rule.OSDsPerDisk
}
