package cluster

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
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// Sessions are the sessions with Ceph clusters.
type Sessions interface {
	Ensure(cluster types.NamespacedName, target session.Target)
	Forget(cluster types.NamespacedName)
	Poke(cluster types.NamespacedName)
	State(cluster types.NamespacedName) session.State
	Client(cluster types.NamespacedName) (ceph.Client, error)
}

// Disks has the plan of each cluster's disks.
type Disks interface {
	Of(cluster plan.ClusterKey) *plan.ClusterDisks
}

// Reconciler reconciles StorageClusters. It holds nothing of one pass: only what must not be forgotten between two, in
// Memory.
type Reconciler struct {
	Client client.Client
	// Namespace of Seamount, where discover's Leases are.
	Namespace string
	Executor  *execute.Executor
	Sessions  Sessions
	Disks     Disks
	// Dial opens a session beside those, for what they cannot do.
	Dial   session.Dial
	Memory *Memory
	// MonGrace is how long a mon must have been lost before another takes its place; 0: plan.DefaultMonGrace.
	MonGrace time.Duration
	Now      func() time.Time
}

// scope is what one pass knows.
type scope struct {
	name     types.NamespacedName
	object   *v1alpha1.StorageCluster
	stored   *observe.Stored
	observed plan.Observed
	plan     plan.Plan
	outcome  execute.Outcome
}

