package pool

import (
	"context"
	"errors"
	"fmt"
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

// Reconciler reconciles the objects of one kind. It holds nothing of one pass: only what need not be asked twice, in Memory.
type Reconciler struct {
	Kind     Kind
	Client   client.Client
	Executor *execute.Executor
	Sessions Sessions
	Memory   *Memory
	Now      func() time.Time
}

// scope is what one pass knows.
type scope struct {
	name, cluster types.NamespacedName
	object        client.Object
	pass          pass
	steps         []plan.Step
	after         time.Duration
	outcome       execute.PoolOutcome
}

// Reconcile makes one pass over an object: the status is written also when a step failed.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s := &scope{name: request.NamespacedName, object: r.Kind.empty()}
	if err := r.Client.Get(ctx, s.name, s.object); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.Memory.forget(s.name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	cluster, _ := r.Kind.wants(s.object)
	s.cluster = types.NamespacedName{Namespace: s.name.Namespace, Name: cluster}
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
	return reconcile.Result{RequeueAfter: r.again(s)}, nil
}

// again is when the next pass is due: when the plan asks for one, or when the list of what the object holds is believed no more. Nobody
// announces that a volume is gone, and while one is listed the deletion of the object is refused.
func (r *Reconciler) again(s *scope) time.Duration {
	known := r.Memory.of(s.name)
	if known.content.Volumes+known.content.Snapshots == 0 {
		return s.after
	}
	return min(s.after, max(known.contentUntil.Sub(r.Now()), contentAtLeast))
}

// observe reads Kubernetes: the caches, and live what no cache can have.
func (r *Reconciler) observe(ctx context.Context, s *scope) error {
	cluster := &v1alpha1.StorageCluster{}
	err := r.Client.Get(ctx, s.cluster, cluster)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	resolved := plan.Resolve(&cluster.Spec, plan.ClusterFacts{})
	s.pass = r.Kind.pass(s.object, resolved)
	in := s.pass.observed()
	*in = plan.OwnerObserved{
		Now: r.Now().Truncate(time.Second), Key: plan.PoolKey{Namespace: s.name.Namespace, Name: s.name.Name},
		Cluster: plan.PoolCluster{
			Found: err == nil, Identity: cluster.Status.FSID != "", Paused: resolved.Pause == v1alpha1.PauseAll,
		},
		Deleting: !s.object.GetDeletionTimestamp().IsZero(), Generation: s.object.GetGeneration(),
		CapacityAt: r.Memory.of(s.name).capacityAt,
	}
	_, classes := r.Kind.wants(s.object)
	in.Classes, in.Snapshots, err = observe.VolumeClasses(ctx, r.Client, r.Executor.Live, r.Kind.owner(), in.Key, classes)
	return errors.Join(err, s.pass.gather(ctx, r.Client))
}

// look takes what the session with the cluster saw, and lists what the object holds: when it was some time ago (see believed), and
// whenever that decides whether it is deleted.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	state, in := r.Sessions.State(s.cluster), s.pass.observed()
	in.Ceph = observe.CephFacts(state.Snapshot, state.Fresh(r.Now()), state.Err, state.Polls > 0)
	if !in.Ceph.Fresh {
		return nil
	}
	listable, why := s.pass.listable(state.Snapshot)
	if in.Content.Trouble = why; !listable {
		return nil
	}
	known := r.Memory.of(s.name)
	if known.content.Known && !in.Deleting && r.Now().Before(known.contentUntil) {
		in.Content = known.content
		return nil
	}
	session, err := r.Sessions.Client(s.cluster)
	if err != nil {
		in.Content.Trouble = err.Error()
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	start := r.Now()
	in.Content = s.pass.content(limited, session)
	end := r.Now()
	r.Memory.listed(s.name, end.Add(believed(end.Sub(start))), in.Content)
	return nil
}

// listTimeout bounds the listing of what is in a pool or a filesystem: one whose PGs are not active does not answer.
const listTimeout = 10 * time.Second

// plan decides.
func (r *Reconciler) plan(_ context.Context, s *scope) error {
	s.steps, s.after = s.pass.compute()
	return nil
}

// hold puts the finalizer on the object before anything is made for it.
func (r *Reconciler) hold(ctx context.Context, s *scope) error {
	if in := s.pass.observed(); in.Deleting || !in.Cluster.Found {
		return nil
	}
	return execute.EnsureOwnerFinalizer(ctx, r.Client, r.Kind.owner(), s.object)
}

// execute does the steps. What failed is told after the status was written, and what an object holds may be another thing
// than before.
func (r *Reconciler) execute(ctx context.Context, s *scope) error {
	s.outcome = r.Executor.RunPool(ctx, execute.PoolTarget{
		Kind: r.Kind.owner(), Object: s.object, Cluster: s.cluster.Name,
		Ceph: func() (ceph.Client, error) { return r.Sessions.Client(s.cluster) },
	}, s.steps)
	if s.outcome.Err != nil {
		s.pass.observed().Trouble = s.outcome.Err.Error()
	}
	if s.outcome.Done > 0 {
		r.Memory.stale(s.name)
		r.Sessions.Poke(s.cluster)
	}
	return nil
}

// report writes the status: every condition, every time, and nothing when nothing changed.
func (r *Reconciler) report(ctx context.Context, s *scope) error {
	status, kind := s.pass.report(), r.Kind.owner()
	wrote, err := execute.OwnerStatus(ctx, r.Client, kind, s.object, status.before, status.after)
	if wrote && err == nil {
		r.Memory.reported(s.name, s.pass.observed().Now, status.capacityBefore, status.capacityAfter)
		execute.Tell(ctx, r.Executor.Events, kind.Kind, s.object, status.conditionsBefore, status.conditionsAfter)
	}
	if client.IgnoreNotFound(err) == nil || execute.IgnoreConflict(err) == nil {
		return nil // released, or changed: there is another pass for it
	}
	return errors.Join(err, s.outcome.Err)
}
