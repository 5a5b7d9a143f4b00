package operation

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
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
	State(cluster types.NamespacedName) session.State
	Client(cluster types.NamespacedName) (ceph.Client, error)
}

// Reconciler reconciles StorageOperations. It remembers nothing from one pass to the next.
type Reconciler struct {
	Client   client.Client
	Sessions Sessions
	Events   events.EventRecorder
	Now      func() time.Time
}

// Reconcile plans one operation and writes the plan, if that changes it. One that came to its end is left alone.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	operation := &v1alpha1.StorageOperation{}
	if err := r.Client.Get(ctx, request.NamespacedName, operation); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !operation.DeletionTimestamp.IsZero() || plan.OperationFinished(&operation.Status) {
		return reconcile.Result{}, nil
	}
	in, err := r.observe(ctx, operation)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("observe: %w", err)
	}
	if in.Found && in.Ceph.Reach == "" && operation.Status.Plan != nil && in.Spec.Intent != v1alpha1.IntentCancel {
		return reconcile.Result{}, nil // Ceph was not asked yet since the operator began: its first look wakes us
	}
	return r.report(ctx, operation, plan.OperationStatus(in, plan.ComputeOperation(in)), in.Ceph)
}

// observe reads the caches, and asks Ceph for the PGs of the OSDs that are meant.
func (r *Reconciler) observe(ctx context.Context, operation *v1alpha1.StorageOperation) (plan.OperationObserved, error) {
	key := types.NamespacedName{Namespace: operation.Namespace, Name: operation.Spec.ClusterRef.Name}
	cluster := &v1alpha1.StorageCluster{}
	err := r.Client.Get(ctx, key, cluster)
	if client.IgnoreNotFound(err) != nil {
		return plan.OperationObserved{}, err
	}
	in := plan.OperationObserved{
		Spec: operation.Spec, Cluster: plan.ClusterKey(key), FSID: cluster.Status.FSID, Found: err == nil,
		Previous: &operation.Status, Generation: operation.Generation, Now: r.Now().Truncate(time.Second),
	}
	var disks v1alpha1.StorageDiskList
	if err := r.Client.List(ctx, &disks, client.UnsafeDisableDeepCopy); err != nil {
		return in, fmt.Errorf("list disks: %w", err)
	}
	for i := range disks.Items {
		in.Disks = append(in.Disks, &disks.Items[i])
	}
	state := r.Sessions.State(key)
	in.Ceph = observe.CephFacts(state.Snapshot, state.Fresh(r.Now()), state.Err, state.Polls > 0)
	in.PGs = r.pgs(ctx, key, plan.OperationOSDs(in))
	return in, nil
}

// askTimeout bounds how long Ceph is asked for PGs.
const askTimeout = 30 * time.Second

// pgs reads the PGs of OSDs. What could not be read is left out, which is not the same as none.
func (r *Reconciler) pgs(ctx context.Context, cluster types.NamespacedName, osds []int32) map[int32][]ceph.PG {
	found := map[int32][]ceph.PG{}
	if len(osds) == 0 {
		return found
	}
	session, err := r.Sessions.Client(cluster)
	if err != nil {
		return found
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for _, id := range osds {
		if pgs, err := session.PGsOfOSD(limited, int(id)); err == nil {
			found[id] = pgs
		}
	}
	return found
}

// staleSoon is when an operation is planned again while Ceph does not tell what is needed.
const staleSoon = 15 * time.Second

func (r *Reconciler) report(
	ctx context.Context, operation *v1alpha1.StorageOperation, status v1alpha1.StorageOperationStatus, facts plan.CephFacts,
) (reconcile.Result, error) {
	wrote, err := execute.OperationStatus(ctx, r.Client, operation, status)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, err
	}
	if wrote && err == nil {
		execute.Tell(ctx, r.Events, v1alpha1.KindStorageOperation, operation, operation.Status.Conditions, status.Conditions)
	}
	if plan.OperationFinished(&status) || facts.Reach != plan.ReachAnswering {
		return reconcile.Result{}, nil // the session wakes us when Ceph answers
	}
	return reconcile.Result{RequeueAfter: again(status)}, nil
}

// again is when to look anew although nobody was woken: while the PGs could not be read, or the snapshot grew old.
func again(status v1alpha1.StorageOperationStatus) time.Duration {
	for _, blocker := range status.Plan.Blockers {
		if blocker.Reason == v1alpha1.ReasonStaleData {
			return staleSoon
		}
	}
	return 0
}