// Reconcile makes one pass over a StorageCluster: the status is written also when a step failed.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s := &scope{name: request.NamespacedName, object: &v1alpha1.StorageCluster{}}
	if err := r.Client.Get(ctx, s.name, s.object); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.Sessions.Forget(s.name)
			r.Memory.forget(s.name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	for _, phase := range []struct {
		name string
		do   func(context.Context, *scope) error
	}{
		{"observe", r.observe},
		{"connect", r.connect},
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
	if s.outcome.Left > 0 {
		return reconcile.Result{RequeueAfter: time.Millisecond}, nil // there is more to do
	}
	return reconcile.Result{RequeueAfter: s.plan.After}, nil
}

// observe reads Kubernetes: nothing but the caches.
func (r *Reconciler) observe(ctx context.Context, s *scope) (err error) {
	key := plan.ClusterKey{Namespace: s.name.Namespace, Name: s.name.Name}
	if s.stored, err = observe.Read(ctx, r.Client, r.Executor.Live, key); err != nil {
		return err
	}
	s.stored.Know(s.object.Status.FSID)
	nodes, _, err := observe.Nodes(ctx, r.Client, r.Namespace, r.Now())
	if err != nil {
		return err
	}
	dependents, err := observe.ReadDependents(ctx, r.Client, key)
	if err != nil {
		return err
	}
	facts := plan.FactsOf(&s.object.Spec, nodes, s.stored.Mons, s.object.Status)
	s.observed = plan.Observed{
		Now: r.Now().Truncate(time.Second), Key: key, Spec: plan.Resolve(&s.object.Spec, facts), MonGrace: r.MonGrace,
		Unavailable: plan.NotAvailableMessage(plan.NotAvailable(s.object)),
		Deleting:    !s.object.DeletionTimestamp.IsZero(),
		Generation:  s.object.Generation, Previous: &s.object.Status, Nodes: nodes,
		Traces: s.stored.Traces, KnownFSID: s.stored.KnownFSID, IdentityDamaged: s.stored.Damaged, Recovery: s.stored.Recovery.Recovery,
		Seed: s.stored.Seed, Mons: s.stored.Mons, Mgrs: s.stored.Mgrs, MDSs: s.stored.MDSs,
		Reservations: s.stored.Planned, Deployed: s.stored.Deployed, Leaving: s.stored.Leaving, Disks: r.Disks.Of(key),
		Applied: s.stored.Applied.Config, AppliedModules: s.stored.Applied.Modules, Noouts: s.stored.Applied.Noouts, Budgets: s.stored.Budgets,
		Operations: dependents.Operations, Dependents: dependents.Cluster,
		Users:  plan.Users{Handed: s.stored.HandedUsers()},
		Purged: plan.Purged(s.stored.Operations),
	}
	if s.observed.Filesystems, err = observe.ClusterFilesystems(ctx, r.Client, key, s.observed.Spec); err != nil {
		return err
	}
	if s.observed.Deleting {
		if err := r.wiping(ctx, s); err != nil {
			return err
		}
	}
	if s.stored.Identity != nil {
		s.observed.Identity = &plan.Identity{FSID: s.stored.Identity.FSID, Created: s.stored.Created}
	}
	s.observed.Render = r.Memory.render(s.name, execute.Builder(s.object, s.observed.Spec, s.stored.FSID(), r.Executor.NodeImage, ""))
	r.Memory.recall(s.name, &s.observed)
	return nil
}

// connect keeps the session with the cluster, from the moment on when its mons are known, and takes what it saw.
func (r *Reconciler) connect(_ context.Context, s *scope) error {
	if s.stored.Identity == nil || len(s.stored.Mons.Mons) == 0 {
		r.Sessions.Forget(s.name)
		return nil
	}
	r.Sessions.Ensure(s.name, s.target(adminEntity, s.stored.Identity.Admin))
	state := r.Sessions.State(s.name)
	if state.Snapshot == nil && monRuns(s.stored.Deployed) {
		r.Sessions.Poke(s.name) // it may answer now
	}
	s.observed.Ceph = observe.CephFacts(state.Snapshot, state.Fresh(r.Now()), state.Err, state.Polls > 0)
	return nil
}

// target is the cluster as somebody sees it. When the record of its mons is lost, the status still has them.
func (s *scope) target(entity string, key ceph.Secret) session.Target {
	target := session.Target{FSID: s.stored.FSID(), Entity: entity, Key: key}
	for _, mon := range s.stored.Mons.Mons {
		target.MonHosts = append(target.MonHosts, mon.AddressVector())
	}
	for _, mon := range s.object.Status.Mons {
		if len(s.stored.Mons.Mons) == 0 && mon.Address != "" {
			target.MonHosts = append(target.MonHosts, handover.Mon{Address: mon.Address}.AddressVector())
		}
	}
	return target
}

// adminEntity is whom the operator acts as.
const adminEntity = "client.admin"

func monRuns(deployed []plan.Deployed) bool {
	for _, d := range deployed {
		if d.Daemon.Kind == plan.DaemonMon && d.Running {
			return true
		}
	}
	return false
}

// plan decides.
func (r *Reconciler) plan(_ context.Context, s *scope) error {
	r.Memory.noteLost(s.name, &s.observed)
	s.plan = plan.Compute(s.observed)
	return nil
}

// hold puts the finalizer on the object before anything is made for it.
func (r *Reconciler) hold(ctx context.Context, s *scope) error {
	if s.observed.Deleting || s.plan.Refusal != nil {
		return nil
	}
	return execute.EnsureFinalizer(ctx, r.Client, s.object)
}

// execute does the steps. What failed is told after the status was written.
func (r *Reconciler) execute(ctx context.Context, s *scope) error {
	s.outcome = r.Executor.Run(ctx, execute.Target{
		Object: s.object, Spec: s.observed.Spec, Stored: s.stored,
		Ceph: func() (ceph.Client, error) { return r.Sessions.Client(s.name) },
		Connect: func(ctx context.Context, entity string, key ceph.Secret) (ceph.Client, error) {
			return r.Dial(ctx, s.target(entity, key))
		},
	}, s.plan)
	r.Memory.noteTrouble(s.name, s.outcome.Trouble)
	if s.outcome.UsersChecked {
		r.Memory.noteUsers(s.name, s.outcome.Granted)
	}
	if s.stored.Recovery.KeyFound && s.outcome.Trouble == "" {
		r.Sessions.Forget(s.name) // an open one has the capabilities that it was opened with
	}
	r.Memory.deny(s.name, s.observed.Now, s.outcome.Denied)
	if s.outcome.Done > 0 {
		r.Sessions.Poke(s.name)
	}
	return nil
}

// report writes the status: every condition, every time, and nothing when nothing changed.
func (r *Reconciler) report(ctx context.Context, s *scope) error {
	if r.starting(s) {
		return nil
	}
	status := plan.ClusterStatus(s.observed, s.plan)
	wrote, err := execute.ClusterStatus(ctx, r.Client, s.object, status)
	if wrote && err == nil {
		r.Memory.reported(s.name, s.observed.Now, &s.object.Status, &status)
		tell(ctx, r.Executor.Events, s.object, status.Conditions)
	}
	if client.IgnoreNotFound(err) == nil || execute.IgnoreConflict(err) == nil {
		return nil // released, or changed: there is another pass for it
	}
	return errors.Join(err, s.outcome.Err)
}
