package answer

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{-1: "", 0: "", 1: "1 B", 999: "999 B", 1000: "1 kB", 1920383410176: "1.9 TB", 16000900661248: "16 TB", 500107862016: "500 GB"} {
		if got := Size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int32]string{0: "0s", 59: "59s", 60: "1m", 3599: "59m", 3600: "1h", 5400: "1h30m", 3605: "1h", 48 * 3600: "2d", 100 * 3600: "4d"} {
		if got := Seconds(&seconds); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
	if got := Seconds(nil); got != "" {
		t.Errorf("nothing known: %q", got)
	}
}

// TestRemediesAreOfKnownReasons: a reason that no condition has is a remedy that nobody reads.
func TestRemediesAreOfKnownReasons(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, kind := range []string{v1alpha1.KindStorageCluster, v1alpha1.KindStoragePool, v1alpha1.KindStorageFilesystem} {
		for _, spec := range conditions.Of(kind) {
			for _, reasons := range [][]string{spec.True, spec.False, spec.Unknown} {
				for _, r := range reasons {
					known[r] = true
				}
			}
		}
	}
	for reason := range remedies {
		if !known[reason] {
			t.Errorf("%s is no reason of a condition", reason)
		}
	}
}

func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "because of " + reason}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	o := Object{v1alpha1.KindStorageOperation, "seamount", "x"}
	for name, tt := range map[string]struct {
		have []metav1.Condition
		want string
	}{
		"well":               {[]metav1.Condition{condition("Approved", metav1.ConditionTrue, "ByUser"), condition("Failed", metav1.ConditionFalse, "NotFailed")}, ""},
		"negative polarity":  {[]metav1.Condition{condition("Failed", metav1.ConditionTrue, "StepFailed")}, "StepFailed"},
		"unknown":            {[]metav1.Condition{condition("Safe", metav1.ConditionUnknown, "NotObserved")}, "NotObserved"},
		"unknown because of": {[]metav1.Condition{condition("Approved", metav1.ConditionFalse, "PlanChanged"), condition("Safe", metav1.ConditionUnknown, "NotObserved")}, "PlanChanged"},
		"neutral":            {[]metav1.Condition{condition("Paused", metav1.ConditionTrue, "PausedAll")}, ""},
	} {
		var reasons []string
		for _, f := range findings(o, tt.have) {
			reasons = append(reasons, f.Reason)
		}
		if got := strings.Join(reasons, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestPodState(t *testing.T) {
	t.Parallel()
	container := func(s corev1.ContainerState) corev1.PodStatus {
		return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "c", State: s}}}
	}
	for name, tt := range map[string]struct {
		status corev1.PodStatus
		well   bool
		reason string
	}{
		"ready":       {corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}, true, "Running"},
		"done":        {corev1.PodStatus{Phase: corev1.PodSucceeded}, true, "Succeeded"},
		"not ready":   {corev1.PodStatus{Phase: corev1.PodRunning}, false, "Running"},
		"no image":    {container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}), false, "ImagePullBackOff"},
		"being made":  {container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}), false, "Pending"},
		"crashed":     {container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}), false, "Error"},
		"unscheduled": {corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"}}}, false, "Unschedulable"},
	} {
		if well, reason, _ := podState(&corev1.Pod{Status: tt.status}); well != tt.well || reason != tt.reason {
			t.Errorf("%s: %v %s, want %v %s", name, well, reason, tt.well, tt.reason)
		}
	}
}

func TestNegligible(t *testing.T) {
	t.Parallel()
	loop := &v1alpha1.DiskHardware{Transport: v1alpha1.TransportLoop}
	unasked := &v1alpha1.DiskPlan{Action: v1alpha1.PlanSkip, Reason: v1alpha1.PlanReasonNoRuleMatches}
	for name, tt := range map[string]struct {
		status v1alpha1.StorageDiskStatus
		want   bool
	}{
		"a disk":                  {v1alpha1.StorageDiskStatus{}, false},
		"pulled":                  {v1alpha1.StorageDiskStatus{Presence: v1alpha1.PresenceMissing}, true},
		"pulled with an OSD":      {v1alpha1.StorageDiskStatus{Presence: v1alpha1.PresenceMissing, OSDs: []v1alpha1.DiskOSD{{ID: 1}}}, false},
		"pulled and claimed":      {v1alpha1.StorageDiskStatus{Presence: v1alpha1.PresenceMissing, Claim: &v1alpha1.DiskClaim{}}, false},
		"loop device":             {v1alpha1.StorageDiskStatus{Hardware: loop, Plan: unasked}, true},
		"loop device, asked for":  {v1alpha1.StorageDiskStatus{Hardware: loop, Plan: &v1alpha1.DiskPlan{Action: v1alpha1.PlanAdd}}, false},
		"SATA that no rule wants": {v1alpha1.StorageDiskStatus{Hardware: &v1alpha1.DiskHardware{Transport: v1alpha1.TransportSATA}, Plan: unasked}, false},
	} {
		if got := negligible(&v1alpha1.StorageDisk{Status: tt.status}); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func claimOf(class *string) corev1.PersistentVolumeClaim {
	c := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "data"}}
	c.Spec.StorageClassName, c.Status.Phase = class, corev1.ClaimPending
	return c
}

