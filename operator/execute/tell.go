package execute

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/conditions"
)

// Tell makes an event of each condition of an object that changed to another reason, with the words of the condition.
func Tell(ctx context.Context, recorder events.EventRecorder, kind string, object client.Object, before, after []metav1.Condition) {
	for _, spec := range conditions.Of(kind) {
		was, is := meta.FindStatusCondition(before, spec.Type), meta.FindStatusCondition(after, spec.Type)
		if is == nil || is.Status == metav1.ConditionUnknown || was == nil || was.Status == is.Status && was.Reason == is.Reason {
			continue
		}
		log.FromContext(ctx).Info("condition changed", "condition", spec.Type, "status", is.Status, "reason", is.Reason, "message", is.Message)
		recorder.Eventf(object, nil, eventType(spec.Polarity, is.Status), is.Reason, spec.Type, "%s", is.Message)
	}
}

func eventType(polarity conditions.Polarity, status metav1.ConditionStatus) string {
	well := polarity == conditions.PolarityNeutral ||
		(polarity == conditions.PolarityPositive) == (status == metav1.ConditionTrue)
	if well {
		return "Normal"
	}
	return "Warning"
}
