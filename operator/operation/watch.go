package operation

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// The pauses after a pass that failed, and how long one may take.
const (
	retryFirst  = 200 * time.Millisecond
	retryLast   = time.Minute
	passTimeout = 2 * time.Minute
)

// ends lets through that an object is gone: who stops an OSD waits for its pod to end.
var ends = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// SetUp runs the controller in a manager. trigger asks for passes from within the program.
func (r *Reconciler) SetUp(mgr manager.Manager, trigger source.TypedSource[reconcile.Request]) error {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})
	every := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		return r.unfinished(ctx, func(*v1alpha1.StorageOperation) bool { return true })
	})
	ofCluster := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, cluster client.Object) []reconcile.Request {
		return r.OfCluster(ctx, client.ObjectKeyFromObject(cluster))
	})
	beside := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, pod client.Object) []reconcile.Request {
		return r.unfinished(ctx, func(o *v1alpha1.StorageOperation) bool { return o.Namespace == pod.GetNamespace() })
	})
	return builder.ControllerManagedBy(mgr).
		Named("operations").
		For(&v1alpha1.StorageOperation{}, changed).
		Watches(&v1alpha1.StorageDisk{}, every, changed).
		Watches(&v1alpha1.StorageCluster{}, ofCluster, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Pod{}, beside, builder.WithPredicates(ends)).
		WatchesRawSource(trigger).
		WithOptions(controller.Options{
			ReconciliationTimeout: passTimeout,
			RateLimiter:           workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryLast),
		}).
		Complete(r)
}

// OfCluster finds the operations of a cluster that have not come to their end.
func (r *Reconciler) OfCluster(ctx context.Context, cluster types.NamespacedName) []reconcile.Request {
	return r.unfinished(ctx, func(o *v1alpha1.StorageOperation) bool {
		return o.Namespace == cluster.Namespace && o.Spec.ClusterRef.Name == cluster.Name
	})
}

func (r *Reconciler) unfinished(ctx context.Context, wanted func(*v1alpha1.StorageOperation) bool) []reconcile.Request {
	var list v1alpha1.StorageOperationList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil // only when the cache is not started: then every object is still to be reconciled
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if o := &list.Items[i]; wanted(o) && !plan.OperationFinished(&o.Status) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)})
		}
	}
	return requests
}
