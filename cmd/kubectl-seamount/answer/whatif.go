package answer

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// WhatIf answers what an operation would do, and whether it could be carried out now.
type WhatIf struct {
	// Operation with its plan, as it was asked for.
	Operation Operation
	// Verdict says in a line whether it could be carried out now.
	Verdict string
	// Do is the operation to create; nil: something stands in its way.
	Do *v1alpha1.StorageOperation
}

// AnswerWhatIf reads the plan that the operator made for a question. The cluster is that of the operation.
func AnswerWhatIf(o *v1alpha1.StorageOperation, c *v1alpha1.StorageCluster) WhatIf {
	answer := WhatIf{Operation: DescribeOperation(o)}
	have := o.Status.Conditions
	switch blockers := answer.Operation.Blockers; {
	case len(blockers) > 0:
		answer.Verdict = fmt.Sprintf("This cannot be carried out now: %s.", blockReasons(blockers))
		return answer
	case isFalse(have, v1alpha1.ConditionSafe):
		answer.Verdict = fmt.Sprintf("This would wait now: %s.", strings.TrimRight(message(have, v1alpha1.ConditionSafe), "."))
	case c.Spec.Pause == v1alpha1.PauseAll:
		answer.Verdict = "This would wait now, for as long as spec.pause of the StorageCluster is All."
	default:
		answer.Verdict = "This can be carried out now, " + onceApproved(o, c) + "."
	}
	answer.Do = ToDo(o)
	return answer
}

func blockReasons(blockers []OperationBlock) string {
	reasons := make([]string, 0, len(blockers))
	for _, b := range blockers {
		reasons = append(reasons, b.Reason)
	}
	verb := "stand"
	if len(reasons) == 1 {
		verb = "stands"
	}
	return strings.Join(reasons, ", ") + " " + verb + " in its way"
}

// onceApproved says who would approve an operation: a person, or the cluster's policy for its type.
func onceApproved(o *v1alpha1.StorageOperation, c *v1alpha1.StorageCluster) string {
	approvals := deref(c.Spec.Approvals)
	field, policy := "removals", approvals.Removals
	if o.Spec.Type == v1alpha1.OperationReplace {
		field, policy = "failedDisks", approvals.FailedDisks
	}
	if policy == v1alpha1.ApprovalAutomatic {
		return fmt.Sprintf("and it may begin as soon as it is created: spec.approvals.%s of the StorageCluster is Automatic", field)
	}
	if risks := deref(o.Status.Plan).Risks; len(risks) > 0 {
		return "once somebody has approved it and accepted " + strings.Join(enums(risks), ", ")
	}
	return "once somebody has approved it"
}

// ToDo returns the operation that does what another only asks about.
func ToDo(o *v1alpha1.StorageOperation) *v1alpha1.StorageOperation {
	do := &v1alpha1.StorageOperation{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.KindStorageOperation},
		ObjectMeta: metav1.ObjectMeta{GenerateName: strings.ToLower(string(o.Spec.Type)) + "-", Namespace: o.Namespace},
		Spec:       *o.Spec.DeepCopy(),
	}
	do.Spec.Intent, do.Spec.Approval = "", nil
	return do
}

// IsWhatIf says that an operation only asks what it would do.
func IsWhatIf(o *v1alpha1.StorageOperation) bool {
	_, asks := o.Labels[v1alpha1.LabelWhatIf]
	return asks
}
