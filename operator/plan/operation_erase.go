package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// erase has the disks erased that are there, and of which discover says what is on them now. Any other waits, and keeps none back.
func (c *carrying) erase() {
	changed, waiting, working := false, []string{}, []string{}
	for i := range c.record.Disks {
		disk := &c.record.Disks[i]
		if disk.Done {
			continue
		}
		now := c.disks[disk.Disk]
		switch {
		case c.givesUp(disk, now):
			changed = true
			continue
		case now == nil || now.Status.Presence == v1alpha1.PresenceMissing:
			waiting = append(waiting, disk.Disk+", which is missing")
			continue
		case !disk.Asked && c.unseen(now) != "":
			c.waits(disk.Disk, c.unseen(now))
			waiting = append(waiting, disk.Disk+": "+c.unseen(now))
			continue
		case !disk.Asked:
			disk.Asked, changed = true, true
		case c.answered(disk, now):
			changed = true
			continue
		}
		working = append(working, disk.Disk)
	}
	if changed {
		c.record.Final = true
		c.save("the agents are asked to erase, or have answered")
	}
	c.erasing(waiting, working, changed)
}

// unseen says why the verdict and the seal of a disk may be of an earlier time, when somebody may have put it to another use since;
// empty: they are of now.
func (c *carrying) unseen(now *v1alpha1.StorageDisk) string {
	if c.in.Reporting[now.Status.Node] {
		return ""
	}
	return fmt.Sprintf("discover on node %s is silent, so that what is known of the disk may be old; see why the pod of discover "+
		"on that node does not run or is not ready", now.Status.Node)
}

// answered takes what the agent says of a disk, if that is its last word.
func (c *carrying) answered(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) bool {
	report := now.Status.Report
	if report == nil || report.ID != EraseRequest(c.record.Erase, disk, now.Status.Node).ID || report.Result == v1alpha1.DiskReportFailed {
		return false
	}
	disk.Done = true
	disk.Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportVerified, Message: "erased, and read back as zeros"}
	if report.ErasedBytes > 0 {
		disk.Report.ErasedBytes = resource.NewQuantity(report.ErasedBytes, resource.DecimalSI)
	}
	if report.Result == v1alpha1.DiskReportRefused {
		disk.Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportRefused, Message: "the agent gives no reason"}
		if report.Refusal != nil {
			disk.Report.Message = cut(withRemedy(*report.Refusal))
		}
	}
	return true
}

func (c *carrying) erasing(waiting, working []string, changed bool) {
	switch {
	case len(working) > 0:
		c.is(stepErase, lookWaiting, "%s is erased", some(working))
	case len(waiting) > 0 && c.in.Deleting:
		c.fail("not erased, and the operation is deleted: %s", some(waiting))
	case len(waiting) > 0:
		c.is(stepErase, lookWaiting, "it waits for disks to be erased; put that right (put in what is missing), or delete this operation to give them up: %s",
			some(waiting))
		c.stage.reason = v1alpha1.ReasonWaitingForDisk
	case changed: // what was recorded just now is looked at again
		c.is(c.stepNow(), lookSoon, "the disks are erased")
	default:
		c.erased()
	}
}

// erased ends the operation: with a failure when an agent refused.
func (c *carrying) erased() {
	var refused []string
	for i := range c.record.Disks {
		if report := c.record.Disks[i].Report; report != nil && report.Result != v1alpha1.ReportVerified {
			refused = append(refused, fmt.Sprintf("%s: %s", c.record.Disks[i].Disk, report.Message))
		}
	}
	switch {
	case len(refused) > 0:
		c.fail("not erased: %s", strings.Join(refused, "; "))
	case c.record.Type == v1alpha1.OperationWipe:
		c.finish("%s erased", count(len(c.record.Disks), "disk"))
	case len(c.record.Disks) > 0:
		c.finish("%s removed, %s erased", c.osdNames(), count(len(c.record.Disks), "disk"))
	default:
		c.finish("%s removed; the disks are left as they are", c.osdNames())
	}
}

func (c *carrying) fail(format string, args ...any) {
	c.is(c.stepNow(), 0, format, args...)
	c.stage.state, c.stage.reason, c.stage.done, c.stage.failed = v1alpha1.OperationFailed, v1alpha1.ReasonHeld, true, c.stage.message
}

// ended says that nothing is left to be done but to say so.
func (c *carrying) ended() bool {
	return !brings(c.record.Type) && c.record.Cleared()
}

// undo puts those OSDs in again that were in before, and ends the operation. Its OSDs run again: before anything final they
// were at most stopped.
func (c *carrying) undo() {
	if !c.record.Cancelling {
		c.record.Cancelling = true
		c.save("it is cancelled")
	}
	c.is(c.stepNow(), lookSoon, "it is cancelled, and what was done is undone")
	if len(c.record.OSDs) > 0 && c.snapshot == nil {
		c.is(c.stepNow(), lookWaiting, "it is cancelled, and what was done is undone when Ceph answers")
		return
	}
	var back []int32
	for _, osd := range c.record.OSDs {
		known := c.osdmap[osd.ID]
		if osd.WasIn && known != nil && strings.EqualFold(known.UUID, osd.UUID) && !known.In {
			back = append(back, osd.ID)
		}
	}
	stay := c.marked()
	if len(stay) > 0 {
		c.add(StayOSDs{stay}, "it is cancelled")
	}
	if len(back) > 0 {
		c.add(PutIn{back}, "they were in before")
	}
	if len(c.out.Steps) == 0 {
		c.cancelled(fmt.Sprintf("cancelled; %s as before", c.osdNamesOr("the disks are")))
	}
}

func (c *carrying) cancelled(text string) {
	c.is(c.stepNow(), 0, "%s", text)
	c.stage.state, c.stage.reason, c.stage.done = v1alpha1.OperationCancelled, v1alpha1.ReasonCancelled, true
}

func (c *carrying) osdNamesOr(otherwise string) string {
	if len(c.record.OSDs) == 0 {
		return otherwise
	}
	return c.osdNames() + " " + verb(len(c.record.OSDs), "is", "are")
}

// reserved lists the OSDs that something is reserved for, and marked those of which that says that they leave.
func (c *carrying) reserved() (osds []manifest.RecordedOSD) {
	for _, osd := range c.record.OSDs {
		if c.reservation(osd) != nil {
			osds = append(osds, osd)
		}
	}
	return osds
}

func (c *carrying) marked() (osds []manifest.RecordedOSD) {
	for _, osd := range c.reserved() {
		if c.reservation(osd).Leaving != "" {
			osds = append(osds, osd)
		}
	}
	return osds
}
