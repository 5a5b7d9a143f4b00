package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// Reasons of blockers that are no reasons of conditions.
const (
	BlockerUnknownDisk    = "UnknownDisk"
	BlockerNotOfCluster   = "NotOfCluster"
	BlockerInService      = "InService"
	BlockerSeveralDomains = "SeveralDomains"
	BlockerNoReplacement  = "NoReplacement"
	BlockerNoTargets      = "NoTargets"
	BlockerTooManyDisks   = "TooManyDisks"
	BlockerNothingToDo    = "NothingToDo"
	BlockerNotSelected    = "NotSelected"
	BlockerNotSealed      = "NotSealed"
	BlockerSharedDBDisk   = "SharedDBDisk"
)

// risk finds what the plan may cost, in the order of their names.
func (c *operationComputation) risk() {
	found := map[v1alpha1.Risk]bool{}
	switch {
	case c.in.Spec.Type == v1alpha1.OperationWipe:
		c.riskOfWiping(found)
	case takesOSDs(c.in.Spec.Type):
		c.riskOfMoving(found)
	}
	for risk, is := range found {
		if is {
			c.out.Plan.Risks = append(c.out.Plan.Risks, risk)
		}
	}
	slices.Sort(c.out.Plan.Risks)
}

// riskOfWiping is that of losing what a disk holds. What is not known to be ours is somebody's.
func (c *operationComputation) riskOfWiping(found map[v1alpha1.Risk]bool) {
	for _, disk := range c.disks {
		verdict := deref(disk.Status.Verdict)
		if verdict.Result == v1alpha1.VerdictUsable {
			continue
		}
		found[v1alpha1.RiskDataLoss] = true
		if c.in.Wipe != nil {
			continue // what is not the cluster's own is not touched
		}
		label := deref(deref(disk.Status.Content).BlueStore)
		if label.FSID == "" || label.FSID != c.in.FSID || slices.ContainsFunc(verdict.Reasons, notOurs) {
			found[v1alpha1.RiskForeignData] = true
		}
	}
}

func notOurs(r v1alpha1.Refusal) bool {
	return r.Reason != v1alpha1.ReasonInUse && r.Reason != v1alpha1.ReasonOrphanOSD
}

// riskOfMoving is that of taking OSDs away. While Ceph does not answer, the risks that depend on it are those of before.
func (c *operationComputation) riskOfMoving(found map[v1alpha1.Risk]bool) {
	for _, disk := range c.disks {
		if slices.ContainsFunc(disk.Status.OSDs, func(osd v1alpha1.DiskOSD) bool { return osd.Role == v1alpha1.OSDRoleDB }) {
			found[v1alpha1.RiskSharedDB] = true
		}
	}
	if c.snapshot == nil || !c.pgsKnown() {
		for _, risk := range deref(deref(c.in.Previous).Plan).Risks {
			found[risk] = found[risk] || risk != v1alpha1.RiskSharedDB
		}
		return
	}
	found[v1alpha1.RiskRedundancyLoss] = c.lacking()
	found[v1alpha1.RiskDataLoss] = c.lacking() && slices.ContainsFunc(c.snapshot.Pools, func(p ceph.Pool) bool { return p.Size == 1 })
	full := c.snapshot.OSDMap.BackfillFull
	found[v1alpha1.RiskNoRoomToHeal] = full > 0 && c.healRatio() > full
}

func (c *operationComputation) refuse(reason, remedy, format string, args ...any) {
	if !slices.ContainsFunc(c.out.Plan.Blockers, func(b v1alpha1.Refusal) bool { return b.Reason == reason }) {
		c.out.Plan.Blockers = append(c.out.Plan.Blockers, v1alpha1.Refusal{
			Reason: reason, Message: cut(fmt.Sprintf(format, args...)), Remedy: cut(remedy),
		})
	}
}

// block finds what stands in the way. When nothing does, it may be that this release does not carry it out.
func (c *operationComputation) block() {
	c.blockTargets()
	for _, disk := range c.disks {
		if c.in.Wipe != nil {
			break // a disk that cannot be erased now waits alone
		}
		c.blockDisk(disk)
		c.blockErasure(disk)
	}
	c.blockPlaces()
	switch {
	case !takesOSDs(c.in.Spec.Type):
	case c.snapshot == nil || !c.pgsKnown():
		c.refuse(v1alpha1.ReasonStaleData, "wait until Ceph answers: kubectl get storageclusters",
			"what is known of Ceph is not fresh, and nothing is decided on old data")
	default:
		c.blockStrangers()
		c.blockSeveral()
		if c.replacesDead() {
			c.blockLast()
			return
		}
		c.blockUnclean()
		c.blockFew()
		c.blockRoom()
	}
}

func (c *operationComputation) blockTargets() {
	if !c.in.Found {
		c.refuse(v1alpha1.ReasonWaitingForCluster, "create it, or cancel this operation", "there is no StorageCluster %s", c.in.Cluster)
	}
	if len(c.unknown) > 0 {
		c.refuse(BlockerUnknownDisk, "kubectl get storagedisks", "there is no StorageDisk %s", some(c.unknown))
	}
	if c.in.Spec.Node != "" && len(c.disks) == 0 {
		c.refuse(BlockerNoTargets, "kubectl get storagedisks -o wide", "node %s has no disk with an OSD of cluster %s", c.in.Spec.Node, c.in.Cluster)
	}
	if len(c.disks) > maxTargets {
		c.refuse(BlockerTooManyDisks, "name the disks in several operations",
			"node %s has %d disks with OSDs, and an operation acts on %d at most", c.in.Spec.Node, len(c.disks), maxTargets)
	}
	if len(c.out.Plan.Steps) == 0 {
		c.refuse(BlockerNothingToDo, "create another with erase: Signatures or Full", "spec.erase is None, and there is nothing else to do")
	}
}

