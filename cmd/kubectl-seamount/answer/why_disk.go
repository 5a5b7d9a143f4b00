package answer

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// disk links a disk: its node where that is what is missing, else what the disk says of itself, the daemons on it, and the
// operations that act on it.
func (w *walker) disk(depth int, d *v1alpha1.StorageDisk) {
	o := objectOfDisk(d)
	if !w.first(depth, o) {
		return
	}
	service := deref(meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionInService))
	serves := service.Status == metav1.ConditionTrue
	w.diskItself(depth, d, service)
	if n := w.s.node(d.Status.Node); n != nil && !serves && !nodeReady(n) {
		w.node(depth+1, n)
	} else {
		w.stale(depth+1, d)
		if !serves {
			w.verdict(depth+1, d)
			w.planned(depth+1, d)
			w.osds(depth+1, d)
		}
	}
	for _, op := range operationsOn(w.s, d.Name) {
		w.operation(depth+1, op)
	}
}

// diskItself links a disk with the heaviest of what is said of it.
func (w *walker) diskItself(depth int, d *v1alpha1.StorageDisk, service metav1.Condition) {
	said := service
	healthy := find(d.Status.Conditions, failing)
	if healthy != nil {
		said = *healthy
		if len(d.Status.OSDs) > 0 {
			said.Message += ", and " + needs(d) + " needs it"
		}
		if len(d.Status.OSDs) > 0 && len(operationsOn(w.s, d.Name)) == 0 {
			w.todo(replaceDisk + ": " + d.Name)
		}
	}
	state := stateOf(service.Status == metav1.ConditionTrue && healthy == nil)
	reason := orElse(said.Reason, string(d.Status.State), v1alpha1.ReasonNotObserved)
	w.link(depth, objectOfDisk(d), state, reason, joinWords("; ", place(d), said.Message))
}

// stale links that what is known of a disk is old.
func (w *walker) stale(depth int, d *v1alpha1.StorageDisk) {
	fresh := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionFresh)
	if fresh == nil || fresh.Status == metav1.ConditionTrue {
		return
	}
	w.condition(depth, Finding{objectOfDisk(d), fresh.Type, string(fresh.Status), fresh.Reason, fresh.Message})
	w.unready(depth+1, w.s.component("discover", d.Status.Node))
}

// verdict links every reason why a disk may not be used.
func (w *walker) verdict(depth int, d *v1alpha1.StorageDisk) {
	v := deref(d.Status.Verdict)
	if v.Result != v1alpha1.VerdictRejected && v.Result != v1alpha1.VerdictUnknown || len(d.Status.OSDs) > 0 {
		return
	}
	for _, r := range v.Reasons {
		w.condition(depth, Finding{objectOfDisk(d), v1alpha1.ConditionUsable, string(metav1.ConditionFalse), r.Reason, r.Message})
		w.todo(r.Remedy)
	}
}

// planned links the person or the cluster that a disk's plan waits for.
func (w *walker) planned(depth int, d *v1alpha1.StorageDisk) {
	plan := deref(d.Status.Plan)
	for i := range w.s.Clusters {
		c := &w.s.Clusters[i]
		mine := d.Status.Claim == nil || d.Status.Claim.Name == c.Name && d.Status.Claim.Namespace == c.Namespace
		switch {
		case !mine:
		case plan.Reason == v1alpha1.PlanReasonPaused:
			w.paused(depth, c)
		case plan.Reason == v1alpha1.PlanReasonAwaitingApproval && deref(c.Spec.Approvals).NewDisks == v1alpha1.ApprovalManual:
			w.newDisks(depth, c, d.Name)
		}
	}
	if plan.Reason == v1alpha1.PlanReasonExcludedByDisk {
		w.todo(fmt.Sprintf(`kubectl patch storagedisk %s --type merge -p '{"spec":{"use":"Allowed"}}'`, d.Name))
	}
}

