package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// begin decides whether an operation that has not begun does so now.
func begin(in CarryObserved) Carried {
	draft := ComputeOperation(in.OperationObserved)
	b := beginning{in: in, draft: draft}
	b.approved, b.byPolicy = b.approval()
	if b.approved.Status != "True" {
		b.approved.Message = cut(b.whyMade() + b.approved.Message)
	}
	wait := b.decide()
	carried := Carried{Status: operationPlanned(in.OperationObserved, draft)}
	b.describe(&carried.Status, wait)
	switch {
	case wait.state == v1alpha1.OperationRunning:
		do := BeginOperation{b.record()}
		carried.Steps, carried.After = []Step{{ID: stepID(do), Reason: "plan " + draft.Plan.ID + " is approved: " + b.approved.Message, Do: do}}, lookSoon
	case b.approved.Status == "True" && !wait.done:
		carried.After = lookWaiting
	case in.Made && in.Approvals.Approve(in.Spec.Type) && !wait.done:
		carried.After = lookPolicy
	}
	return carried
}

// beginning is an operation that has not begun.
type beginning struct {
	in       CarryObserved
	draft    OperationDraft
	approved Condition
	byPolicy bool
}

// decide says where the operation stands.
func (b *beginning) decide() stage {
	plan := b.draft.Plan
	reason, text := b.waits()
	switch {
	case b.in.Spec.Intent == v1alpha1.IntentCancel || b.in.Deleting:
		return stage{state: v1alpha1.OperationCancelled, reason: v1alpha1.ReasonCancelled, message: "cancelled before any step was taken", done: true}
	case b.needless() != "":
		return stage{state: v1alpha1.OperationSuperseded, reason: v1alpha1.ReasonSuperseded, message: b.needless(), done: true}
	case len(plan.Blockers) > 0 && b.in.Spec.Intent == v1alpha1.IntentHold:
		return stage{state: v1alpha1.OperationRefused, reason: v1alpha1.ReasonHeld, message: "spec.intent is Hold; and " + withRemedy(plan.Blockers[0])}
	case len(plan.Blockers) > 0:
		return stage{state: v1alpha1.OperationRefused, reason: v1alpha1.ReasonHeld, message: withRemedy(plan.Blockers[0])}
	case b.approved.Status != "True":
		return stage{state: v1alpha1.OperationAwaitingApproval, reason: v1alpha1.ReasonHeld, message: b.approved.Message}
	case b.in.Spec.Intent == v1alpha1.IntentHold:
		return stage{state: v1alpha1.OperationHeld, reason: v1alpha1.ReasonHeld, message: "spec.intent is Hold: it does not begin"}
	case b.in.Paused:
		return stage{state: v1alpha1.OperationHeld, reason: v1alpha1.ReasonHeld, message: "spec.pause of the cluster is All: it does not begin"}
	case text != "":
		return stage{state: v1alpha1.OperationHeld, reason: reason, message: text}
	case b.in.Unsafe != nil:
		return stage{state: v1alpha1.OperationHeld, reason: v1alpha1.ReasonHeld, message: "it does not begin: " + withRemedy(*b.in.Unsafe)}
	}
	if b.in.Trouble != nil {
		return stage{state: v1alpha1.OperationHeld, reason: b.in.Trouble.Reason, message: troubleText(*b.in.Trouble)}
	}
	return stage{state: v1alpha1.OperationRunning, reason: v1alpha1.ReasonRunning, message: "it begins"}
}

