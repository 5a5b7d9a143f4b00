package plan

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// OperationFinished says that an operation came to its end, so that nobody plans for it any more.
func OperationFinished(status *v1alpha1.StorageOperationStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionComplete) ||
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionFailed)
}

// OperationStatus returns the operator's part of the status of a StorageOperation: every condition, every time.
func OperationStatus(in OperationObserved, draft OperationDraft) v1alpha1.StorageOperationStatus {
	before, plan := deref(in.Previous), draft.Plan
	plan.Outcome = steadyOutcome(in, before.Plan, plan)
	state := v1alpha1.OperationRefused
	if in.Spec.Intent == v1alpha1.IntentCancel {
		state = v1alpha1.OperationCancelled
	}
	status := v1alpha1.StorageOperationStatus{
		Conditions: transitions(before.Conditions, in.Generation, metav1.NewTime(in.Now), []typedCondition{
			{v1alpha1.ConditionApproved, operationApproved(in.Spec, plan)},
			{v1alpha1.ConditionSafe, operationSafe(plan)},
			{v1alpha1.ConditionComplete, operationComplete(in.Spec, plan)},
			{v1alpha1.ConditionFailed, isFalse(v1alpha1.ReasonNotFailed, "no step was taken")},
		}),
		ObservedGeneration: in.Generation, State: state, Plan: &plan, Targets: draft.Targets,
		Summary: &v1alpha1.OperationSummary{Targets: targetsText(draft.Targets)},
	}
	if eta := deref(plan.Outcome).ETASeconds; eta != nil && *eta > 0 {
		status.Summary.ETA = (time.Duration(*eta) * time.Second).String()
	}
	return status
}

// steadyOutcome returns the forecast of before as long as it is about that of now: what moves grows with every write, and
// at rest nothing is written. Without a forecast, because Ceph does not answer, the last one stays.
func steadyOutcome(in OperationObserved, before *v1alpha1.OperationPlan, now v1alpha1.OperationPlan) *v1alpha1.OperationOutcome {
	if before == nil || before.Outcome == nil || before.ID != now.ID {
		return now.Outcome
	}
	if now.Outcome == nil {
		if in.Ceph.fresh() == nil {
			return before.Outcome.DeepCopy()
		}
		return nil
	}
	old, fresh := before.Outcome, now.Outcome
	moved, moves := old.BytesToMove.AsApproximateFloat64(), fresh.BytesToMove.AsApproximateFloat64()
	fuller := deref(old.FullestPercentAfter) - deref(fresh.FullestPercentAfter)
	if old.RedundancyDuring == fresh.RedundancyDuring && math.Abs(moved-moves) <= moves/10 && fuller >= -1 && fuller <= 1 {
		return old.DeepCopy()
	}
	return fresh
}

func operationApproved(spec v1alpha1.StorageOperationSpec, plan v1alpha1.OperationPlan) Condition {
	switch {
	case spec.Approval == nil:
		return isFalse(v1alpha1.ReasonAwaitingApproval, "nobody approved plan %s, and nobody can while something stands in its way", plan.ID)
	case spec.Approval.PlanID == plan.ID:
		return isTrue(v1alpha1.ReasonByUser, "%s approved plan %s", spec.Approval.Approver, plan.ID)
	}
	return isFalse(v1alpha1.ReasonPlanChanged, "plan %s was approved, and the plan is %s now: read it again", spec.Approval.PlanID, plan.ID)
}

// operationSafe says what of the things that are checked before each step is amiss. What else stands in the way is no
// danger.
func operationSafe(plan v1alpha1.OperationPlan) Condition {
	for _, b := range plan.Blockers {
		switch b.Reason {
		case v1alpha1.ReasonNoRoom, v1alpha1.ReasonDataNotClean, v1alpha1.ReasonStaleData, v1alpha1.ReasonDeviceChanged:
			return isFalse(b.Reason, "%s", withRemedy(b))
		case v1alpha1.ReasonTooFewDomains:
			return isFalse(v1alpha1.ReasonNoRoom, "%s", withRemedy(b))
		case BlockerSeveralDomains:
			return isFalse(v1alpha1.ReasonWouldLoseData, "%s", withRemedy(b))
		}
	}
	return notObserved("that is looked at before a step, and no step is taken")
}

func operationComplete(spec v1alpha1.StorageOperationSpec, plan v1alpha1.OperationPlan) Condition {
	switch {
	case spec.Intent == v1alpha1.IntentCancel:
		return isTrue(v1alpha1.ReasonCancelled, "cancelled before any step was taken")
	case spec.Intent == v1alpha1.IntentHold:
		return isFalse(v1alpha1.ReasonHeld, "spec.intent is Hold; and %s", withRemedy(plan.Blockers[0]))
	}
	return isFalse(v1alpha1.ReasonHeld, "%s", withRemedy(plan.Blockers[0]))
}

// targetsText names the OSDs of the targets, or the disks that have none.
func targetsText(targets []v1alpha1.OperationTarget) string {
	var names []string
	seen := map[string]bool{}
	for _, target := range targets {
		for _, id := range target.OSDs {
			if name := fmt.Sprintf("osd.%d", id); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
		if len(target.OSDs) == 0 {
			names = append(names, target.Disk)
		}
	}
	return cut(some(names))
}
