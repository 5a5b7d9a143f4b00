package cli

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// workingTranscripts show operations in each of their states.
func workingTranscripts() map[string]string {
	lines := map[string]string{"status": "status"}
	for _, format := range allFormats() {
		lines["operations-"+format] = "operations -o " + format
	}
	for _, o := range working().operations {
		lines["operation-"+o.Name] = "operations " + o.Name
	}
	lines["why-drained"] = "why sop/remove-n2"
	lines["why-unsafe"] = "why sop/remove-osd-5"
	return lines
}

// working is the cluster of healthy while operations are carried out, one in each state that they can be in.
func working() *fixture {
	f := healthy()
	f.operations = append(f.operations,
		draining(), erasing(), holding(), unsafe(), cancelling(), changed(), failed(), removed(), unplanned(), refused(), leftOver(),
	)
	for i, o := range f.operations { // the order of the list does not depend on names
		o.CreationTimestamp = metav1.NewTime(now.Add(-time.Duration(i+1) * time.Hour))
	}
	return f
}

// operation of the type Remove, which runs as far as nothing else is said.
func operation(name string, targets ...v1alpha1.OperationTarget) *v1alpha1.StorageOperation {
	o := &v1alpha1.StorageOperation{ObjectMeta: named("seamount", name)}
	o.Spec = v1alpha1.StorageOperationSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationRemove, Erase: v1alpha1.EraseSignatures,
		Intent: v1alpha1.IntentProceed, Approval: &v1alpha1.OperationApproval{PlanID: "7f3a9c", Approver: "alice@example.com"},
	}
	for _, target := range targets {
		o.Spec.Disks = append(o.Spec.Disks, target.Disk)
	}
	o.Generation = 2
	planned(o)
	o.Status.State, o.Status.Targets, o.Status.Summary = v1alpha1.OperationRunning, targets, nil
	o.Status.StartTime = new(metav1.NewTime(now.Add(-40 * time.Minute)))
	o.Status.Conditions = []metav1.Condition{
		yes("Approved", "ByUser", "alice@example.com approved plan 7f3a9c"), yes("Safe", "SafeToProceed", "the next step may be taken"),
		no("Complete", "Running", ""), no("Failed", "NotFailed", "no step failed"),
	}
	return o
}

func target(disk, node string, osd int32, step, message string) v1alpha1.OperationTarget {
	return v1alpha1.OperationTarget{Disk: disk, Node: node, OSDs: []int32{osd}, Seal: "sha256:1f0c", Step: step, Message: message}
}

// draining moves data.
func draining() *v1alpha1.StorageOperation {
	o := operation("remove-n2", target("wwn-5000c50093280001", "n2", 1, "Drain", "17 of 41 PGs left"), target("eui-0025385b71b0a1c1", "n2", 4, "Stop", ""))
	o.Status.Summary = &v1alpha1.OperationSummary{Targets: "osd.1, osd.4", Step: "Drain", Progress: "55%"}
	o.Status.Progress = &v1alpha1.OperationProgress{Percent: 55, PGsLeft: new(int32(17)), BytesLeft: quantity("3100G"), ETASeconds: new(int32(4100))}
	set(o.Status.Conditions, no("Complete", "Running", "osd.1 has 17 PGs left to move"))
	return o
}

// erasing is past the steps that can be undone.
func erasing() *v1alpha1.StorageOperation {
	o := operation("remove-osd-2", target("wwn-5000c50093280002", "n3", 2, "Erase", "the agent erases it"), target("eui-0025385b71b0a1c2", "n3", 5, "Erase", ""))
	o.Status.Progress = &v1alpha1.OperationProgress{Percent: 90}
	o.Status.Targets[1].Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportVerified, ErasedBytes: quantity("1100M"), Message: "all labels and both partition tables read back as zeros"}
	return o
}

// holding was stopped by a person.
func holding() *v1alpha1.StorageOperation {
	o := operation("remove-osd-1", target("wwn-5000c50093280001", "n2", 1, "Drain", "its data stays where it is while the operation is held"))
	o.Spec.Intent, o.Status.State = v1alpha1.IntentHold, v1alpha1.OperationHeld
	o.Status.Progress = &v1alpha1.OperationProgress{Percent: 20}
	set(o.Status.Conditions, no("Complete", "Held", "spec.intent is Hold"))
	return o
}

