package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// Sessions are the sessions with Ceph clusters, which the controller of clusters opens.
type Sessions interface {
	Poke(cluster types.NamespacedName)
	State(cluster types.NamespacedName) session.State
	Client(cluster types.NamespacedName) (ceph.Client, error)
}

// Reconciler reconciles StoragePools. It holds nothing of one pass: only what need not be asked twice, in Memory.
type Reconciler struct {
	Client   client.Client
	Executor *execute.Executor
	Sessions Sessions
	Memory   *Memory
	Now      func() time.Time
}

// scope is what one pass knows.
type scope struct {
	name, cluster types.NamespacedName
	object        *v1alpha1.StoragePool
	observed      plan.PoolObserved
	plan          plan.PoolPlan
	outcome       execute.PoolOutcome
}

// Reconcile makes one pass over a StoragePool: the status is written also when a step failed.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s := &scope{name: request.NamespacedName, object: &v1alpha1.StoragePool{}}
	if err := r.Client.Get(ctx, s.name, s.object); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.Memory.forget(s.name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	s.cluster = types.NamespacedName{Namespace: s.name.Namespace, Name: s.object.Spec.ClusterRef.Name}
	for _, phase := range []struct {
		name string
		do   func(context.Context, *scope) error
	}{
		{"observe", r.observe},
		{"look into Ceph", r.look},
		{"plan", r.plan},
		{"hold the object", r.hold},
		{"execute", r.execute},
		{"report", r.report},
	} {
		if err := phase.do(ctx, s); err != nil {
			return reconcile.Result{}, fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	if s.outcome.Err != nil {
		return reconcile.Result{}, s.outcome.Err // tried again sooner than at any time that the plan names
	}
	return reconcile.Result{RequeueAfter: s.plan.After}, nil
}

// observe reads Kubernetes: the caches, and live what no cache can have.
func (r *Reconciler) observe(ctx context.Context, s *scope) error {
	cluster := &v1alpha1.StorageCluster{}
	err := r.Client.Get(ctx, s.cluster, cluster)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	key := plan.PoolKey{Namespace: s.name.Namespace, Name: s.name.Name}
	resolved := plan.Resolve(&cluster.Spec, plan.ClusterFacts{})
	s.observed = plan.PoolObserved{
		Now: r.Now().Truncate(time.Second), Key: key, Spec: plan.ResolvePool(&s.object.Spec, resolved),
		Cluster: plan.PoolCluster{
			Found: err == nil, Identity: cluster.Status.FSID != "", Paused: resolved.Pause == v1alpha1.PauseAll,
		},
		Deleting: !s.object.DeletionTimestamp.IsZero(), Generation: s.object.Generation, Previous: &s.object.Status,
		CapacityAt: r.Memory.of(s.name).capacityAt,
	}
	s.observed.Classes, s.observed.Snapshots, err = observe.VolumeClasses(ctx, r.Client, r.Executor.Live, key, s.observed.Spec.StorageClasses)
	return err
}

// look takes what the session with the cluster saw, and lists what is in the pool: each minute, and whenever that
// decides whether it is deleted.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	state := r.Sessions.State(s.cluster)
	s.observed.Ceph = observe.CephFacts(state.Snapshot, state.Fresh(r.Now()), state.Err, state.Polls > 0)
	if !s.observed.Ceph.Fresh || !exists(state.Snapshot, s.name.Name) {
		return nil
	}
	known := r.Memory.of(s.name)
	if known.content.Known && !s.observed.Deleting && r.Now().Sub(known.contentAt) < contentFor {
		s.observed.Content = known.content
		return nil
	}
	session, err := r.Sessions.Client(s.cluster)
	if err != nil {
		s.observed.Content.Trouble = err.Error()
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	s.observed.Content = observe.PoolContent(limited, session, s.name.Name)
	r.Memory.listed(s.name, r.Now(), s.observed.Content)
	return nil
}

// listTimeout bounds the listing of images: a pool whose PGs are not active does not answer.
const listTimeout = 10 * time.Second

func exists(snapshot *ceph.Snapshot, pool string) bool {
	return slices.ContainsFunc(snapshot.Pools, func(p ceph.Pool) bool { return p.Name == pool })
}

// plan decides.
func (r *Reconciler) plan(_ context.Context, s *scope) error {
	s.plan = plan.ComputePool(s.observed)
	return nil
}

// hold puts the finalizer on the object before anything is made for it.
func (r *Reconciler) hold(ctx context.Context, s *scope) error {
	if s.observed.Deleting || !s.observed.Cluster.Found {
		return nil
	}
	return execute.EnsurePoolFinalizer(ctx, r.Client, s.object)
}

// execute does the steps. What failed is told after the status was written.
func (r *Reconciler) execute(ctx context.Context, s *scope) error {
	s.outcome = r.Executor.RunPool(ctx, execute.PoolTarget{
		Object: s.object, Ceph: func() (ceph.Client, error) { return r.Sessions.Client(s.cluster) },
	}, s.plan.Steps)
	if s.outcome.Err != nil {
		s.observed.Trouble = s.outcome.Err.Error()
	}
	if s.outcome.Done > 0 {
		r.Sessions.Poke(s.cluster)
	}
	return nil
}

// report writes the status: every condition, every time, and nothing when nothing changed.
func (r *Reconciler) report(ctx context.Context, s *scope) error {
	status := plan.PoolStatus(s.observed, s.plan)
	wrote, err := execute.PoolStatus(ctx, r.Client, s.object, status)
	if wrote && err == nil {
		r.Memory.reported(s.name, s.observed.Now, s.object.Status.Capacity, status.Capacity)
		execute.Tell(ctx, r.Executor.Events, v1alpha1.KindStoragePool, s.object, s.object.Status.Conditions, status.Conditions)
	}
	if client.IgnoreNotFound(err) == nil || execute.IgnoreConflict(err) == nil {
		return nil // released, or changed: there is another pass for it
	}
	return errors.Join(err, s.outcome.Err)
}
