package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
)

// tell makes an event of each condition that changed to another reason.
func tell(ctx context.Context, recorder events.EventRecorder, before *v1alpha1.StorageCluster, after []metav1.Condition) {
	execute.Tell(ctx, recorder, v1alpha1.KindStorageCluster, before, before.Status.Conditions, after)
}