// approval says whether the plan is approved, by whom, and whether that is the policy of the cluster. A policy accepts no
// risk.
func (b *beginning) approval() (Condition, bool) {
	plan, policy := b.draft.Plan, b.in.Approvals
	byUser := operationApproved(b.in.Spec, plan)
	disks := int32(len(b.draft.Targets))
	field, mode := policy.of(b.in.Spec.Type)
	switch {
	case b.in.Wipe != nil:
		return b.approvalOfDeletion()
	case byUser.Status == "True" || mode != v1alpha1.ApprovalAutomatic || !b.failed():
		return byUser, false
	case b.doubtful() != "":
		return isFalse(v1alpha1.ReasonAwaitingApproval, "spec.approvals.%s of the cluster is Automatic, and %s: a person has to approve plan %s",
			field, b.doubtful(), plan.ID), false
	case len(plan.Risks) > 0:
		return isFalse(v1alpha1.ReasonAwaitingApproval, "spec.approvals.%s of the cluster is Automatic, which accepts no risk: "+
			"a person has to approve plan %s", field, plan.ID), false
	case b.in.Automatic+disks > policy.MaxAutomaticPerDay:
		return isFalse(v1alpha1.ReasonAwaitingApproval, "spec.approvals.maxAutomaticPerDay of the cluster is %d, and %s were approved within a day: "+
			"a person has to approve plan %s", policy.MaxAutomaticPerDay, count(b.in.Automatic, "disk"), plan.ID), false
	}
	return isTrue(v1alpha1.ReasonByPolicy, "spec.approvals.%s of the cluster approved plan %s", field, plan.ID), true
}

// failed says that each OSD of a Replace is down and out: the policy is about disks that failed, and not about others. Any
// other operation it concerns as it is.
func (b *beginning) failed() bool {
	if b.in.Spec.Type != v1alpha1.OperationReplace {
		return true
	}
	c := newOperationComputation(b.in.OperationObserved)
	c.target()
	if c.snapshot == nil {
		return false
	}
	c.tree = newCRUSHTree(c.snapshot)
	for id := range c.osds {
		if osd := c.tree.osds[id]; osd != nil && (osd.Up || osd.In) {
			return false
		}
	}
	return true
}

// Approve says that the policy approves operations of a type, within its limits.
func (a Approvals) Approve(t v1alpha1.OperationType) bool {
	_, mode := a.of(t)
	return mode == v1alpha1.ApprovalAutomatic
}

// of returns the policy for a type of operations, and the field that says it. Disks are added by a policy without an operation.
func (a Approvals) of(t v1alpha1.OperationType) (field string, mode v1alpha1.ApprovalMode) {
	switch t {
	case v1alpha1.OperationAdd:
		return "newDisks", v1alpha1.ApprovalManual
	case v1alpha1.OperationReplace:
		return "failedDisks", a.FailedDisks
	}
	return "removals", a.Removals
}

// waits returns what the operation does not begin beside; empty: nothing.
func (b *beginning) waits() (reason, text string) {
	if b.in.Busy != "" {
		return v1alpha1.ReasonWaitingForCluster, "it waits: " + b.in.Busy
	}
	if b.in.Wipe != nil {
		return v1alpha1.ReasonWaitingForCluster, b.daemonsLeft()
	}
	if !takesOSDs(b.in.Spec.Type) {
		return "", ""
	}
	c := newOperationComputation(b.in.OperationObserved)
	c.target()
	if c.snapshot == nil {
		return "", ""
	}
	c.tree = newCRUSHTree(c.snapshot)
	for i := range b.in.Others {
		other := &b.in.Others[i]
		if !takesOSDs(other.Type) || len(other.OSDs) == 0 || other.Cleared() { // one that waits for a disk keeps nobody back
			continue
		}
		if domain := c.apart(other.OSDs); domain != "" {
			return v1alpha1.ReasonWaitingForOperation, fmt.Sprintf(
				"it waits until operation %s has ended, which works on %s in another failure domain (%s)",
				other.Operation, osdNamesOf(other.OSDs), domain)
		}
	}
	return "", ""
}

func osdNamesOf(osds []manifest.RecordedOSD) string {
	names := make([]string, 0, len(osds))
	for _, osd := range osds {
		names = append(names, osdName(osd.ID))
	}
	return some(names)
}

