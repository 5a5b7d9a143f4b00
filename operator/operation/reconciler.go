package operation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// Sessions are the sessions with Ceph clusters, which the controller of clusters opens.
type Sessions interface {
	State(cluster types.NamespacedName) session.State
	Client(cluster types.NamespacedName) (ceph.Client, error)
	Poke(cluster types.NamespacedName)
}

// Reconciler reconciles StorageOperations. It remembers nothing from one pass to the next but when it wrote progress.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader
	Sessions Sessions
	Executor *execute.Operations
	// Namespace of Seamount, where discover's Leases are.
	Namespace string
	Now       func() time.Time

	mu         sync.Mutex
	progressAt map[types.UID]time.Time
}

// Reconcile makes one pass over an operation. One that came to its end is let go, and left alone from then on.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	operation := &v1alpha1.StorageOperation{}
	if err := r.Client.Get(ctx, request.NamespacedName, operation); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if plan.OperationFinished(&operation.Status) {
		if unnoted, err := r.unnoted(ctx, operation); unnoted || err != nil {
			return reconcile.Result{RequeueAfter: noteSoon}, err
		}
		return reconcile.Result{}, r.end(ctx, operation)
	}
	s := &scope{operation: operation}
	if err := r.observe(ctx, s); err != nil {
		return reconcile.Result{}, fmt.Errorf("observe: %w", err)
	}
	if s.in.Record == nil && !operation.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.end(ctx, operation)
	}
	if s.in.Found && s.in.Wipe == nil && s.in.Ceph.Reach == "" && operation.Status.Plan != nil && s.in.Spec.Intent != v1alpha1.IntentCancel {
		return reconcile.Result{}, nil // Ceph was not asked yet since the operator began: its first look wakes us
	}
	return r.carry(ctx, s)
}

// end lets go of an operation that has come to its end.
func (r *Reconciler) end(ctx context.Context, operation *v1alpha1.StorageOperation) error {
	if kept, err := r.kept(ctx, operation); !kept || err != nil {
		return err
	}
	r.forget(operation.UID)
	return execute.IgnoreConflict(r.Executor.EndOperation(ctx, operation))
}

// carry does the next steps, and tells. What kept a step back is told too.
func (r *Reconciler) carry(ctx context.Context, s *scope) (reconcile.Result, error) {
	carried := plan.Carry(s.in)
	done, err := r.Executor.Run(ctx, r.target(s), carried.Steps)
	var unsafe *execute.Unsafe
	if errors.As(err, &unsafe) {
		s.in.Unsafe, err = &unsafe.Refusal, nil
		carried.Status, carried.After = plan.Carry(s.in).Status, max(carried.After, plan.LookKeptBack)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.in.Trouble = execute.Trouble(err)
		carried.Status = plan.Carry(s.in).Status
	}
	if done > 0 || carried.Ending() {
		r.Sessions.Poke(s.cluster) // else an OSD that went down is seen when Ceph at rest is asked again
	}
	if done > 0 {
		carried.After = time.Millisecond // what was done is looked at
	}
	if wrong := r.report(ctx, s, carried.Status); wrong != nil || err != nil {
		return reconcile.Result{}, errors.Join(err, wrong)
	}
	if plan.OperationFinished(&carried.Status) {
		return reconcile.Result{RequeueAfter: time.Millisecond}, nil // it is let go once the cache shows that
	}
	return reconcile.Result{RequeueAfter: r.again(s, carried)}, nil
}

func (r *Reconciler) report(ctx context.Context, s *scope, status v1alpha1.StorageOperationStatus) error {
	before := s.operation.Status
	wrote, err := execute.OperationStatus(ctx, r.Client, s.operation, status)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if wrote && err == nil {
		if !reflect.DeepEqual(before.Progress, status.Progress) {
			r.wrote(s.operation.UID, s.in.Now)
		}
		execute.Tell(ctx, r.Executor.Events, v1alpha1.KindStorageOperation, s.operation, before.Conditions, status.Conditions)
	}
	return nil
}

// again is when to look anew although nobody was woken.
func (r *Reconciler) again(s *scope, carried plan.Carried) time.Duration {
	if s.in.Record != nil || carried.After > 0 {
		return carried.After
	}
	if s.in.Spec.Type == v1alpha1.OperationWipe && s.in.Busy != "" {
		return staleSoon // the deletion of the cluster may have made it, and nobody says when its record is seen
	}
	if s.in.Ceph.Reach != plan.ReachAnswering {
		return 0 // the session wakes us when Ceph answers
	}
	for _, blocker := range carried.Status.Plan.Blockers {
		if blocker.Reason == v1alpha1.ReasonStaleData {
			return staleSoon // the PGs could not be read, or the snapshot grew old
		}
	}
	return 0
}

// staleSoon is when an operation is planned again while Ceph does not tell what is needed.
const staleSoon = 15 * time.Second

// noteSoon is when it is looked again whether the deletion of a cluster has recorded what an operation of it did.
const noteSoon = time.Second

func (r *Reconciler) wrote(operation types.UID, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progressAt == nil {
		r.progressAt = map[types.UID]time.Time{}
	}
	r.progressAt[operation] = at
}

func (r *Reconciler) forget(operation types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.progressAt, operation)
}
