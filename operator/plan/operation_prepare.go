package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// brings says that operations of a type make OSDs of disks.
func brings(t v1alpha1.OperationType) bool {
	return t == v1alpha1.OperationAdd || t == v1alpha1.OperationReplace
}

// Destroyed says that only the id of an OSD is left.
func Destroyed(osd *ceph.OSD) bool { return slices.Contains(osd.States, "destroyed") }

// DeadIsNeeded says why an OSD that is down may still be needed, in Ceph's answer to whether it may be destroyed; empty: Ceph
// knows nothing that speaks against it. That such an OSD does not report is no reason: see NeedsDead.
func DeadIsNeeded(answer ceph.SafeToDestroy, id int) string {
	if slices.Contains(answer.Active, id) {
		return answer.Explanation
	}
	return ""
}

// lostWhole says that an OSD which is replaced was down from the beginning and is, and that all it held is elsewhere. One that
// goes down while its data moves off it may come back: what was approved then is that every copy stays until it has moved.
func (c *carrying) lostWhole(id int32) bool {
	known := c.osdmap[id]
	dead := slices.ContainsFunc(c.record.OSDs, func(osd manifest.RecordedOSD) bool { return osd.ID == id && osd.Dead })
	return c.record.Type == v1alpha1.OperationReplace && dead && known != nil && !known.Up && NeedsDead(c.snapshot) == ""
}

// givesUp records of a disk that is replaced why it is not erased, if it will not be. One that is to be used again is.
func (c *carrying) givesUp(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) bool {
	if c.record.Type != v1alpha1.OperationReplace || c.record.Place(disk.Disk) != nil && !c.in.Deleting {
		return false
	}
	text := c.notErased(disk, now)
	if text != "" {
		disk.Done = true
		disk.Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportFailed, Message: cut("not erased: " + text)}
	}
	return text != ""
}

func (c *carrying) notErased(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) string {
	switch {
	case now == nil || now.Status.Presence == v1alpha1.PresenceMissing:
		return "the disk is missing, and what it holds is still on it"
	case c.in.Deleting:
		return "the operation is deleted"
	case disk.Seal == "":
		return "discover gave no seal of it, so that the agent could not tell it from another"
	}
	report := now.Status.Report
	failed := report != nil && report.Result == v1alpha1.DiskReportFailed && report.ID == EraseRequest(c.record.Erase, disk, now.Status.Node).ID
	if failed && c.wasDead(disk) {
		return "the disk fails: " + withRemedy(deref(report.Refusal))
	}
	return ""
}

// wasDead says that no OSD on a disk was up when the operation began.
func (c *carrying) wasDead(disk *manifest.RecordedDisk) bool {
	return !slices.ContainsFunc(c.record.OSDs, func(osd manifest.RecordedOSD) bool { return !osd.Dead && slices.Contains(disk.OSDs, osd.UUID) })
}

// preparing is how far the disks are that are to become OSDs.
type preparing struct {
	lacking, working []string
	// dbs say of disks for DBs that nothing takes their place: it matters only as long as an OSD waits for its DB.
	dbs []string
	// in are OSDs that are to be marked in, and left are ids that nothing is reserved for.
	in, left []int32
}

// prepareSuccessors waits for the disks that take the places, and until their OSDs serve.
func (c *carrying) prepareSuccessors() {
	if c.dropping() {
		return
	}
	if !c.record.GivenUp && !c.endsEarly() && c.choose() {
		c.save("the disks are chosen that take the places")
		c.is(stepPrepare, lookSoon, "%s", c.placesText())
		return
	}
	var at preparing
	for i := range c.record.Places {
		if c.look(&c.record.Places[i], &at); c.stage.message != "" {
			return // a disk is let go
		}
	}
	if len(at.working) > 0 {
		at.lacking = append(at.lacking, at.dbs...)
	}
	if len(at.in) > 0 {
		c.add(PutIn{at.in}, "they serve in the place of others that were in")
	}
	if giveUp := c.endsEarly() && len(at.lacking) > 0; giveUp || len(at.lacking)+len(at.working) == 0 {
		c.giveBack(at.left)
	}
	c.preparingText(at)
}

