package plan

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func (p *diskPlanner) result() DisksPlan {
	byName := make(map[string]*draft, len(p.drafts))
	for _, d := range p.drafts {
		byName[d.disk.Name] = d
	}
	plan := DisksPlan{Disks: make([]DiskEntry, 0, len(p.drafts))}
	mine := map[ClusterKey][]*draft{}
	for _, d := range p.drafts {
		if d.owner != nil {
			p.describe(d, byName)
			mine[d.owner.Key] = append(mine[d.owner.Key], d)
		}
		plan.Disks = append(plan.Disks, p.entry(d))
	}
	entries := map[string]*DiskEntry{}
	for i := range plan.Disks {
		entries[plan.Disks[i].Disk] = &plan.Disks[i]
	}
	for _, c := range p.clusters {
		plan.Clusters = append(plan.Clusters, c.sums(mine[c.Key], entries, len(p.drafts)))
	}
	slices.SortFunc(plan.Clusters, func(a, b ClusterDisks) int { return a.Key.compare(b.Key) })
	return plan
}

func (p *diskPlanner) entry(d *draft) DiskEntry {
	entry := DiskEntry{
		Disk: d.disk.Name, Node: d.disk.Status.Node, Claim: p.claim(d), OSDs: d.osds, Serving: d.serving(), Fresh: d.fresh(),
		Whole: partOf(d.disk, 0, 1, sizeOf(d.disk)),
	}
	if d.owner != nil {
		plan := d.plan
		entry.Cluster, entry.Plan = d.owner.Key, &plan
		entry.Claimed = entry.Claim != nil && d.owner.claims(d.disk.Status.Claim)
		entry.Request, entry.Lost = d.request(), d.lostParts()
		entry.Failed, entry.FailedSince = d.failed()
	} else if request := d.disk.Status.Request; request != nil && entry.Claim != nil && request.Action == v1alpha1.DiskActionPartition {
		entry.Request = request // the cluster may come back, and with it those who know what the slices are for
	}
	if entry.Request == nil {
		entry.Request = p.directoryRequest(d.disk)
	}
	entry.State, entry.InService = d.service()
	return entry
}

// fresh says whether what discover wrote of the disk may be believed.
func (d *draft) fresh() Condition {
	switch {
	case d.disk.Status.Node == "":
		return Condition{metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, "no node has reported this disk yet"}
	case d.node == nil:
		return Condition{metav1.ConditionFalse, v1alpha1.ReasonNodeGone, "node " + d.disk.Status.Node + " is gone from Kubernetes"}
	case d.node.Discover == DiscoverReporting:
		return Condition{metav1.ConditionTrue, v1alpha1.ReasonNodeReporting, "discover on node " + d.node.Name + " reports"}
	case d.node.Discover == DiscoverSilent:
		return Condition{metav1.ConditionFalse, v1alpha1.ReasonDiscoverSilent, "discover on node " + d.node.Name + " is silent"}
	}
	return Condition{metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, "discover on node " + d.node.Name + " was not seen yet"}
}

// missing says that the disk is not where it was.
func (d *draft) missing() bool {
	return d.disk.Status.Presence == v1alpha1.PresenceMissing || d.node == nil && d.disk.Status.Node != ""
}

// service derives the disk's state in one word and its condition InService.
func (d *draft) service() (v1alpha1.DiskState, Condition) {
	no := func(state v1alpha1.DiskState, reason, message string) (v1alpha1.DiskState, Condition) {
		return state, Condition{metav1.ConditionFalse, reason, message}
	}
	switch {
	case d.missing() && (d.operation == nil || d.freed):
		return no(v1alpha1.DiskMissing, v1alpha1.ReasonMissing, "node "+d.disk.Status.Node+" does not see this disk"+d.affected())
	case d.owned && d.operation != nil:
		return d.operationService()
	case d.owned:
		return d.ownedService()
	case d.owner == nil:
		return no(d.verdictState(), v1alpha1.ReasonAvailable, "no StorageCluster asks for this disk")
	}
	switch d.plan.Action {
	case v1alpha1.PlanAdd, v1alpha1.PlanProvide:
		reason := v1alpha1.ReasonPlanned
		if d.plan.Reason == v1alpha1.PlanReasonAwaitingApproval {
			reason = v1alpha1.ReasonAwaitingApproval
		}
		return no(v1alpha1.DiskPlanned, reason, d.plan.Message)
	case v1alpha1.PlanWait:
		return no(d.verdictState(), v1alpha1.ReasonPlanned, "waits: "+d.plan.Message)
	}
	switch state := d.verdictState(); {
	case d.plan.Reason == v1alpha1.PlanReasonNoRuleMatches:
		return no(state, v1alpha1.ReasonAvailable, d.plan.Message)
	case state == v1alpha1.DiskUsable:
		return no(v1alpha1.DiskExcluded, v1alpha1.ReasonExcluded, d.plan.Message)
	default:
		return no(state, v1alpha1.ReasonExcluded, d.plan.Message)
	}
}

// verdictState is the state of a disk that serves nobody.
func (d *draft) verdictState() v1alpha1.DiskState {
	switch deref(d.disk.Status.Verdict).Result {
	case v1alpha1.VerdictUsable:
		return v1alpha1.DiskUsable
	case v1alpha1.VerdictRejected:
		return v1alpha1.DiskRejected
	case v1alpha1.VerdictInUse:
		return v1alpha1.DiskExcluded
	}
	return v1alpha1.DiskUnknown
}

