package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// keep settles a disk that belongs to a cluster already: by a reservation, by the label that was found on it, or by
// discover's verdict while Ceph cannot be asked. What belongs to a cluster is never given away by a rule.
func (p *diskPlanner) keep(d *draft) bool {
	c := p.holder(d.disk)
	if c == nil {
		return false
	}
	d.owner, d.owned = c, true
	d.data, d.dbs = c.data[d.disk.Name], c.dbs[d.disk.Name]
	d.made = c.allBooted(d)
	d.osds = d.unreserved()
	d.plan = v1alpha1.DiskPlan{Action: v1alpha1.PlanKeep, Reason: v1alpha1.PlanReasonInService, Rule: d.ruleInForce()}
	switch {
	case !d.made || len(d.osds) > 0:
		d.plan.Action, d.plan.Reason = d.beginning(), v1alpha1.PlanReasonMatched
		d.plan.Message = fmt.Sprintf("%s %s being prepared", d.names(), verb(len(d.data)+len(d.dbs), "is", "are"))
		if c.Spec.Pause == v1alpha1.PauseAll {
			d.hold("")
		}
	default:
		d.plan.Message = d.describeService()
		d.compareRule()
	}
	d.plan.Message = cut(d.plan.Message)
	return true
}

// beginning is the action that is under way on a disk whose OSDs are not all made.
func (d *draft) beginning() v1alpha1.PlanAction {
	if len(d.data) == 0 {
		return v1alpha1.PlanProvide
	}
	return v1alpha1.PlanAdd
}

// holder returns the cluster that a disk belongs to; nil: none. Should two say that it is theirs, the claim decides,
// and then age.
func (p *diskPlanner) holder(disk *v1alpha1.StorageDisk) *diskCluster {
	var found *diskCluster
	for _, c := range p.clusters {
		if !c.holds(disk) {
			continue
		}
		if found == nil || c.claims(disk.Status.Claim) {
			found = c
		}
	}
	return found
}

func (c *diskCluster) holds(disk *v1alpha1.StorageDisk) bool {
	if len(c.data[disk.Name]) > 0 || len(c.dbs[disk.Name]) > 0 || len(c.lost(disk))+len(c.freed(disk)) > 0 {
		return true
	}
	label := deref(deref(disk.Status.Content).BlueStore)
	if c.FSID == "" || label.FSID != c.FSID || c.hasLeft(disk, label.OSDUUID) {
		return false
	}
	_, exists := c.osds[label.OSDUUID]
	return exists || !c.OSDsKnown && deref(disk.Status.Verdict).Result == v1alpha1.VerdictInUse
}

// hasLeft says that the OSD of a label has another disk: one that is known by its place, in a slot or a node where the disk of
// an OSD was for a while. Nothing is there any more that could be given away, and nobody is to wait for it.
func (c *diskCluster) hasLeft(disk *v1alpha1.StorageDisk, osd string) bool {
	return disk.Status.Presence == v1alpha1.PresenceMissing &&
		slices.ContainsFunc(c.Reservations, func(r Reservation) bool { return strings.EqualFold(r.UUID, osd) })
}

// allBooted says that every OSD on the disk was up at least once. While Ceph was never asked, the disk tells.
func (c *diskCluster) allBooted(d *draft) bool {
	for _, r := range slices.Concat(d.data, d.dbs) {
		if !c.OSDsKnown {
			return deref(d.disk.Status.Verdict).Result == v1alpha1.VerdictInUse
		}
		if !c.osds[r.UUID].Booted {
			return false
		}
	}
	return true
}

// unreserved lists the OSDs of a disk that was cut into several, of which only some are reserved yet: an operator may end
// between two reservations. They are as the first one says, not as the rule says now.
func (d *draft) unreserved() []PlannedOSD {
	if len(d.data) == 0 || !d.data[0].Data.sliced() {
		return nil
	}
	first := d.data[0]
	var osds []PlannedOSD
	for i := range first.Data.Count {
		at := dataOffset(i, first.Data.Bytes)
		if slices.ContainsFunc(d.slices(), func(s reservedSlice) bool { return s.Offset == at }) {
			continue
		}
		osd := PlannedOSD{
			Node: first.Node, Location: first.Location, Rule: first.Rule, DeviceClass: first.DeviceClass, Data: first.Data,
		}
		osd.Data.Index, osd.Data.Slice, osd.Data.Offset = i, "", at
		osds = append(osds, osd)
	}
	return osds
}

