package cli

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// troubled is the cluster of healthy on a bad day: node n2 is gone, with a mon and two OSDs; a disk in n3 fails, and an
// operation to replace it waits for approval; pool bulk is full; the cluster is paused, so that a new disk waits; and a pod
// waits for a volume.
func troubled() *fixture {
	f := healthy()
	f.nodes["n2"] = node("n2", corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status.")
	for _, daemon := range []string{"mon.b", "osd.1", "osd.4"} {
		f.daemons[daemon] = daemonPod(daemon[:3], daemon, "n2", false)
	}
	f.troubleCluster()
	f.troubleDisks()
	set(f.bulk.Status.Conditions, no("CapacityOK", "Full", "bulk: an OSD of the pool is full, and writes are refused; add disks, or delete volumes"))
	f.bulk.Status.Capacity = &v1alpha1.PoolCapacity{Used: quantity("29T"), Available: quantity("0"), UsedPercent: new(int32(100))}
	f.operations = append(f.operations, replaceOSD2(), drained())
	f.troubleFilesystem()
	f.others = append(f.others,
		claim("shop", "logs", "fast", "50Gi", ""),
		pendingPod(),
		warning("PersistentVolumeClaim", "logs", "ProvisioningFailed", "the cluster seamount/main does not answer: no mon is in reach"),
		warning("Pod", "batch-0", "FailedScheduling", "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims"),
	)
	return f
}

// troubleFilesystem: the node of one metadata server is gone, and the other does not come up.
func (f *fixture) troubleFilesystem() {
	f.daemons["mds.home-a"], f.daemons["mds.home-b"] = daemonPod("mds", "mds.home-a", "n2", false), daemonPod("mds", "mds.home-b", "n3", false)
	f.home.Status.Ranks, f.home.Status.Summary.MDS = []v1alpha1.MDSRank{{Rank: 0, State: "failed"}}, "0/1"
	set(f.home.Status.Conditions, no("Ready", "RankFailed", "rank 0 has failed, and nobody takes over"))
	set(f.home.Status.Conditions, no("MDSHealthy", "RankFailed", "rank 0 has failed, and nobody takes over; see the pods of the metadata servers"))
}

func (f *fixture) troubleCluster() {
	status := &f.cluster.Status
	f.cluster.Spec.Pause = v1alpha1.PauseAll
	status.Mons[1].State = v1alpha1.MonOut
	status.Summary = &v1alpha1.ClusterSummary{Health: "ERR", Version: "20.2.4", Mons: "2/3", OSDs: "4/6", Used: "88%", Pending: "1"}
	status.Capacity = &v1alpha1.ClusterCapacity{Raw: quantity("53800G"), Used: quantity("47300G"), UsedPercent: new(int32(88))}
	status.Recovery = &v1alpha1.RecoveryStatus{DegradedPercent: new(int32(33)), MisplacedPercent: new(int32(2)), ETASeconds: new(int32(5400))}
	status.Plan = &v1alpha1.DiskPlanSummary{ID: "c0ffee12ab34", Add: 1, Keep: 6, Skip: 4, RawAdded: quantity("16000900661248"), Message: "1 OSD on 1 node; 1 disk held"}
	for _, c := range []metav1.Condition{
		no("Ready", "Full", "writes are stopped: OSD_FULL: 1 full osd(s)"),
		no("MonQuorum", "MonOutOfQuorum", "2 of 3 mons are in quorum; mon.b on node n2 does not run"),
		no("DataHealthy", "Degraded", "of 97 PGs: 64 active+undersized+degraded, 33 active+clean; PG_DEGRADED: Degraded data redundancy: 64 pgs degraded"),
		no("CapacityOK", "Full", "OSD_FULL: 1 full osd(s); add disks, or delete data"),
		no("DisksSettled", "DiskFailing", "wwn-5000c50093280002 on node n3: SMART says that the disk is failing: 812 reallocated sectors, which osd.2 needs"),
		yes("ApprovalRequired", "OperationsWaiting", "1 operation for approval"),
		yes("Paused", "PausedAll", "spec.pause is All: nothing is changed; 3 steps would be done"),
	} {
		set(status.Conditions, c)
	}
}

func (f *fixture) troubleDisks() {
	for name, osd := range map[string]string{"wwn-5000c50093280001": "osd.1", "eui-0025385b71b0a1c1": "osd.4"} {
		d := f.disks[name]
		d.Status.State = v1alpha1.DiskDown
		set(d.Status.Conditions, no("InService", "OSDDown", osd+" is not up"))
		set(d.Status.Conditions, no("Fresh", "DiscoverSilent", "discover on node n2 is silent"))
	}
	set(f.disks["wwn-5000c50093280002"].Status.Conditions, no("Healthy", "SMARTFailing", "SMART says that the disk is failing: 812 reallocated sectors"))
	d := disk("wwn-5000c50093289999", "n1", "sdc", v1alpha1.DiskHardware{Media: "HDD", Transport: "SAS", Model: "ST16000NM002G", Serial: "ZL2NEW01", Size: quantity("16000900661248")})
	text := "1 OSD of class hdd, host n1; held by spec.pause: All"
	d.Status.State = v1alpha1.DiskPlanned
	d.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: fsid, Rule: "hdd"}
	d.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable}
	d.Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanAdd, Reason: v1alpha1.PlanReasonPaused, Rule: "hdd", Message: text}
	set(d.Status.Conditions, no("InService", "Planned", text))
	f.add(d)
}