// explain returns the answer about the claim ns/data.
func explain(t *testing.T, s *Snapshot) Why {
	t.Helper()
	why, err := Explain(s, Object{KindClaim, "ns", "data"})
	if err != nil {
		t.Fatal(err)
	}
	return why
}

func TestExplainClaim(t *testing.T) {
	t.Parallel()
	class := func(provisioner string) []storagev1.StorageClass {
		return []storagev1.StorageClass{{
			ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: provisioner,
			Parameters: map[string]string{v1alpha1.ParameterClusterNamespace: "seamount", v1alpha1.ParameterPool: "fast"},
		}}
	}
	pool := v1alpha1.StoragePool{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: "fast"}}
	pool.Spec.ClusterRef.Name = "main"
	for name, tt := range map[string]struct {
		snapshot Snapshot
		want     string
	}{
		"no class":       {Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(nil)}}, "waits for StorageClass (none) (NotFound)"},
		"missing class":  {Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(new("fast"))}}, "waits for StorageClass fast (NotFound)"},
		"other driver":   {Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(new("fast"))}, Classes: class("nfs")}, "nfs makes its volumes, not Seamount"},
		"missing pool":   {Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(new("fast"))}, Classes: class(v1alpha1.ProvisionerRBD)}, "waits for StoragePool seamount/fast (NotFound)"},
		"pool unwatched": {Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(new("fast"))}, Classes: class(v1alpha1.ProvisionerRBD), Pools: []v1alpha1.StoragePool{pool}}, "waits for StorageCluster seamount/main (NotFound)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			why := explain(t, &tt.snapshot)
			if !strings.Contains(why.Summary, tt.want) {
				t.Errorf("%q, want %q", why.Summary, tt.want)
			}
			if name != "other driver" && len(why.Todo) == 0 {
				t.Error("there is nothing to do")
			}
		})
	}
}

// TestExplainTellsTheLastEvent: of warnings with one reason the last counts, whichever of the two APIs wrote it.
func TestExplainTellsTheLastEvent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	event := func(name, message string) corev1.Event {
		return corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Type: corev1.EventTypeWarning, Reason: "ProvisioningFailed", Message: message,
			InvolvedObject: corev1.ObjectReference{Kind: KindClaim, Namespace: "ns", Name: "data"},
		}
	}
	old, last, other, normal := event("1", "old"), event("2", "last"), event("3", "other"), event("4", "normal")
	old.LastTimestamp, last.EventTime = metav1.NewTime(at), metav1.NewMicroTime(at.Add(time.Second))
	other.InvolvedObject.Name, normal.Type, normal.Reason = "other", corev1.EventTypeNormal, "Provisioning"
	s := &Snapshot{Claims: []corev1.PersistentVolumeClaim{claimOf(nil)}, Events: []corev1.Event{last, old, other, normal}}
	var said []string
	for _, link := range explain(t, s).Links {
		if link.Object.Kind == kindEvent {
			said = append(said, link.Message)
		}
	}
	if len(said) != 1 || said[0] != "last" {
		t.Errorf("events %q", said)
	}
}

func TestExplainNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{KindPod, KindClaim, KindNode, v1alpha1.KindStorageCluster, v1alpha1.KindStoragePool, v1alpha1.KindStorageDisk, v1alpha1.KindStorageOperation, "Secret"} {
		o := Object{kind, "ns", "x"}
		if _, err := Explain(&Snapshot{}, o); !errors.Is(err, ErrNotFound{o}) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestOperationTasks(t *testing.T) {
	t.Parallel()
	for state, want := range map[v1alpha1.OperationState]string{
		v1alpha1.OperationPlanning: "", v1alpha1.OperationRunning: "", v1alpha1.OperationSucceeded: "", v1alpha1.OperationCancelled: "",
		v1alpha1.OperationSuperseded: "", v1alpha1.OperationAwaitingApproval: "kubectl seamount approve -n ns x",
		v1alpha1.OperationHeld: "", v1alpha1.OperationRefused: "add disks first", v1alpha1.OperationFailed: "create another",
	} {
		o := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x"}}
		o.Status.State = state
		o.Status.Plan = &v1alpha1.OperationPlan{ID: "1", Blockers: []v1alpha1.Refusal{{Reason: "NoRoom", Message: "full", Remedy: "add disks first"}}}
		task := operationTask(o)
		if (task == nil) != (want == "") || task != nil && !strings.Contains(task.Do, want) {
			t.Errorf("%s: %+v, want %q", state, task, want)
		}
	}
}