// giveBack takes ids out of Ceph that nothing takes the place of. Before, the slices that were kept for their DBs are let go: once the
// record is gone, nobody would know whose they were, and they are in nobody's list of what is free.
func (c *carrying) giveBack(left []int32) {
	gone := c.destroyed(left)
	switch {
	case len(gone) > 0 && !c.record.GivenUp, c.heldDB() != "" && !c.record.GivenUp:
		c.record.GivenUp = true
		c.save("nothing is to take their place any more")
	case c.heldDB() == "" && len(gone) > 0:
		c.add(PurgeDestroyed{gone}, "nothing takes their place")
	}
}

// endsEarly says that an operation which waits for disks is to wait no more: a person has said so.
func (c *carrying) endsEarly() bool {
	return c.in.Deleting || c.in.Spec.Intent == v1alpha1.IntentCancel
}

// endedBy says who wants no more.
func (c *carrying) endedBy() string {
	if c.in.Deleting {
		return "the operation is deleted"
	}
	return "the operation is cancelled"
}

// preparingText says where it is.
func (c *carrying) preparingText(at preparing) {
	held := c.heldDB()
	switch {
	case len(c.out.Steps) > 0:
		c.is(stepPrepare, lookSoon, "%s", c.placesText())
	case c.record.GivenUp && held != "":
		c.is(stepPrepare, lookSoon, "the slice for DB on disk %s is let go, and is for the next OSD that it fits", held)
	case len(at.lacking) > 0 && c.endsEarly():
		c.fail("%s: %s, and ids that nothing took are given back", some(at.lacking), c.endedBy())
	case len(at.lacking) > 0:
		c.is(stepPrepare, lookWaiting, "%s; %s, or give it up, which gives its id back: kubectl seamount cancel %s%s",
			some(at.lacking), c.lackingRemedy(), c.in.Name, slicedText(held))
		c.stage.reason = v1alpha1.ReasonWaitingForDisk
	case len(at.working) > 0:
		c.is(stepPrepare, lookDraining, "%s", some(at.working))
	default:
		c.finish("%s", c.replacedText())
	}
}

// lackingRemedy says how the operation goes on.
func (c *carrying) lackingRemedy() string {
	if c.in.Spec.Replacement != "" {
		return "put that right, for spec.replacement names this disk and no other takes the place"
	}
	return "put in an empty disk"
}

// slicedText says what becomes of the slice on a disk when its OSD is given up; empty: there is none.
func slicedText(disk string) string {
	if disk == "" {
		return ""
	}
	return " (the slice for its DB on disk " + disk + " is then for the next OSD that it fits)"
}

// heldDB returns a disk that stays and has a slice that is kept for the DB of an OSD which is replaced; empty: there is none.
func (c *carrying) heldDB() string {
	for _, name := range sortedStrings(c.disks) {
		for _, osd := range c.disks[name].Status.OSDs {
			ours := func(before manifest.RecordedOSD) bool {
				return before.ID == osd.ID && strings.EqualFold(before.UUID, osd.UUID)
			}
			if osd.Role == v1alpha1.OSDRoleDB && !c.record.Concerns(name) && slices.ContainsFunc(c.record.OSDs, ours) {
				return name
			}
		}
	}
	return ""
}

func (c *carrying) placesText() string {
	var texts []string
	for _, p := range c.record.Places {
		if len(p.OSDs) > 0 {
			texts = append(texts, fmt.Sprintf("%s becomes %s", cmp.Or(p.By, "a disk in the place of "+p.Disk), joinOSDs(p.OSDs)))
		}
	}
	return some(texts)
}

func (c *carrying) replacedText() string {
	text := strings.ReplaceAll(c.placesText(), " becomes ", " is now ")
	for i := range c.record.Disks {
		if report := deref(c.record.Disks[i].Report); report.Result != v1alpha1.ReportVerified {
			text += fmt.Sprintf("; %s: %s", c.record.Disks[i].Disk, report.Message)
		}
	}
	return text
}

// choose finds disks for the places that have none, and lets go of one that went away before it was used. It says whether
// anything changed.
func (c *carrying) choose() (changed bool) {
	o := newOperationComputation(c.in.OperationObserved)
	taken := c.taken()
	for i := range c.record.Places {
		p := &c.record.Places[i]
		gone := len(c.on(p.By)) == 0 && c.unfit(p) != "" // a seal changes with a reboot too
		if p.By != "" && p.By != p.Disk && c.in.Spec.Replacement == "" && (gone || c.othersOn(p)) {
			p.By, p.Seal, changed = "", "", true
		}
		if p.By != "" {
			continue
		}
		if found := nextDisk(*p, c.in.Disks, taken, o.ruleFor); found != nil {
			p.By, p.Seal, taken[found.Name], changed = found.Name, deref(found.Status.Verdict).Seal, true, true
		}
	}
	return changed
}

