package pool

import (
	"context"
	"strings"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Limits of the controller.
const (
	// poolsAtOnce is how many pools are reconciled at the same time; each of them by one worker.
	poolsAtOnce = 4
	// passTimeout bounds one pass, so that a pool that hangs gives its worker back.
	passTimeout = 2 * time.Minute
	// retryFirst and retryLast are the pauses after a pass that failed.
	retryFirst = 200 * time.Millisecond
	retryLast  = time.Minute
)

// SetUp runs the controller in a manager. trigger asks for passes from within the program.
func (r *Reconciler) SetUp(mgr manager.Manager, trigger source.TypedSource[reconcile.Request]) error {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})
	return builder.ControllerManagedBy(mgr).
		Named("pools").
		For(&v1alpha1.StoragePool{}, changed).
		Watches(&v1alpha1.StorageCluster{}, handler.EnqueueRequestsFromMapFunc(r.poolsOfCluster),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&storagev1.StorageClass{}, handler.EnqueueRequestsFromMapFunc(r.poolsOfClass), changed).
		WatchesRawSource(trigger).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: poolsAtOnce, ReconciliationTimeout: passTimeout,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryLast),
		}).
		Complete(r)
}

// OfCluster finds the pools of a cluster of which something changed. Before the caches are filled it finds none, and
// need not: every pool is still to be reconciled then.
func (r *Reconciler) OfCluster(ctx context.Context, cluster types.NamespacedName) []reconcile.Request {
	return r.pools(ctx, func(pool *v1alpha1.StoragePool) bool {
		return pool.Namespace == cluster.Namespace && pool.Spec.ClusterRef.Name == cluster.Name
	})
}

func (r *Reconciler) poolsOfCluster(ctx context.Context, cluster client.Object) []reconcile.Request {
	return r.OfCluster(ctx, client.ObjectKeyFromObject(cluster))
}

// poolsOfClass finds the pools that a StorageClass belongs to, or whose name is taken by it.
func (r *Reconciler) poolsOfClass(ctx context.Context, class client.Object) []reconcile.Request {
	namespace, name, _ := strings.Cut(class.GetAnnotations()[v1alpha1.AnnotationPool], "/")
	return r.pools(ctx, func(pool *v1alpha1.StoragePool) bool {
		if pool.Namespace == namespace && pool.Name == name {
			return true
		}
		for _, wanted := range pool.Spec.StorageClasses {
			if wanted.Name == class.GetName() {
				return true
			}
		}
		return false
	})
}

func (r *Reconciler) pools(ctx context.Context, wanted func(*v1alpha1.StoragePool) bool) []reconcile.Request {
	var pools v1alpha1.StoragePoolList
	if err := r.Client.List(ctx, &pools, client.UnsafeDisableDeepCopy); err != nil {
		return nil // only when the cache is not started: then every pool is still to be reconciled
	}
	var requests []reconcile.Request
	for i := range pools.Items {
		if wanted(&pools.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&pools.Items[i])})
		}
	}
	return requests
}
