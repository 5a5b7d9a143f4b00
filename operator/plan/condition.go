package plan

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// typedCondition is a condition with its type.
type typedCondition struct {
	conditionType string
	Condition
}

// transitions returns conditions with the times of their last change: that of before where the status is the same.
func transitions(before []metav1.Condition, generation int64, now metav1.Time, decided []typedCondition) []metav1.Condition {
	conditions := make([]metav1.Condition, 0, len(decided))
	for _, d := range decided {
		condition := metav1.Condition{
			Type: d.conditionType, Status: d.Status, Reason: d.Reason, Message: cut(d.Message),
			ObservedGeneration: generation, LastTransitionTime: now,
		}
		if old := meta.FindStatusCondition(before, d.conditionType); old != nil && old.Status == d.Status {
			condition.LastTransitionTime = old.LastTransitionTime
		}
		conditions = append(conditions, condition)
	}
	return conditions
}

func joinNumbers(numbers []int32) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(texts, ",")
}