// unsafe waits until a step is safe again.
func unsafe() *v1alpha1.StorageOperation {
	o := operation("remove-osd-5", target("eui-0025385b71b0a1c2", "n3", 5, "Stop", "it waits until Ceph may lose osd.5"))
	o.Status.State = v1alpha1.OperationHeld
	set(o.Status.Conditions, no("Safe", "WouldBlockIO", "ok-to-stop osd.5: 3 PGs would become inactive"))
	set(o.Status.Conditions, no("Complete", "Held", "it waits until the step Stop is safe"))
	return o
}

// cancelling undoes what can be undone.
func cancelling() *v1alpha1.StorageOperation {
	o := operation("remove-osd-0", target("wwn-5000c50093280000", "n1", 0, "Drain", "osd.0 takes data again"))
	o.Spec.Intent = v1alpha1.IntentCancel
	return o
}

// changed was approved with another plan.
func changed() *v1alpha1.StorageOperation {
	o := operation("remove-osd-3", target("eui-0025385b71b0a1c0", "n1", 3, "", ""))
	o.Status.State, o.Status.StartTime = v1alpha1.OperationAwaitingApproval, nil
	set(o.Status.Conditions, no("Approved", "PlanChanged", "plan 11aa22 was approved, and the plan is 7f3a9c now: read it again"))
	return o
}

func failed() *v1alpha1.StorageOperation {
	o := operation("remove-osd-7", target("wwn-5000c50093280007", "n3", 7, "Erase", "the agent could not finish"))
	o.Status.State = v1alpha1.OperationFailed
	o.Status.Targets[0].Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportFailed, Message: "write at 1 GiB: input/output error"}
	set(o.Status.Conditions, yes("Failed", "StepFailed", "step Erase of disk wwn-5000c50093280007: write at 1 GiB: input/output error"))
	return o
}

func removed() *v1alpha1.StorageOperation {
	o := operation("remove-osd-8", target("wwn-5000c50093280008", "n3", 8, "Erase", ""))
	o.Status.State, o.Status.CompletionTime = v1alpha1.OperationSucceeded, new(metav1.NewTime(now.Add(-5*time.Minute)))
	o.Status.Progress = &v1alpha1.OperationProgress{Percent: 100}
	o.Status.Targets[0].Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportVerified, ErasedBytes: quantity("1100M")}
	set(o.Status.Conditions, yes("Complete", "Succeeded", "osd.8 is removed, and its disk is Usable"))
	return o
}

// unplanned was created this moment: nobody wrote a status.
func unplanned() *v1alpha1.StorageOperation {
	o := operation("drain-n3")
	o.Spec.Type, o.Spec.Node, o.Spec.Approval, o.Status = v1alpha1.OperationDrain, "n3", nil, v1alpha1.StorageOperationStatus{}
	return o
}

func refused() *v1alpha1.StorageOperation {
	o := operation("remove-osd-4", target("eui-0025385b71b0a1c1", "n2", 4, "", ""))
	o.Spec.Approval = nil
	o.Status.State, o.Status.StartTime = v1alpha1.OperationRefused, nil
	o.Status.Plan.Blockers = []v1alpha1.Refusal{{Reason: "NoRoom", Message: "osd.3 would reach 92%, backfillfull is 90%", Remedy: "add disks of class nvme first"}}
	set(o.Status.Conditions, no("Approved", "AwaitingApproval", "nobody approved plan 7f3a9c, and nobody can while something stands in its way"))
	set(o.Status.Conditions, no("Safe", "NoRoom", "osd.3 would reach 92%, backfillfull is 90%: add disks of class nvme first"))
	return o
}

// leftOver asked what if, and was never taken back.
func leftOver() *v1alpha1.StorageOperation {
	o := operation("what-if-x7k2p", target("eui-0025385b71b0a1c1", "n2", 4, "", ""))
	o.Labels = map[string]string{v1alpha1.LabelWhatIf: "EXAMPLE"}
	o.Spec.Approval, o.Spec.Intent = nil, v1alpha1.IntentHold
	o.Status.State, o.Status.StartTime = v1alpha1.OperationHeld, nil
	return o
}
