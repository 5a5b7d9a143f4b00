package plan

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// OperationFinished says that an operation came to its end, so that nobody plans for it any more.
func OperationFinished(status *v1alpha1.StorageOperationStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionComplete) ||
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionFailed)
}

// operationPlanned returns the plan of a StorageOperation that has not begun as its status has it, but for the conditions and the
// state.
func operationPlanned(in OperationObserved, draft OperationDraft) v1alpha1.StorageOperationStatus {
	before, plan := deref(in.Previous), draft.Plan
	plan.Outcome = steadyOutcome(in, before.Plan, plan)
	status := v1alpha1.StorageOperationStatus{
		ObservedGeneration: in.Generation, Plan: &plan, Targets: draft.Targets,
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
		return isFalse(v1alpha1.ReasonAwaitingApproval, "nobody approved plan %s: kubectl seamount approve", plan.ID)
	case spec.Approval.PlanID == plan.ID:
		return isTrue(v1alpha1.ReasonByUser, "%s approved plan %s", spec.Approval.Approver, plan.ID)
	}
	return isFalse(v1alpha1.ReasonPlanChanged, "plan %s was approved, and the plan is %s now: read it again", spec.Approval.PlanID, plan.ID)
}

// operationSafe says what of the things that are checked before each step is amiss. What else stands in the way is no
// danger.
func operationSafe(plan v1alpha1.OperationPlan) Condition {
	for _, b := range plan.Blockers {
		if mapped := UnsafeFor(b); mapped.Reason != v1alpha1.ReasonWouldBlockIO {
			return isFalse(mapped.Reason, "%s", withRemedy(mapped))
		}
	}
	return notObserved("that is looked at before a step, and no step is taken yet")
}

// UnsafeFor writes a blocker with a reason of the condition Safe. Those that are no danger stand in the way all the same:
// WouldBlockIO.
func UnsafeFor(b v1alpha1.Refusal) v1alpha1.Refusal {
	switch b.Reason {
	case v1alpha1.ReasonNoRoom, v1alpha1.ReasonDataNotClean, v1alpha1.ReasonStaleData, v1alpha1.ReasonDeviceChanged:
	case v1alpha1.ReasonTooFewDomains:
		b.Reason = v1alpha1.ReasonNoRoom
	case BlockerSeveralDomains:
		b.Reason = v1alpha1.ReasonWouldLoseData
	default:
		b.Reason = v1alpha1.ReasonWouldBlockIO
	}
	return b
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