func (c *carrying) absent(disk string) bool {
	now := c.disks[disk]
	return now == nil || now.Status.Presence == v1alpha1.PresenceMissing
}

// on lists what is reserved on a disk for data.
func (c *carrying) on(disk string) (found []*Reservation) {
	for i := range c.in.Reservations {
		if r := &c.in.Reservations[i]; r.Data.Disk == disk && r.Leaving == "" {
			found = append(found, r)
		}
	}
	return found
}

// othersOn says that a disk was taken for other OSDs before it could take a place.
func (c *carrying) othersOn(p *manifest.RecordedPlace) bool {
	on := c.on(p.By)
	return len(p.OSDs) > 0 && len(on) > 0 && !slices.ContainsFunc(on, func(r *Reservation) bool { return slices.Contains(p.OSDs, r.ID) })
}

// look sees how far a place is.
func (c *carrying) look(p *manifest.RecordedPlace, at *preparing) {
	on := c.on(p.By)
	at.left = append(at.left, slices.DeleteFunc(slices.Clone(p.OSDs), func(id int32) bool {
		return slices.ContainsFunc(on, func(r *Reservation) bool { return r.ID == id })
	})...)
	switch text := c.unfit(p); {
	case len(p.OSDs) > 0 && c.dropFailed(p, at):
	case len(p.OSDs) == 0 && p.By == "":
		at.dbs = append(at.dbs, fmt.Sprintf("no disk takes the place of %s yet", p.Disk))
	case len(p.OSDs) == 0 && text != "":
		at.dbs = append(at.dbs, text)
	case len(p.OSDs) == 0:
	case c.othersOn(p):
		at.lacking = append(at.lacking, fmt.Sprintf("disk %s has other OSDs by now", p.By))
	case p.By == "":
		at.lacking = append(at.lacking, fmt.Sprintf("no disk takes the place of %s yet%s", p.Disk, c.droppedText()))
	case len(on) == 0 && text != "":
		at.lacking = append(at.lacking, text)
	case len(on) == 0 && c.endsEarly():
		at.lacking = append(at.lacking, c.waitingText(p.By))
	case !complete(on):
		at.working = append(at.working, c.waitingText(p.By))
	default:
		c.serving(on, at)
	}
}

// unfit says why a disk that nothing is reserved on cannot take a place, and what to do; empty: it can. One that is made anew where it
// is was erased by the operation, and is judged anew meanwhile.
func (c *carrying) unfit(p *manifest.RecordedPlace) string {
	if p.By == "" || p.By == p.Disk {
		return c.unusable(p.By, p.Seal)
	}
	now, o := c.disks[p.By], newOperationComputation(c.in.OperationObserved)
	switch text := c.unusable(p.By, p.Seal); {
	case text != "":
		return text
	case o.takerOf(p.By) != "":
		return fmt.Sprintf("disk %s is not taken: operation %s is about it", p.By, o.takerOf(p.By))
	case now.Status.Claim != nil && !o.claimed(now):
		return fmt.Sprintf("disk %s is of another cluster by now (%s/%s)", p.By, now.Status.Claim.Namespace, now.Status.Claim.Name)
	case slices.Contains(untakenReasons(), deref(now.Status.Plan).Reason):
		return fmt.Sprintf("disk %s is not taken: %s", p.By, cmp.Or(now.Status.Plan.Message, now.Status.Plan.Reason))
	case deref(now.Status.Verdict).Result == v1alpha1.VerdictRejected:
		return fmt.Sprintf("disk %s is not empty any more: %s", p.By, withRemedy(firstReason(*now.Status.Verdict)))
	}
	return ""
}

// untakenReasons are those for which a disk is not taken before a person changes something.
func untakenReasons() []string {
	return []string{
		v1alpha1.PlanReasonExcludedByDisk, v1alpha1.PlanReasonExcludedByRule, v1alpha1.PlanReasonNoRuleMatches, v1alpha1.PlanReasonNodeNotSelected,
	}
}

// spareAmiss says why the disk that is named in the place of another cannot take it now; empty: it can, or none is named.
func (c *carrying) spareAmiss() string {
	for i := range c.record.Places {
		if p := &c.record.Places[i]; c.in.Spec.Replacement != "" && p.By == c.in.Spec.Replacement && len(c.on(p.By)) == 0 {
			if text := c.unfit(p); text != "" {
				return text
			}
		}
	}
	return ""
}

