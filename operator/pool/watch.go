package pool

import (
	"context"
	"slices"
	"strings"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
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
	// objectsAtOnce is how many objects of a kind are reconciled at the same time; each of them by one worker.
	objectsAtOnce = 4
	// passTimeout bounds one pass, so that an object that hangs gives its worker back.
	passTimeout = 2 * time.Minute
	// retryFirst and retryLast are the pauses after a pass that failed.
	retryFirst = 200 * time.Millisecond
	retryLast  = time.Minute
)

// SetUp runs the controller in a manager. trigger asks for passes from within the program.
func (r *Reconciler) SetUp(mgr manager.Manager, trigger source.TypedSource[reconcile.Request]) error {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})
	return builder.ControllerManagedBy(mgr).
		Named(r.Kind.controller()).
		For(r.Kind.empty(), changed).
		Watches(&v1alpha1.StorageCluster{}, handler.EnqueueRequestsFromMapFunc(r.ofClusterObject),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&storagev1.StorageClass{}, handler.EnqueueRequestsFromMapFunc(r.ofClass), changed).
		WatchesRawSource(trigger).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: objectsAtOnce, ReconciliationTimeout: passTimeout,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryLast),
		}).
		Complete(r)
}

// OfCluster finds the objects of a cluster of which something changed. Before the caches are filled it finds none, and
// need not: every object is still to be reconciled then.
func (r *Reconciler) OfCluster(ctx context.Context, cluster types.NamespacedName) []reconcile.Request {
	return r.objects(ctx, func(object client.Object) bool {
		name, _ := r.Kind.wants(object)
		return object.GetNamespace() == cluster.Namespace && name == cluster.Name
	})
}

func (r *Reconciler) ofClusterObject(ctx context.Context, cluster client.Object) []reconcile.Request {
	return r.OfCluster(ctx, client.ObjectKeyFromObject(cluster))
}

// ofClass finds the objects that a StorageClass belongs to, or whose name is taken by it.
func (r *Reconciler) ofClass(ctx context.Context, class client.Object) []reconcile.Request {
	namespace, name, _ := strings.Cut(class.GetAnnotations()[r.Kind.owner().Annotation], "/")
	return r.objects(ctx, func(object client.Object) bool {
		_, classes := r.Kind.wants(object)
		return object.GetNamespace() == namespace && object.GetName() == name || slices.Contains(classes, class.GetName())
	})
}

func (r *Reconciler) objects(ctx context.Context, wanted func(client.Object) bool) []reconcile.Request {
	list := r.Kind.list()
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil // only when the cache is not started: then every object is still to be reconciled
	}
	var requests []reconcile.Request
	err := meta.EachListItem(list, func(item runtime.Object) error {
		if object, ok := item.(client.Object); ok && wanted(object) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		}
		return nil
	})
	if err != nil {
		return nil // only of what is no list
	}
	return requests
}
