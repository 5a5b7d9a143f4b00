package answer

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// begun is an operation of two steps, of which the second is final.
func begun(state v1alpha1.OperationState, intent v1alpha1.OperationIntent, step string) *v1alpha1.StorageOperation {
	o := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "x"}}
	o.Spec.Intent = intent
	o.Status.State = state
	o.Status.Plan = &v1alpha1.OperationPlan{ID: "1", Steps: []v1alpha1.OperationStep{
		{Name: "Drain", Effect: v1alpha1.EffectReversible}, {Name: "Purge", Effect: v1alpha1.EffectFinal},
	}}
	o.Status.Targets = []v1alpha1.OperationTarget{{Disk: "d", Step: step}}
	return o
}

// TestNext: what is shown to be typed can be typed in that state.
func TestNext(t *testing.T) {
	t.Parallel()
	reported := begun(v1alpha1.OperationRunning, v1alpha1.IntentProceed, "")
	reported.Status.Targets[0].Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportVerified}
	question := begun(v1alpha1.OperationHeld, v1alpha1.IntentHold, "")
	question.Labels = map[string]string{v1alpha1.LabelWhatIf: "x"}
	for name, tt := range map[string]struct {
		o    *v1alpha1.StorageOperation
		want []string
	}{
		"not planned":   {&v1alpha1.StorageOperation{}, []string{"operations", "hold", "cancel"}},
		"waits":         {begun(v1alpha1.OperationAwaitingApproval, "", ""), []string{"approve", "cancel"}},
		"refused":       {begun(v1alpha1.OperationRefused, "", ""), []string{"cancel"}},
		"runs":          {begun(v1alpha1.OperationRunning, v1alpha1.IntentProceed, "Drain"), []string{"operations", "hold", "cancel"}},
		"runs, finally": {begun(v1alpha1.OperationRunning, v1alpha1.IntentProceed, "Purge"), []string{"operations", "hold"}},
		"reported":      {reported, []string{"operations", "hold"}},
		"unknown step":  {begun(v1alpha1.OperationRunning, v1alpha1.IntentProceed, "Levitate"), []string{"operations", "hold", "cancel"}},
		"held":          {begun(v1alpha1.OperationHeld, v1alpha1.IntentHold, "Drain"), []string{"hold --release", "cancel"}},
		"held, finally": {begun(v1alpha1.OperationHeld, v1alpha1.IntentHold, "Purge"), []string{"hold --release"}},
		"is cancelled":  {begun(v1alpha1.OperationRunning, v1alpha1.IntentCancel, "Drain"), []string{"operations"}},
		"done":          {begun(v1alpha1.OperationSucceeded, "", "Purge"), nil},
		"asks what if":  {question, []string{"kubectl delete"}},
		"unknown state": {begun("Levitating", v1alpha1.IntentProceed, "Drain"), []string{"operations", "hold", "cancel"}},
		"failed":        {begun(v1alpha1.OperationFailed, "", "Purge"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := next(tt.o)
			if !slices.EqualFunc(got, tt.want, func(line, verb string) bool {
				return strings.HasPrefix(line, verb) || strings.HasPrefix(line, "kubectl seamount "+verb+" ")
			}) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestHeldTask: a hold that ends by itself waits for nobody.
func TestHeldTask(t *testing.T) {
	t.Parallel()
	for reason, waits := range map[string]bool{
		v1alpha1.ReasonDataNotClean: false, v1alpha1.ReasonStaleData: false, v1alpha1.ReasonWouldBlockIO: false,
		v1alpha1.ReasonNoRoom: true, v1alpha1.ReasonDeviceChanged: true, v1alpha1.ReasonWouldLoseData: true,
	} {
		o := begun(v1alpha1.OperationHeld, v1alpha1.IntentProceed, "Drain")
		o.Status.Conditions = []metav1.Condition{condition(v1alpha1.ConditionSafe, metav1.ConditionFalse, reason)}
		if got := operationTask(o); (got != nil) != waits || got != nil && !strings.Contains(got.Message, "because of "+reason) {
			t.Errorf("%s: %+v", reason, got)
		}
	}
	o := begun(v1alpha1.OperationHeld, v1alpha1.IntentHold, "Drain")
	if got := operationTask(o); got == nil || got.Do != "kubectl seamount hold --release -n ns x" {
		t.Errorf("held by a person: %+v", got)
	}
}

// TestLeftOver: a question is nobody's task while somebody may wait for its answer, and then it is one of its own.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	o := begun(v1alpha1.OperationHeld, v1alpha1.IntentHold, "")
	o.Labels = map[string]string{v1alpha1.LabelWhatIf: "x"}
	for age, want := range map[time.Duration]bool{time.Second: false, time.Hour: true} {
		o.CreationTimestamp = metav1.NewTime(now.Add(-age))
		if got := leftOverTask(&Snapshot{Now: now}, o); (got != nil) != want {
			t.Errorf("after %s: %+v", age, got)
		}
		if got := operationTask(o); got != nil {
			t.Errorf("a question waits for a person: %+v", got)
		}
	}
	s := &Snapshot{Operations: []v1alpha1.StorageOperation{*o}}
	if got := operationsOn(s, "d"); len(got) > 0 {
		t.Errorf("a question acts on its disk: %v", got)
	}
}
