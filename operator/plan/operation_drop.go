package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// NeverRan says that an OSD of a uuid was never up, as Ceph has it: no PG was ever on it, and it holds nothing. Of one that Ceph does
// not have by this uuid at most the id is left.
func NeverRan(known *ceph.OSD, uuid string) bool {
	switch {
	case known == nil || Destroyed(known):
		return true
	case !strings.EqualFold(known.UUID, uuid):
		return false
	}
	return !known.Up && slices.Contains(known.States, "new")
}

// unborn lists what is reserved on a disk if none of it ever ran, and none has its DB elsewhere: the label in that slice could be of
// this OSD or of the one before, and nobody could tell the next which.
func (c *carrying) unborn(disk string) (osds []manifest.RecordedOSD) {
	for _, r := range c.on(disk) {
		if !NeverRan(c.osdmap[r.ID], r.UUID) || r.DB != nil && r.DB.Disk != disk {
			return nil
		}
		osds = append(osds, manifest.RecordedOSD{ID: r.ID, UUID: r.UUID, Dead: true})
	}
	return osds
}

// broken says why what is reserved on a disk will not serve, in words that do not change by themselves; empty: nothing says so. again
// says that the disk is empty, and only not what it was when it was taken.
func (c *carrying) broken(disk string) (why string, again bool) {
	if c.absent(disk) {
		return "it is missing", false
	}
	now := c.disks[disk]
	verdict, request, report := deref(now.Status.Verdict), now.Status.Request, now.Status.Report
	if request != nil && report != nil && report.ID == request.ID && report.Result == v1alpha1.DiskReportRefused && report.Refusal != nil {
		return withRemedy(*report.Refusal), false
	}
	for _, r := range c.on(disk) {
		refusal := deref(c.refusalOf(r))
		switch refusal.Reason {
		case handover.ReasonDiskChanged:
			return withRemedy(refusal), verdict.Result == v1alpha1.VerdictUsable && verdict.Seal != r.Data.Seal
		case handover.ReasonForeignOSD, handover.ReasonLabelBroken, handover.ReasonDiskUnreadable:
			return withRemedy(refusal), false
		}
	}
	return "", false
}

// drop has what is reserved on a disk let go.
func (c *carrying) drop(disk string, osds []manifest.RecordedOSD, why string, again bool) {
	c.record.Drops = append(c.record.Drops, manifest.RecordedDrop{Disk: disk, OSDs: osds, Why: cut(why), Again: again})
	c.save("what is reserved on disk " + disk + " never ran, and is let go")
	c.is(stepPrepare, lookSoon, "disk %s failed: %s; what is reserved on it is let go", disk, why)
}

// dropping goes on to let go. It says whether anything is left to be done.
func (c *carrying) dropping() bool {
	for i := range c.record.Drops {
		d := &c.record.Drops[i]
		if d.Done {
			continue
		}
		left := c.letGo(d)
		c.is(stepPrepare, lookSoon, "disk %s failed: %s; %s", d.Disk, d.Why, left)
		return true
	}
	return false
}

// letGo does the next step, and says what is left to be done.
func (c *carrying) letGo(d *manifest.RecordedDrop) string {
	switch left := c.left(d.OSDs).text; {
	case slices.ContainsFunc(d.OSDs, c.ran):
		return c.letStay(d)
	case slices.ContainsFunc(d.OSDs, c.staying):
		c.add(LeaveUnborn{d.OSDs}, "it never ran, and disk "+d.Disk+" failed")
		return left
	case left != "":
		return left
	case slices.ContainsFunc(d.OSDs, c.there):
		c.add(DropUnborn{OSDs: d.OSDs, Purge: c.record.Type == v1alpha1.OperationAdd}, "it never ran, and is stopped")
		return osdNamesOf(d.OSDs) + " is let go"
	}
	d.Done = true
	for i := range c.record.Places {
		if p := &c.record.Places[i]; p.By == d.Disk && p.Disk != d.Disk {
			p.By, p.Seal = "", ""
		}
	}
	c.save("nothing is left of what was reserved on disk " + d.Disk)
	return osdNamesOf(d.OSDs) + " is free again"
}

// there says that something is left of an OSD that is let go.
func (c *carrying) there(osd manifest.RecordedOSD) bool {
	known := c.osdmap[osd.ID]
	return c.reservation(osd) != nil || known != nil && strings.EqualFold(known.UUID, osd.UUID)
}

// ran says that an OSD which was to be let go came up since: it may hold data.
func (c *carrying) ran(osd manifest.RecordedOSD) bool {
	return c.there(osd) && !NeverRan(c.osdmap[osd.ID], osd.UUID)
}