// newDisks links the policy that holds new disks, where no operation stands for it.
func (w *walker) newDisks(depth int, c *v1alpha1.StorageCluster, disk string) {
	if len(operationsOn(w.s, disk)) > 0 {
		return
	}
	w.link(depth, objectOfCluster(c), Waiting, v1alpha1.ReasonAwaitingApproval, "spec.approvals.newDisks is Manual")
	do, _ := remedy(objectOfCluster(c), v1alpha1.ReasonAwaitingApproval)
	w.todo(do)
}

// osds links the daemons of the OSDs that have their data on a disk.
func (w *walker) osds(depth int, d *v1alpha1.StorageDisk) {
	claim := d.Status.Claim
	if claim == nil {
		return
	}
	c := w.s.cluster(claim.Namespace, claim.Name)
	if c == nil {
		w.missing(depth, Object{v1alpha1.KindStorageCluster, claim.Namespace, claim.Name}, "create the StorageCluster again; its disks wait for it")
		return
	}
	for _, osd := range d.Status.OSDs {
		if osd.Role == v1alpha1.OSDRoleData && d.Status.State != v1alpha1.DiskMissing {
			w.daemon(depth, c, manifest.OSDDaemon(osd.ID), d.Status.Node)
		}
	}
}

// operation links an operation, what stands in its way, and the person whom it waits for.
func (w *walker) operation(depth int, op *v1alpha1.StorageOperation) {
	o := objectOfOperation(op)
	if !w.first(depth, o) {
		return
	}
	complete := op.Status.State == v1alpha1.OperationSucceeded || op.Status.State == v1alpha1.OperationCancelled || op.Status.State == v1alpha1.OperationSuperseded
	w.link(depth, o, stateOf(complete), orElse(string(op.Status.State), v1alpha1.ReasonNotObserved), orElse(operationMessage(op), what(op)))
	if t := operationTask(op); t != nil {
		w.todo(t.Do)
	}
	if IsWhatIf(op) {
		w.todo(deleteQuestion(op))
		return
	}
	for _, b := range deref(op.Status.Plan).Blockers {
		w.link(depth+1, o, Waiting, b.Reason, b.Message)
		w.todo(b.Remedy)
	}
	if complete || op.Status.State == v1alpha1.OperationFailed {
		return
	}
	for _, f := range waits(op) {
		w.condition(depth+1, f)
	}
	if op.Status.State == v1alpha1.OperationAwaitingApproval { // the person is what it waits for, however its disks are
		return
	}
	for _, t := range op.Status.Targets {
		if d := w.s.disk(t.Disk); d != nil {
			w.disk(depth+1, d)
		}
	}
}

// node links a node, and below one that was asked for, the disks and pods of Seamount on it that are not well.
func (w *walker) node(depth int, n *corev1.Node) {
	o := Object{KindNode, "", n.Name}
	if !w.first(depth, o) {
		return
	}
	ready := deref(find(n.Status.Conditions, func(c *corev1.NodeCondition) bool { return c.Type == corev1.NodeReady }))
	text := ready.Message
	if n.Spec.Unschedulable {
		text = joinWords("; ", text, "it is cordoned")
		w.todo("kubectl uncordon " + n.Name)
	}
	w.link(depth, o, stateOf(nodeReady(n)), orElse(ready.Reason, v1alpha1.ReasonNotObserved), text)
	if !nodeReady(n) {
		w.todo(bringBack(n.Name))
	}
	if depth > 0 || !nodeReady(n) { // what is on a node that is gone waits for it, not the other way round
		return
	}
	for i := range w.s.Disks {
		d := &w.s.Disks[i]
		troubled := len(d.Status.OSDs) > 0 && isFalse(d.Status.Conditions, v1alpha1.ConditionInService) || find(d.Status.Conditions, failing) != nil
		if d.Status.Node == n.Name && troubled {
			w.disk(1, d)
		}
	}
	for _, component := range []string{"discover", "agent", "csi-node"} {
		w.unready(1, w.s.component(component, n.Name))
	}
}
