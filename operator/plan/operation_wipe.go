package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// targetWiped lists the disks that the deletion of their cluster erases, as it recorded them: also those that nobody sees now.
func (c *operationComputation) targetWiped() {
	c.unknown = nil
	for i := range c.in.Wipe.Disks {
		disk := &c.in.Wipe.Disks[i]
		target := v1alpha1.OperationTarget{Disk: disk.Disk, Node: disk.Node}
		for _, osd := range disk.OSDs {
			target.OSDs = append(target.OSDs, osd.ID)
		}
		slices.Sort(target.OSDs)
		target.OSDs = slices.Compact(target.OSDs) // one has the label of the OSD before it in its slice too
		if at := slices.IndexFunc(c.disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == disk.Disk }); at >= 0 {
			target.Node, target.Seal = c.disks[at].Status.Node, deref(c.disks[at].Status.Verdict).Seal
		}
		c.out.Targets = append(c.out.Targets, target)
	}
}

// approvalOfDeletion is given by the deletion itself, which is a person's word: for an operation that the deletion's record names,
// and for the loss of what is on the disks of that cluster. For nothing else.
func (b *beginning) approvalOfDeletion() (Condition, bool) {
	plan := b.draft.Plan
	if byUser := operationApproved(b.in.Spec, plan); byUser.Status == "True" {
		return byUser, false
	}
	for _, risk := range plan.Risks {
		if risk != v1alpha1.RiskDataLoss {
			return isFalse(v1alpha1.ReasonAwaitingApproval, "the deletion of the StorageCluster accepts the risk DataLoss and no other: "+
				"a person has to approve plan %s", plan.ID), false
		}
	}
	return isTrue(v1alpha1.ReasonByPolicy, "the deletion of the StorageCluster, with spec.deletionPolicy Wipe, approved plan %s", plan.ID), true
}

// daemonsLeft names an OSD that may still have a disk open; empty: none. A pod on a node that does not answer keeps nobody: what
// is on that node is not erased either, and the agent looks for itself.
func (b *beginning) daemonsLeft() string {
	ours := func(d DaemonID) bool {
		return slices.ContainsFunc(b.in.Wipe.Disks, func(disk manifest.WipedDisk) bool {
			return slices.ContainsFunc(disk.OSDs, func(osd manifest.RecordedOSD) bool { return osdName(osd.ID) == d.String() })
		})
	}
	for _, d := range b.in.Deployed {
		if ours(d.Daemon) {
			return fmt.Sprintf("it waits: the Deployment of %s is still there", d.Daemon)
		}
	}
	for _, l := range b.in.Leaving {
		if ours(l.Daemon) && b.in.Nodes[l.Node] {
			return fmt.Sprintf("it waits: the pod of %s on node %s ends", l.Daemon, l.Node)
		}
	}
	return ""
}

// recordWiped is what may be erased of the disks: the OSDs that the deletion recorded, and nothing else.
func (c *operationComputation) recordWiped() (disks []manifest.RecordedDisk) {
	for i := range c.in.Wipe.Disks {
		wiped := &c.in.Wipe.Disks[i]
		disk := manifest.RecordedDisk{Disk: wiped.Disk, FSID: c.in.FSID}
		for _, osd := range wiped.OSDs {
			disk.OSDs = append(disk.OSDs, osd.UUID)
		}
		disks = append(disks, disk)
	}
	return disks
}

// wipeDisks has the disks erased that are there and are still what the deletion recorded. Each other one waits, is named, and
// keeps none back; nobody writes to it.
func (c *carrying) wipeDisks() {
	changed, working := false, []string{}
	for i := range c.record.Disks {
		disk := &c.record.Disks[i]
		if disk.Done {
			continue
		}
		now := c.disks[disk.Disk]
		switch why := c.keepsFromErasing(disk, now); {
		case disk.Asked && now != nil && c.verified(disk, now):
			changed = true
		case why != "":
			c.waits(disk.Disk, why)
		case !disk.Asked || c.refused(disk, now): // what was refused is another disk by now
			askToErase(disk, now)
			changed, working = true, append(working, disk.Disk)
		default:
			working = append(working, disk.Disk)
		}
	}
	if changed {
		c.record.Final = true
		c.save("the agents are asked to erase, or have answered")
	}
	c.wipingDisks(working, changed)
}

func (c *carrying) waits(disk, why string) {
	if c.kept == nil {
		c.kept = map[string]string{}
	}
	c.kept[disk] = why
}

// askToErase seals the disk as it is now: its OSDs, or its emptiness, were looked at just before.
func askToErase(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) {
	disk.Seal = deref(now.Status.Verdict).Seal
	if request := now.Status.Request; request != nil && request.Action == v1alpha1.DiskActionPartition {
		disk.Table, disk.Slices = request.Table, request.Slices
	}
	disk.Asked = true
}