// unusable says why a disk that nothing is reserved on is not used; empty: it may be.
func (c *carrying) unusable(disk, seal string) string {
	verdict := deref(deref(c.disks[disk]).Status.Verdict)
	switch {
	case c.absent(disk):
		return fmt.Sprintf("disk %s is missing", disk)
	case seal != "" && verdict.Seal != seal && verdict.Result == v1alpha1.VerdictUsable:
		return fmt.Sprintf("disk %s is not the one that was approved: its seal is another", disk)
	}
	return ""
}

// complete says that all is reserved that a disk is cut into.
func complete(on []*Reservation) bool { return len(on) > 0 && int(on[0].Data.Count) <= len(on) }

// waitingText says what a disk waits for before it is reserved.
func (c *carrying) waitingText(disk string) string {
	text := fmt.Sprintf("disk %s is taken", disk)
	if plan := deref(c.disks[disk]).Status.Plan; plan != nil && plan.Reason != v1alpha1.PlanReasonMatched && plan.Message != "" {
		text = fmt.Sprintf("disk %s is not taken yet: %s", disk, plan.Message)
	}
	return text
}

// serving sees whether what is reserved serves, with the weight of its disk.
func (c *carrying) serving(on []*Reservation, at *preparing) {
	for _, r := range on {
		known := c.osdmap[r.ID]
		switch {
		case known == nil || !strings.EqualFold(known.UUID, r.UUID) || !known.Up:
			at.working = append(at.working, fmt.Sprintf("%s is prepared on %s%s", osdName(r.ID), r.Data.Disk, c.trouble(r)))
		case c.record.Type == v1alpha1.OperationReplace && known.TotalBytes <= 0:
			at.working = append(at.working, osdName(r.ID)+" is up, and has not reported its size yet")
		case !known.In:
			at.in = append(at.in, r.ID)
		default:
			c.weigh(r, known)
		}
	}
}

// trouble is why an OSD does not start, as its program said; empty: it said nothing.
func (c *carrying) trouble(r *Reservation) string {
	refusal := c.refusalOf(r)
	if refusal == nil {
		return ""
	}
	return ", which is refused: " + withRemedy(*refusal)
}

// refusalOf is why the program of an OSD refuses to start; nil: it does not.
func (c *carrying) refusalOf(r *Reservation) *v1alpha1.Refusal {
	at := slices.IndexFunc(c.in.Deployed, func(d Deployed) bool { return d.Daemon.String() == osdName(r.ID) })
	if at < 0 {
		return nil
	}
	return c.in.Deployed[at].Refusal
}

// weightMargin is how far the weight of an OSD may be from its size. Ceph keeps the weight of the disk before.
const weightMargin = 0.02

func (c *carrying) weigh(r *Reservation, osd *ceph.OSD) {
	weight := float64(osd.TotalBytes) / (1 << 40)
	if c.record.Type != v1alpha1.OperationReplace || weight <= 0 || math.Abs(osd.CRUSHWeight-weight) <= weightMargin*weight {
		return
	}
	c.add(WeighOSD{ID: r.ID, Weight: math.Round(weight*1e5) / 1e5, Location: r.Location}, "its disk has another size than the one before")
}

// destroyed lists those of the ids that are left of OSDs that were destroyed.
func (c *carrying) destroyed(ids []int32) (found []int32) {
	for _, id := range ids {
		if known := c.osdmap[id]; known != nil && Destroyed(known) {
			found = append(found, id)
		}
	}
	return found
}

// describePreparing says of one disk what takes its place, or what becomes of it.
func (c *carrying) describePreparing(target *v1alpha1.OperationTarget) {
	at := slices.IndexFunc(c.record.Places, func(p manifest.RecordedPlace) bool { return p.Disk == target.Disk })
	if c.stage.step != stepPrepare || at < 0 || len(c.record.Places[at].OSDs) == 0 || !c.record.Cleared() {
		return
	}
	p := c.record.Places[at]
	text := fmt.Sprintf("%s takes its place as %s", cmp.Or(p.By, "no disk yet"), joinOSDs(p.OSDs))
	if report := deref(target.Report); report.Result != "" && report.Result != v1alpha1.ReportVerified {
		text += "; " + report.Message
	}
	target.Message = cut(text)
}
