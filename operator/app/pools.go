package app

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/pool"
	"github.com/seamount-dev/seamount/operator/session"
	"github.com/seamount-dev/seamount/operator/trigger"
)

// poolController is the controller of a kind of objects with pools of Ceph, which the sessions wake: they are made before
// it is.
type poolController struct {
	kind       pool.Kind
	trigger    trigger.Trigger[reconcile.Request]
	reconciler atomic.Pointer[pool.Reconciler]
}

// poolControllers are those of all kinds.
func poolControllers() []*poolController {
	return []*poolController{{kind: pool.Pools{}}, {kind: pool.Filesystems{}}}
}

func (p *poolController) setUp(mgr manager.Manager, executor *execute.Executor, sessions *session.Pool) error {
	reconciler := &pool.Reconciler{
		Kind: p.kind, Client: mgr.GetClient(), Executor: executor, Sessions: sessions, Memory: &pool.Memory{}, Now: time.Now,
	}
	p.reconciler.Store(reconciler)
	return reconciler.SetUp(mgr, &p.trigger)
}

// wake reconciles the objects of a cluster of which something changed. It only looks into the cache.
func (p *poolController) wake(cluster types.NamespacedName) {
	reconciler := p.reconciler.Load()
	if reconciler == nil {
		return
	}
	for _, request := range reconciler.OfCluster(context.Background(), cluster) {
		p.trigger.Fire(request)
	}
}
