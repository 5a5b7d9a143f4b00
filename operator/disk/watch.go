package disk

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
)

// SetUp runs the controller in a manager. trigger asks for passes from within the program.
func (r *Reconciler) SetUp(mgr manager.Manager, trigger source.TypedSource[Request]) error {
	all := handler.TypedEnqueueRequestsFromMapFunc(func(context.Context, client.Object) []Request { return []Request{{}} })
	return builder.TypedControllerManagedBy[Request](mgr).
		Named("disks").
		Watches(&v1alpha1.StorageDisk{}, all, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&v1alpha1.StorageCluster{}, all, builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&corev1.Node{}, all, builder.WithPredicates(nodeDiffers())).
		Watches(&coordinationv1.Lease{}, all, builder.WithPredicates(leaseRevives())).
		Watches(&corev1.Secret{}, all, builder.WithPredicates(ofComponent(manifest.ComponentIdentity, manifest.ComponentReservation))).
		Watches(&appsv1.Deployment{}, all, builder.WithPredicates(ofComponent(manifest.ComponentOSD))).
		Watches(&corev1.Pod{}, all, builder.WithPredicates(ofComponent(manifest.ComponentOSD))).
		WatchesRawSource(trigger).
		Complete(r)
}

// nodeDiffers lets changes of nodes through that are decided on.
func nodeDiffers() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, okBefore := e.ObjectOld.(*corev1.Node)
		after, okAfter := e.ObjectNew.(*corev1.Node)
		return !okBefore || !okAfter || observe.NodeDiffers(before, after)
	}}
}

// leaseRevives lets a Lease of discover through that appears, goes, or is renewed after a silence.
func leaseRevives() predicate.Predicate {
	isDiscovers := func(o client.Object) bool { return o.GetLabels()[observe.LabelComponent] == v1alpha1.ComponentDiscover }
	return predicate.And(predicate.NewPredicateFuncs(isDiscovers), predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, okBefore := e.ObjectOld.(*coordinationv1.Lease)
		after, okAfter := e.ObjectNew.(*coordinationv1.Lease)
		return !okBefore || !okAfter || observe.LeaseRevives(before, after)
	}})
}

// ofComponent lets objects of some components through that changed.
func ofComponent(components ...string) predicate.Predicate {
	return predicate.And(predicate.ResourceVersionChangedPredicate{}, predicate.NewPredicateFuncs(func(o client.Object) bool {
		component := o.GetLabels()[manifest.LabelComponent]
		for _, wanted := range components {
			if component == wanted {
				return true
			}
		}
		return false
	}))
}
