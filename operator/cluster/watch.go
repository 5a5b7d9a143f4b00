package cluster

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
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
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
)

// Limits of the controller.
const (
	// clustersAtOnce is how many clusters are reconciled at the same time; each of them by one worker.
	clustersAtOnce = 4
	// passTimeout bounds one pass, so that a cluster that hangs gives its worker back.
	passTimeout = 2 * time.Minute
	// retryFirst and retryLast are the pauses after a pass that failed.
	retryFirst = 200 * time.Millisecond
	retryLast  = time.Minute
)

// SetUp runs the controller in a manager. trigger asks for passes from within the program.
func (r *Reconciler) SetUp(mgr manager.Manager, trigger source.TypedSource[reconcile.Request]) error {
	changed := builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})
	parts := handler.EnqueueRequestsFromMapFunc(r.clusterOfPart)
	dependents := handler.EnqueueRequestsFromMapFunc(clusterOfDependent)
	return builder.ControllerManagedBy(mgr).
		Named("clusters").
		For(&v1alpha1.StorageCluster{}, changed).
		Watches(&corev1.Secret{}, parts, changed).
		Watches(&corev1.ConfigMap{}, parts, changed).
		Watches(&corev1.Service{}, parts, changed).
		Watches(&appsv1.Deployment{}, parts, changed).
		Watches(&corev1.Pod{}, parts, changed).
		Watches(&policyv1.PodDisruptionBudget{}, parts, builder.WithPredicates(budgetDiffers())).
		Watches(&v1alpha1.StoragePool{}, dependents, builder.WithPredicates(comesOrGoes())).
		Watches(&v1alpha1.StorageFilesystem{}, dependents, builder.WithPredicates(specDiffers())).
		Watches(&v1alpha1.ObjectStore{}, dependents, builder.WithPredicates(comesOrGoes())).
		Watches(&v1alpha1.StorageOperation{}, dependents, changed).
		Watches(&corev1.Node{}, handler.EnqueueRequestsFromMapFunc(r.allClusters), builder.WithPredicates(nodeDiffers())).
		WatchesRawSource(trigger).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: clustersAtOnce, ReconciliationTimeout: passTimeout,
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryLast),
		}).
		Complete(r)
}

// clusterOfPart finds the cluster that an object belongs to by its label, in which a long name is cut.
func (r *Reconciler) clusterOfPart(ctx context.Context, part client.Object) []reconcile.Request {
	label := part.GetLabels()[v1alpha1.LabelCluster]
	if label == "" {
		return nil
	}
	shared := part.GetName() == handover.CSISecretName
	return r.clusters(ctx, func(cluster *v1alpha1.StorageCluster) bool {
		return cluster.Namespace == part.GetNamespace() && (shared || v1alpha1.ClusterLabelValue(cluster.Namespace, cluster.Name) == label)
	})
}

func (r *Reconciler) allClusters(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.clusters(ctx, func(*v1alpha1.StorageCluster) bool { return true })
}

func (r *Reconciler) clusters(ctx context.Context, wanted func(*v1alpha1.StorageCluster) bool) []reconcile.Request {
	var clusters v1alpha1.StorageClusterList
	if err := r.Client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return nil // only when the cache is not started: then every cluster is still to be reconciled
	}
	var requests []reconcile.Request
	for i := range clusters.Items {
		if wanted(&clusters.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&clusters.Items[i])})
		}
	}
	return requests
}

// clusterOfDependent finds the cluster that a pool, a filesystem, an object store or an operation names.
func clusterOfDependent(_ context.Context, dependent client.Object) []reconcile.Request {
	name := observe.ClusterOf(dependent)
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: dependent.GetNamespace(), Name: name}}}
}

// comesOrGoes lets objects through that are new or gone: a dependent matters by being there.
func comesOrGoes() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}

// specDiffers lets objects through that are new or gone, or are asked for otherwise than before: servers and users follow
// from a filesystem's spec.
func specDiffers() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
			e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	}}
}

// budgetDiffers lets a budget through that somebody has changed. What Kubernetes counts in it changes with every pod.
func budgetDiffers() predicate.Predicate {
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
}

// nodeDiffers lets changes of nodes through that are decided on.
func nodeDiffers() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, okBefore := e.ObjectOld.(*corev1.Node)
		after, okAfter := e.ObjectNew.(*corev1.Node)
		return !okBefore || !okAfter || observe.NodeDiffers(before, after)
	}}
}