// reported is what the agent says of a disk that it is asked to erase; nil: nothing yet.
func (c *carrying) reported(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) *v1alpha1.DiskReport {
	report := now.Status.Report
	if !disk.Asked || report == nil || report.ID != EraseRequest(c.record.Erase, disk, now.Status.Node).ID {
		return nil
	}
	return report
}

// refused says that the agent refuses what it is asked.
func (c *carrying) refused(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) bool {
	report := c.reported(disk, now)
	return report != nil && report.Result == v1alpha1.DiskReportRefused
}

// verified takes the agent's word that the disk is erased. That it refuses is not its last word here: somebody may put that
// right, or give the disk up.
func (c *carrying) verified(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) bool {
	return !c.refused(disk, now) && c.answered(disk, now)
}

// keepsFromErasing says why a disk is not erased now; empty: nothing keeps it.
func (c *carrying) keepsFromErasing(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) string {
	switch {
	case c.record.Outlived(c.in.DeletionOf):
		return "the StorageCluster whose deletion was to erase it is gone, and another one may use it: delete this operation"
	case now == nil:
		return "it has no StorageDisk"
	case now.Status.Presence == v1alpha1.PresenceMissing:
		return "it is missing"
	case !c.in.Nodes[now.Status.Node] && disk.Asked:
		return "node " + now.Status.Node + " does not answer, and may have begun to erase it"
	case !c.in.Nodes[now.Status.Node]:
		return "node " + now.Status.Node + " does not answer"
	}
	if disk.Asked && (!c.refused(disk, now) || deref(now.Status.Verdict).Seal == disk.Seal) {
		return agentKeeps(c.reported(disk, now))
	}
	switch {
	case c.in.Deleting:
		return "it was not erased before this operation was deleted"
	case c.in.Wipe == nil:
		return "the StorageCluster is not being deleted with spec.deletionPolicy Wipe any more"
	}
	if why := c.unseen(now); why != "" {
		return why
	}
	return c.stranger(disk, now)
}

// agentKeeps says why the agent does not erase a disk; empty: it does, or has not answered yet.
func agentKeeps(report *v1alpha1.DiskReport) string {
	why := "it gives no reason"
	if refusal := deref(report).Refusal; refusal != nil {
		why = withRemedy(*refusal)
	}
	switch deref(report).Result {
	case v1alpha1.DiskReportRefused:
		return "the agent refuses: " + why
	case v1alpha1.DiskReportFailed:
		return "the agent fails, tries again, and may have begun to erase it: " + why
	}
	return ""
}

// stranger says why a disk is not known to be empty, or to hold the OSDs of the cluster and nothing else; empty: it is. The agent
// looks at each label and each slice before it writes.
func (c *carrying) stranger(disk *manifest.RecordedDisk, now *v1alpha1.StorageDisk) string {
	verdict, label := deref(now.Status.Verdict), deref(deref(now.Status.Content).BlueStore)
	claim := now.Status.Claim
	switch {
	case claim == nil || claim.Name != c.in.Cluster.Name || claim.Namespace != c.in.Cluster.Namespace || claim.FSID != disk.FSID:
		return "the cluster does not claim it"
	case verdict.Seal == "":
		return "discover gave no seal of it"
	case verdict.Result == v1alpha1.VerdictUsable:
		return ""
	case verdict.Result != v1alpha1.VerdictInUse && verdict.Result != v1alpha1.VerdictRejected, len(verdict.Reasons) == 0:
		return "what is on it is not known"
	}
	if at := slices.IndexFunc(verdict.Reasons, notOurs); at >= 0 {
		return "it is not just this cluster's: " + verdict.Reasons[at].Message
	}
	known := func(uuid string) bool { return strings.EqualFold(uuid, label.OSDUUID) }
	if label.FSID != "" && label.FSID != disk.FSID || label.OSDUUID != "" && !slices.ContainsFunc(disk.OSDs, known) {
		return fmt.Sprintf("it holds another OSD (uuid %s) than this cluster's", label.OSDUUID)
	}
	return ""
}

// wipingDisks says where the operation is.
func (c *carrying) wipingDisks(working []string, changed bool) {
	var waiting []string
	for i := range c.record.Disks {
		if why := c.kept[c.record.Disks[i].Disk]; why != "" {
			waiting = append(waiting, c.record.Disks[i].Disk+": "+why)
		}
	}
	switch {
	case len(working) > 0:
		c.is(stepErase, lookWaiting, "%s is erased", some(working))
	case len(waiting) > 0 && c.in.Deleting:
		c.fail("not erased: %s", some(waiting))
	case len(waiting) > 0:
		c.is(stepErase, lookWaiting, "it waits for disks; put that right, or delete this operation to give them up, which leaves them as they are: %s", some(waiting))
		c.stage.reason = v1alpha1.ReasonWaitingForDisk
	case changed:
		c.is(stepErase, lookSoon, "the disks are erased")
	default:
		c.erased()
	}
}