// letStay has the cluster run again what is left on a disk, which keeps the place that it was to take.
func (c *carrying) letStay(d *manifest.RecordedDrop) string {
	var stopped []manifest.RecordedOSD
	for _, osd := range d.OSDs {
		if r := c.reservation(osd); r != nil && r.Leaving == c.in.Name {
			stopped = append(stopped, osd)
		}
	}
	text := "what is reserved on disk " + d.Disk + " has run meanwhile, and stays"
	if len(stopped) > 0 {
		c.add(StayOSDs{stopped}, text)
		return text
	}
	d.Done = true
	c.save(text)
	return text
}

// dropFailed lets go of a disk that was to take a place and failed, if another can take it, or nothing is to take it any more. Until
// then it may still be mended. It says whether the disk failed, and adds what is wrong when it stays.
func (c *carrying) dropFailed(p *manifest.RecordedPlace, at *preparing) bool {
	why, again := c.failedOn(p.By)
	if why == "" || c.othersOn(p) {
		return false
	}
	if osds := c.unborn(p.By); len(osds) > 0 && (c.endsEarly() || again && p.Seal != "" || c.another(p)) {
		c.drop(p.By, osds, why, again)
		return true
	}
	at.lacking = append(at.lacking, fmt.Sprintf("disk %s failed: %s%s", p.By, why, c.staysText(p.By)))
	return true
}

// failedOn says why what is reserved on a disk and is down is waited for no more; empty: it may come up.
func (c *carrying) failedOn(disk string) (why string, again bool) {
	if on := c.on(disk); !slices.ContainsFunc(on, c.down) {
		return "", false
	}
	if why, again = c.broken(disk); why == "" && c.endsEarly() {
		why = c.endedBy()
	}
	return why, again
}

// staysText says what becomes of OSDs that are not let go, for they have run, or nobody knows what is in the slice for their DB.
func (c *carrying) staysText(disk string) string {
	if len(c.unborn(disk)) > 0 {
		return ""
	}
	var stay []manifest.RecordedOSD
	for _, r := range c.on(disk) {
		stay = append(stay, manifest.RecordedOSD{ID: r.ID})
	}
	return fmt.Sprintf(" (%s stays reserved on it, and is taken away by another operation, of type Replace or Remove)", osdNamesOf(stay))
}

func (c *carrying) down(r *Reservation) bool {
	known := c.osdmap[r.ID]
	return known == nil || !known.Up
}

// another says that another disk could take a place, or that it may be any and one is there.
func (c *carrying) another(p *manifest.RecordedPlace) bool {
	if p.By == p.Disk || c.in.Spec.Replacement != "" {
		return false
	}
	return nextDisk(*p, c.in.Disks, c.taken(), newOperationComputation(c.in.OperationObserved).ruleFor) != nil
}

// taken lists the disks that take no place: those that operations are about, on which something is reserved, and that failed.
func (c *carrying) taken() map[string]bool {
	taken := takenBy(append(slices.Clone(c.in.Others), *c.record))
	for i := range c.in.Reservations {
		for _, part := range c.in.Reservations[i].parts() {
			taken[part.Disk] = true // its status may not say so yet
		}
	}
	for _, d := range c.record.Drops {
		taken[d.Disk] = taken[d.Disk] || !d.Again
	}
	return taken
}

// droppedText says which disk was let go before, and why; empty: none.
func (c *carrying) droppedText() string {
	if len(c.record.Drops) == 0 {
		return ""
	}
	last := c.record.Drops[len(c.record.Drops)-1]
	return fmt.Sprintf(" (disk %s failed: %s)", last.Disk, last.Why)
}

// atPrepare says that nothing is left to be done but to bring disks in.
func (c *carrying) atPrepare() bool {
	return c.record.Type == v1alpha1.OperationAdd || c.record.Type == v1alpha1.OperationReplace && c.record.Cleared()
}

// supersede ends an operation that brings disks in, in a cluster that is being deleted and whose disks are erased: they are erased as
// they are. What is left of its OSDs in slices of others stays known, so that it is erased too.
func (c *carrying) supersede() {
	switch held := c.heldDB(); {
	case held != "" && !c.record.GivenUp:
		c.record.GivenUp = true
		c.save("the StorageCluster is being deleted")
		fallthrough
	case held != "":
		c.is(stepPrepare, lookSoon, "the StorageCluster is being deleted: the slice for DB on disk %s is let go", held)
	default:
		c.is(stepPrepare, 0, "the StorageCluster is being deleted and its disks are erased: nothing takes the place of others any more")
		c.stage.state, c.stage.reason, c.stage.done = v1alpha1.OperationSuperseded, v1alpha1.ReasonSuperseded, true
	}
}