// busy are the reasons of a verdict that no wiping goes with: somebody has the disk open, or it cannot be written.
func busy(r v1alpha1.Refusal) bool {
	return slices.Contains([]string{
		v1alpha1.ReasonMounted, v1alpha1.ReasonSwap, v1alpha1.ReasonHolder, v1alpha1.ReasonReadOnly, v1alpha1.ReasonSeveralNodes,
	}, r.Reason)
}

func (c *operationComputation) blockDisk(disk *v1alpha1.StorageDisk) {
	verdict, entry := deref(disk.Status.Verdict), deref(disk.Status.Plan)
	takes, kind := takesOSDs(c.in.Spec.Type), c.in.Spec.Type
	busyAt := slices.IndexFunc(verdict.Reasons, busy)
	switch {
	case takes && !c.claimed(disk), disk.Status.Claim != nil && !c.claimed(disk):
		c.refuse(BlockerNotOfCluster, "name disks of the cluster: kubectl get storagedisks -o wide",
			"disk %s is not of cluster %s", disk.Name, c.in.Cluster)
	case takes && len(disk.Status.OSDs) == 0:
		c.refuse(BlockerNoTargets, "kubectl seamount why disk/"+disk.Name, "disk %s has no OSD", disk.Name)
	case !takes && len(disk.Status.OSDs) > 0:
		c.refuse(BlockerInService, "create a StorageOperation of type Remove", "disk %s belongs to OSDs of cluster %s", disk.Name, c.in.Cluster)
	case !takes && disk.Status.Presence == v1alpha1.PresenceMissing:
		c.refuse(v1alpha1.ReasonDiskMissing, "put it in, or cancel this operation", "disk %s is missing", disk.Name)
	case kind == v1alpha1.OperationWipe && busyAt >= 0:
		c.refuse(verdict.Reasons[busyAt].Reason, cmp.Or(verdict.Reasons[busyAt].Remedy, "let go of the disk"),
			"disk %s: %s", disk.Name, verdict.Reasons[busyAt].Message)
	case kind == v1alpha1.OperationAdd && entry.Action != v1alpha1.PlanAdd && entry.Action != v1alpha1.PlanProvide:
		c.refuse(BlockerNotSelected, "kubectl seamount why disk/"+disk.Name, "no rule takes disk %s now: %s", disk.Name,
			cmp.Or(entry.Message, entry.Reason, "it is not planned for"))
	}
}

// blockStrangers refuses an OSD that Ceph knows under another uuid than the disk has: its number was given to another.
func (c *operationComputation) blockStrangers() {
	for _, disk := range c.disks {
		for _, osd := range disk.Status.OSDs {
			known := c.tree.osds[osd.ID]
			if known != nil && !Destroyed(known) && known.UUID != osd.UUID { // of one that is destroyed only the id is left
				c.refuse(v1alpha1.ReasonDeviceChanged, "kubectl seamount why disk/"+disk.Name,
					"disk %s is for osd.%d with uuid %s, and Ceph's osd.%d is another, %s", disk.Name, osd.ID, osd.UUID, osd.ID, known.UUID)
			}
		}
	}
}

func (c *operationComputation) blockUnclean() {
	if state := c.unclean(); state != "" {
		c.refuse(v1alpha1.ReasonDataNotClean, "wait until all PGs are active+clean: ceph pg stat",
			"there are PGs that are %s, and data that is not whole is not moved", state)
	}
}

// blockSeveral keeps the targets within one failure domain of each pool. To empty OSDs is harmless in several.
func (c *operationComputation) blockSeveral() {
	for i := range c.snapshot.Pools {
		pool := &c.snapshot.Pools[i]
		rule := ruleByID(c.snapshot.CRUSH.Rules, pool.RuleID)
		targets := map[string]bool{}
		for id := range c.osds {
			targets[c.tree.domain(int(id), rule.FailureDomain)] = true
		}
		several := len(targets) > 1 && (rule.FailureDomain != "osd" || len(c.disks) > 1)
		if several && c.in.Spec.Type != v1alpha1.OperationDrain {
			c.refuse(BlockerSeveralDomains, "create an operation for each of them, one after the other",
				"the disks are in %d failure domains (%s) of pool %s: %s", len(targets), rule.FailureDomain, pool.Name, some(sortedStrings(targets)))
		}
	}
}

// blockFew keeps enough failure domains for the copies of each pool.
func (c *operationComputation) blockFew() {
	for i := range c.snapshot.Pools {
		pool := &c.snapshot.Pools[i]
		rule, left := ruleByID(c.snapshot.CRUSH.Rules, pool.RuleID), map[string]bool{}
		for _, osd := range c.receivers(rule.DeviceClass) {
			left[c.tree.domain(osd.ID, rule.FailureDomain)] = true
		}
		if len(left) < pool.Size {
			c.refuse(v1alpha1.ReasonTooFewDomains, "add disks elsewhere first",
				"pool %s keeps %d copies or chunks in as many failure domains (%s), and %d would be left", pool.Name, pool.Size, rule.FailureDomain, len(left))
		}
	}
}

func (c *operationComputation) blockRoom() {
	id, ratio := c.fullest(true)
	if full := c.snapshot.OSDMap.BackfillFull; id >= 0 && full > 0 && ratio > full {
		class := c.tree.osds[int32(id)].DeviceClass
		c.refuse(v1alpha1.ReasonNoRoom, "add disks of class "+cmp.Or(class, "any")+" first",
			"osd.%d would reach %s, backfillfull is %s", id, percentText(ratio), percentText(full))
	}
}