// replaceOSD2 waits for approval.
func replaceOSD2() *v1alpha1.StorageOperation {
	o := &v1alpha1.StorageOperation{ObjectMeta: named("seamount", "replace-osd-2-x7k2p")}
	o.CreationTimestamp = metav1.NewTime(now.Add(-90 * time.Minute))
	o.Spec = v1alpha1.StorageOperationSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationReplace, Disks: []string{"wwn-5000c50093280002"},
		Erase: v1alpha1.EraseSignatures, Intent: v1alpha1.IntentProceed,
	}
	o.Status = v1alpha1.StorageOperationStatus{
		State: v1alpha1.OperationAwaitingApproval, Summary: &v1alpha1.OperationSummary{Targets: "osd.2"},
		Plan: &v1alpha1.OperationPlan{
			ID: "7f3a9c", Risks: []v1alpha1.Risk{v1alpha1.RiskRedundancyLoss},
			Steps: []v1alpha1.OperationStep{
				{Name: "Drain", Effect: v1alpha1.EffectReversible, Why: "its data moves to other OSDs"},
				{Name: "Destroy", Effect: v1alpha1.EffectFinal, Why: "the OSD's key goes; its id stays for the new disk"},
				{Name: "Prepare", Effect: v1alpha1.EffectFinal, Why: "the new disk becomes osd.2"},
			},
			Outcome: &v1alpha1.OperationOutcome{
				BytesToMove: quantity("7400G"), ETASeconds: new(int32(9200)), FullestPercentAfter: new(int32(71)), RedundancyDuring: "one more host may fail",
			},
		},
		Targets: []v1alpha1.OperationTarget{{Disk: "wwn-5000c50093280002", Node: "n3", OSDs: []int32{2}, Seal: "sha256:1f0c"}},
		Conditions: []metav1.Condition{
			no("Approved", "AwaitingApproval", "plan 7f3a9c waits for approval; it risks RedundancyLoss"),
			cond("Safe", metav1.ConditionUnknown, "NotObserved", "nothing was checked before the approval"),
			no("Complete", "Running", "it waits for approval"), no("Failed", "NotFailed", "no step failed"),
		},
	}
	return o
}

// drained has come to its end.
func drained() *v1alpha1.StorageOperation {
	o := &v1alpha1.StorageOperation{ObjectMeta: named("seamount", "drain-n1")}
	o.Spec = v1alpha1.StorageOperationSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationDrain, Node: "n1",
		Approval: &v1alpha1.OperationApproval{PlanID: "11aa22", Approver: "bob@example.com"},
	}
	o.Status = v1alpha1.StorageOperationStatus{
		State: v1alpha1.OperationCancelled, Plan: &v1alpha1.OperationPlan{ID: "11aa22"}, Progress: &v1alpha1.OperationProgress{Percent: 35},
		Conditions: []metav1.Condition{
			yes("Approved", "ByUser", "approved by bob@example.com"), yes("Complete", "Cancelled", "cancelled; the OSDs take data again"),
			no("Failed", "NotFailed", "no step failed"),
		},
	}
	return o
}

// pendingPod waits for a claim without a volume.
func pendingPod() *corev1.Pod {
	p := workload("shop", "batch-0", "", false, "logs")
	p.Status.Phase = corev1.PodPending
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims",
	})
	return p
}

func warning(kind, name, reason, message string) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: named("shop", name+".17a"), Type: corev1.EventTypeWarning, Reason: reason, Message: message,
		InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: "shop", Name: name}, LastTimestamp: metav1.NewTime(now.Add(-time.Minute)),
	}
}