// ruleInForce returns the rule under which the disk was taken.
func (d *draft) ruleInForce() string {
	if len(d.data) > 0 {
		return d.data[0].Rule
	}
	if d.owner.claims(d.disk.Status.Claim) && d.disk.Status.Claim.Rule != "" {
		return d.disk.Status.Claim.Rule
	}
	for _, r := range d.dbs {
		if rule := d.owner.rules[r.Rule]; rule != nil && rule.DB != nil {
			return rule.DB.Rule
		}
	}
	return ""
}

// compareRule says when the rules would decide otherwise now. What is in service stays as it is.
func (d *draft) compareRule() {
	if d.plan.Rule == "" || d.node == nil || d.disk.Status.Hardware == nil {
		return
	}
	rule, nearest := matchRules(d.owner.Spec.Storage.Rules, d.disk, d.node)
	switch {
	case rule != nil && rule.Name == d.plan.Rule:
		return
	case rule != nil:
		nearest = fmt.Sprintf("rule %s would take this disk now", rule.Name)
	}
	d.plan.Reason = v1alpha1.PlanReasonRuleNoLongerMatches
	d.plan.Message += fmt.Sprintf("; it stays as rule %s made it (%s)", d.plan.Rule, nearest)
}

// names lists the OSDs on the disk, by the names of their daemons.
func (d *draft) names() string {
	var names []string
	for _, osd := range d.serving() {
		names = append(names, osdName(osd.ID))
	}
	return strings.Join(slices.Compact(names), ", ")
}

func (d *draft) describeService() string {
	text := d.names()
	if d.providesDBs() {
		return fmt.Sprintf("DB and WAL of %s, %s free%s", cmp.Or(text, "no OSD"), binarySize(d.freeSpace().total()), d.freedText())
	}
	if len(d.data) > 0 {
		text += ", class " + d.data[0].DeviceClass
		if db := d.data[0].DB; db != nil {
			text += fmt.Sprintf(", DB %s on %s", binarySize(db.Bytes), db.Disk)
		}
	}
	return text
}

// providesDBs says that a disk of the owner holds nothing but DBs, or slices for them.
func (d *draft) providesDBs() bool {
	return len(d.data) == 0 && (len(d.dbs) > 0 || len(d.owner.freed(d.disk)) > 0 && len(d.owner.lost(d.disk)) == 0)
}

// freedText says of slices that were given up that they are there; empty: there is none.
func (d *draft) freedText() string {
	freed := d.owner.freed(d.disk)
	if len(freed) == 0 {
		return ""
	}
	return fmt.Sprintf(", and %s of OSDs that are gone, for the next DBs that fit", count(len(freed), "slice"))
}

// serving lists the OSDs that have something on the disk. Without a reservation its label tells.
func (d *draft) serving() []v1alpha1.DiskOSD {
	var osds []v1alpha1.DiskOSD
	for _, r := range d.data {
		osd := v1alpha1.DiskOSD{
			ID: r.ID, Role: v1alpha1.OSDRoleData, UUID: r.UUID, DeviceClass: r.DeviceClass, Slice: r.Data.Slice,
			Size: resource.NewQuantity(r.Data.Bytes, resource.BinarySI),
		}
		if r.DB != nil {
			osd.DBDisk = r.DB.Disk
		}
		osds = append(osds, osd)
	}
	for _, r := range d.dbs {
		osds = append(osds, v1alpha1.DiskOSD{
			ID: r.ID, Role: v1alpha1.OSDRoleDB, UUID: r.UUID, DeviceClass: r.DeviceClass, Slice: r.DB.Slice,
			Size: resource.NewQuantity(r.DB.Bytes, resource.BinarySI),
		})
	}
	if d.owner != nil {
		osds = append(osds, d.owner.lost(d.disk)...)
	}
	// The label in a slice names one OSD of several.
	label, whole := deref(deref(d.disk.Status.Content).BlueStore), d.disk.Status.Request == nil
	if d.owned && d.operation == nil && len(osds) == 0 && whole && label.OSDID != nil {
		osds = append(osds, v1alpha1.DiskOSD{ID: *label.OSDID, Role: v1alpha1.OSDRoleData, UUID: label.OSDUUID})
	}
	slices.SortFunc(osds, func(a, b v1alpha1.DiskOSD) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Role, b.Role))
	})
	return osds
}