// apart returns the type of the failure domain in which other OSDs are not with those of the operation; empty: they are
// together in one of every pool. Without a pool it is the host that counts.
func (c *operationComputation) apart(others []manifest.RecordedOSD) string {
	types := map[string]bool{hostType: true}
	if len(c.snapshot.Pools) > 0 {
		types = map[string]bool{}
	}
	for i := range c.snapshot.Pools {
		types[ruleByID(c.snapshot.CRUSH.Rules, c.snapshot.Pools[i].RuleID).FailureDomain] = true
	}
	for _, bucketType := range sortedStrings(types) {
		domains := map[string]bool{}
		for id := range c.osds {
			domains[c.tree.domain(int(id), bucketType)] = true
		}
		for _, other := range others {
			domains[c.tree.domain(int(other.ID), bucketType)] = true
		}
		if len(domains) > 1 {
			return bucketType
		}
	}
	return ""
}

// describe puts what was decided into the status.
func (b *beginning) describe(status *v1alpha1.StorageOperationStatus, at stage) {
	status.State = at.state
	complete := isFalse(at.reason, "%s", at.message)
	for i := range status.Targets {
		if b.in.Trouble != nil && at.reason == b.in.Trouble.Reason {
			status.Targets[i].Message = at.message
		}
	}
	if at.done {
		complete = isTrue(at.reason, "%s", at.message)
	}
	safe := operationSafe(b.draft.Plan)
	if unsafe := b.in.Unsafe; unsafe != nil {
		safe = isFalse(unsafe.Reason, "%s", withRemedy(*unsafe))
	}
	status.Conditions = operationConditions(b.in, b.approved, safe, complete, isFalse(v1alpha1.ReasonNotFailed, "no step was taken"))
}

// record is what is stored when the operation begins.
func (b *beginning) record() manifest.OperationRecord {
	c := newOperationComputation(b.in.OperationObserved)
	c.target()
	record := manifest.OperationRecord{
		Operation: b.in.Name, UID: b.in.UID, Type: b.in.Spec.Type, Erase: eraseOf(b.in.Spec), Plan: b.draft.Plan, Targets: b.draft.Targets,
		Approval: b.approved.Message, ByPolicy: b.byPolicy, Started: b.in.Now,
	}
	record.Plan.Blockers = nil
	if takesOSDs(record.Type) {
		c.tree = newCRUSHTree(c.snapshot)
		record.OSDs, record.StartPGs, record.StartBytes = c.recordOSDs(b.in.Reservations)
	}
	if b.in.Wipe != nil {
		record.Deletion, record.DeletionOf, record.Disks = true, b.in.DeletionOf, c.recordWiped()
		return record
	}
	for _, p := range c.places {
		record.Places = append(record.Places, p.RecordedPlace)
	}
	if record.Erase != v1alpha1.EraseNone && erases(record.Type) {
		for _, disk := range c.disks {
			record.Disks = append(record.Disks, recordDisk(disk, c.in.FSID, b.in.Reservations))
		}
	}
	return record
}

// erases says that operations of a type erase the disks that they are about.
func erases(t v1alpha1.OperationType) bool {
	return t == v1alpha1.OperationRemove || t == v1alpha1.OperationReplace || t == v1alpha1.OperationWipe
}

func eraseOf(spec v1alpha1.StorageOperationSpec) v1alpha1.EraseMode {
	if spec.Erase == "" {
		return v1alpha1.EraseSignatures
	}
	return spec.Erase
}

// recordOSDs lists the OSDs of the targets, with how many PGs and bytes are to leave them.
func (c *operationComputation) recordOSDs(reserved []Reservation) (osds []manifest.RecordedOSD, pgs int32, bytes int64) {
	uuids := map[int32]string{}
	for _, disk := range c.disks {
		for _, osd := range disk.Status.OSDs {
			uuids[osd.ID] = osd.UUID
		}
	}
	for _, id := range slices.Sorted(maps.Keys(uuids)) {
		known := c.tree.osds[id]
		osds = append(osds, manifest.RecordedOSD{
			ID: id, UUID: uuids[id], WasIn: known != nil && known.In, Dead: known == nil || !known.Up,
			Before: supersededBy(id, uuids[id], known, reserved),
		})
	}
	pgs, bytes = c.left()
	return osds, pgs, bytes
}

