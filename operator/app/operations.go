package app

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/operation"
	"github.com/seamount-dev/seamount/operator/session"
	"github.com/seamount-dev/seamount/operator/trigger"
)

// operationController is the controller of operations, which the sessions wake: they are made before it is.
type operationController struct {
	trigger    trigger.Trigger[reconcile.Request]
	reconciler atomic.Pointer[operation.Reconciler]
}

func (o *operationController) setUp(mgr manager.Manager, executor *execute.Executor, home string, sessions *session.Pool) error {
	reconciler := &operation.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Sessions: sessions, Namespace: home, Now: time.Now,
		Executor: &execute.Operations{Client: executor.Client, Live: executor.Live, Applier: executor.Applier, Events: executor.Events},
	}
	o.reconciler.Store(reconciler)
	return reconciler.SetUp(mgr, &o.trigger)
}

// wake plans the operations of a cluster of which something changed. It only looks into the cache.
func (o *operationController) wake(cluster types.NamespacedName) {
	reconciler := o.reconciler.Load()
	if reconciler == nil {
		return
	}
	for _, request := range reconciler.OfCluster(context.Background(), cluster) {
		o.trigger.Fire(request)
	}
}