func (d *draft) affected() string {
	if !d.owned {
		return ""
	}
	return ", which " + d.names() + " needs"
}

func (d *draft) ownedService() (v1alpha1.DiskState, Condition) {
	if refusal := d.refusal(); refusal != nil && !d.up() {
		reason := v1alpha1.ReasonPrepareFailed
		if refusal.Reason == handover.ReasonDiskChanged {
			reason = v1alpha1.ReasonDeviceChanged
		}
		return v1alpha1.DiskFailed, Condition{metav1.ConditionFalse, reason, cut(withRemedy(*refusal))}
	}
	switch {
	case !d.made:
		message := d.plan.Message
		if d.unanswered() {
			message += "; the agent on node " + d.disk.Status.Node + " is asked to cut the disk into slices, and has not answered yet"
		}
		return v1alpha1.DiskPreparing, Condition{metav1.ConditionFalse, v1alpha1.ReasonPreparing, cut(message)}
	case !d.owner.OSDsKnown:
		return v1alpha1.DiskUnknown, Condition{metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, "Ceph was not asked yet"}
	case d.providesDBs():
		return v1alpha1.DiskInService, Condition{metav1.ConditionTrue, v1alpha1.ReasonProvidesDB, d.plan.Message}
	case d.up() && d.emptied():
		return v1alpha1.DiskDrained, Condition{metav1.ConditionFalse, v1alpha1.ReasonDrained,
			d.names() + " is up, out, and holds nothing that is needed; to use it again: ceph osd in"}
	case !d.up():
		return v1alpha1.DiskDown, Condition{metav1.ConditionFalse, v1alpha1.ReasonOSDDown, d.names() + " is not up"}
	}
	return v1alpha1.DiskInService, Condition{metav1.ConditionTrue, v1alpha1.ReasonOSDUp, d.plan.Message}
}

// emptied says that every OSD on the disk is out, and holds no PG.
func (d *draft) emptied() bool {
	for _, osd := range d.serving() {
		if state := d.owner.osds[osd.UUID]; state.In || state.PGs > 0 {
			return false
		}
	}
	return true
}

// up says that every OSD on the disk is up.
func (d *draft) up() bool {
	for _, osd := range d.serving() {
		if !d.owner.osds[osd.UUID].Up {
			return false
		}
	}
	return true
}

// refusal returns why the agent did not cut the disk, or else what the program of an OSD on the disk said when it refused
// to start; nil: neither did.
func (d *draft) refusal() *v1alpha1.Refusal {
	if refusal := d.agentRefusal(); refusal != nil {
		return refusal
	}
	for _, r := range d.data {
		if deployed := d.owner.deployed[osdName(r.ID)]; deployed != nil && deployed.Refusal != nil {
			return deployed.Refusal
		}
	}
	return nil
}

// Status returns the operator's part of the disk's object. Times of transitions are kept from what the object has.
func (e DiskEntry) Status(disk *v1alpha1.StorageDisk, now metav1.Time) DiskStatus {
	status := v1alpha1.StorageDiskStatus{
		ObservedGeneration: disk.Generation, Claim: e.Claim, OSDs: e.Serving, Plan: e.Plan, State: e.State,
		Request: e.Request,
		Summary: &v1alpha1.DiskSummary{OSDs: e.ids(), Reason: e.reason(disk)},
	}
	if size := sizeOf(disk); size > 0 {
		status.Summary.Size = decimalSize(size)
	}
	status.Conditions = transitions(disk.Status.Conditions, disk.Generation, now, []typedCondition{
		{v1alpha1.ConditionFresh, e.Fresh}, {v1alpha1.ConditionInService, e.InService},
	})
	return DiskStatus{Status: status, Labels: e.labels(), Finalizer: len(e.Serving) > 0}
}

// DiskStatus is the operator's part of a StorageDisk.
type DiskStatus struct {
	// Status holds the fields that the operator owns, and its conditions (Fresh, InService).
	Status v1alpha1.StorageDiskStatus
	// Labels that the operator owns: LabelCluster and those of OSDLabel.
	Labels map[string]string
	// Finalizer says that the object must stay (v1alpha1.FinalizerOSD).
	Finalizer bool
}

func (e DiskEntry) labels() map[string]string {
	labels := map[string]string{}
	if e.Claim != nil {
		labels[v1alpha1.LabelCluster] = v1alpha1.ClusterLabelValue(e.Claim.Namespace, e.Claim.Name)
	}
	for _, osd := range e.Serving {
		value := v1alpha1.OSDLabelData
		if osd.Role == v1alpha1.OSDRoleDB {
			value = v1alpha1.OSDLabelDB
		}
		labels[v1alpha1.OSDLabel(osd.ID)] = value
	}
	return labels
}

func (e DiskEntry) ids() string {
	ids := make([]int32, 0, len(e.Serving))
	for _, osd := range e.Serving {
		ids = append(ids, osd.ID)
	}
	slices.SortFunc(ids, cmp.Compare[int32])
	return joinNumbers(slices.Compact(ids))
}

// reason is the verdict's where that stands in the way, else the plan's.
func (e DiskEntry) reason(disk *v1alpha1.StorageDisk) string {
	verdict := deref(disk.Status.Verdict)
	if verdict.Result == v1alpha1.VerdictRejected || verdict.Result == v1alpha1.VerdictUnknown {
		if len(verdict.Reasons) > 0 && len(e.Serving) == 0 {
			return verdict.Reasons[0].Reason
		}
	}
	return deref(e.Plan).Reason
}