// supersededBy lists the uuids of OSDs whose labels an OSD that never ran need not have overwritten in the slice for its DB.
func supersededBy(id int32, uuid string, known *ceph.OSD, reserved []Reservation) []string {
	at := slices.IndexFunc(reserved, func(r Reservation) bool { return r.ID == id && strings.EqualFold(r.UUID, uuid) })
	if at < 0 || !NeverRan(known, uuid) {
		return nil
	}
	return reserved[at].DB.superseded()
}

// left returns how many PGs are on the OSDs, and how many bytes of them.
func (c *operationComputation) left() (pgs int32, bytes int64) {
	seen := map[string]bool{}
	for id := range c.osds {
		for _, pg := range c.in.PGs[id] {
			seen[pg.ID] = true
		}
	}
	for _, moving := range c.moving() {
		bytes += moving
	}
	return int32(len(seen)), bytes //nolint:gosec // PGs are far below 2^31
}

// recordDisk is what may be erased of a disk: its OSDs, and the slices that its agent was asked to cut.
func recordDisk(disk *v1alpha1.StorageDisk, fsid string, reserved []Reservation) manifest.RecordedDisk {
	record := manifest.RecordedDisk{Disk: disk.Name, Seal: deref(disk.Status.Verdict).Seal, FSID: fsid}
	add := func(uuid string) {
		if !slices.Contains(record.OSDs, uuid) {
			record.OSDs = append(record.OSDs, uuid)
		}
	}
	for _, osd := range disk.Status.OSDs {
		add(osd.UUID)
	}
	for _, osd := range freedOSDs(disk) {
		add(osd.UUID)
	}
	if len(record.OSDs) > 0 {
		for _, uuid := range superseded(disk.Name, reserved) {
			add(uuid)
		}
	}
	if label := deref(disk.Status.Content).BlueStore; label != nil && len(record.OSDs) == 0 && label.OSDUUID != "" {
		record.OSDs, record.FSID = []string{label.OSDUUID}, cmp.Or(label.FSID, fsid) // of nobody any more: it was approved to go
	}
	if request := disk.Status.Request; request != nil && request.Action == v1alpha1.DiskActionPartition && len(record.OSDs) > 0 {
		record.Table, record.Slices = request.Table, request.Slices
	}
	return record
}

// superseded lists the uuids of OSDs that were destroyed and whose slices of a disk others have by now: their labels are there until
// they are overwritten.
func superseded(disk string, reserved []Reservation) (uuids []string) {
	for _, r := range reserved {
		if r.DB != nil && r.DB.Disk == disk {
			uuids = append(uuids, r.DB.superseded()...)
		}
	}
	return uuids
}

// ApprovedByPolicy says that an operation has begun because the policy of its cluster approved it.
func ApprovedByPolicy(status *v1alpha1.StorageOperationStatus) bool {
	approved := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionApproved)
	return status.StartTime != nil && approved != nil && approved.Reason == v1alpha1.ReasonByPolicy
}

// AskedOSDs lists the OSDs that Ceph is asked about for an operation: whose PGs are to be listed, and which of those that are
// to be taken away may be destroyed.
func AskedOSDs(in CarryObserved) (listed, destroyed []int32) {
	c := newOperationComputation(in.OperationObserved)
	if in.Record == nil || c.snapshot == nil {
		return OperationOSDs(in.OperationObserved), nil
	}
	c.tree = newCRUSHTree(c.snapshot)
	for _, osd := range in.Record.OSDs {
		known := c.tree.osds[osd.ID]
		if known == nil || osd.Gone {
			continue
		}
		destroyed = append(destroyed, osd.ID)
		if known.Up {
			listed = append(listed, osd.ID)
		}
	}
	return listed, destroyed
}
