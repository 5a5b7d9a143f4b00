package operation

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// scope is what one pass knows.
type scope struct {
	operation *v1alpha1.StorageOperation
	cluster   types.NamespacedName
	version   string // of the record
	in        plan.CarryObserved
}

// held says that something is kept for an operation.
func held(operation *v1alpha1.StorageOperation) bool {
	return controllerutil.ContainsFinalizer(operation, manifest.FinalizerOperation)
}

// kept says that something is kept for an operation, also when somebody took its finalizer off.
func (r *Reconciler) kept(ctx context.Context, operation *v1alpha1.StorageOperation) (bool, error) {
	if held(operation) {
		return true, nil
	}
	record, _, err := execute.OperationRecord(ctx, r.Client, operation)
	return record != nil, err
}

func clusterKey(operation *v1alpha1.StorageOperation) types.NamespacedName {
	return types.NamespacedName{Namespace: operation.Namespace, Name: operation.Spec.ClusterRef.Name}
}

// clusterOf reads the cluster of an operation: an empty one when there is none.
func (r *Reconciler) clusterOf(ctx context.Context, operation *v1alpha1.StorageOperation) (*v1alpha1.StorageCluster, error) {
	cluster := &v1alpha1.StorageCluster{}
	err := r.Client.Get(ctx, clusterKey(operation), cluster)
	return cluster, client.IgnoreNotFound(err)
}

// observe reads the caches and the record of the operation, and asks Ceph for what concerns its OSDs.
func (r *Reconciler) observe(ctx context.Context, s *scope) (err error) {
	operation := s.operation
	s.cluster = clusterKey(operation)
	cluster, err := r.clusterOf(ctx, operation)
	if err != nil {
		return err
	}
	s.in = plan.CarryObserved{
		OperationObserved: plan.OperationObserved{
			Spec: operation.Spec, Cluster: plan.ClusterKey(s.cluster), FSID: cluster.Status.FSID, Found: cluster.Name != "",
			Previous: &operation.Status, Generation: operation.Generation, Now: r.Now().Truncate(time.Second),
		},
		Name: operation.Name, UID: string(operation.UID), Deleting: !operation.DeletionTimestamp.IsZero(),
		Made:       operation.Labels[v1alpha1.LabelMadeFor] == v1alpha1.MadeForFailedDisk,
		DeletionOf: plan.DeletionOf(cluster), Erased: plan.DeletionOf(cluster) != "" && cluster.Spec.DeletionPolicy == v1alpha1.DeletionWipe,
		Approvals: plan.Resolve(&cluster.Spec, plan.ClusterFacts{}).Approvals, Paused: cluster.Spec.Pause == v1alpha1.PauseAll,
		Busy: busy(cluster), ProgressAt: r.progressOf(operation.UID),
	}
	if err := r.disks(ctx, &s.in); err != nil {
		return err
	}
	if err := r.deletion(ctx, s, cluster); err != nil {
		return err
	}
	if held(operation) || operation.Spec.Approval != nil || s.in.Wipe != nil {
		if s.in.Record, s.version, err = execute.OperationRecord(ctx, r.Live, operation); err != nil {
			return err
		}
	}
	if err := r.awaited(ctx, s, cluster); err != nil {
		return err
	}
	if mayBegin(s) {
		if err := r.stored(ctx, s); err != nil {
			return err
		}
	}
	r.ask(ctx, s)
	return nil
}

// mayBegin says that what is stored of the cluster counts: the operation has begun, or may.
func mayBegin(s *scope) bool {
	spec := &s.operation.Spec
	return spec.Type == v1alpha1.OperationReplace || spec.Approval != nil || s.in.Approvals.Approve(spec.Type) || s.in.Record != nil || s.in.Wipe != nil
}

func (r *Reconciler) progressOf(operation types.UID) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progressAt[operation]
}

func (r *Reconciler) disks(ctx context.Context, in *plan.CarryObserved) error {
	var disks v1alpha1.StorageDiskList
	if err := r.Client.List(ctx, &disks, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list disks: %w", err)
	}
	for i := range disks.Items {
		in.Disks = append(in.Disks, &disks.Items[i])
	}
	return nil
}

// busy says what of the cluster an operation does not begin beside; empty: nothing.
func busy(cluster *v1alpha1.StorageCluster) string {
	if !cluster.DeletionTimestamp.IsZero() {
		return "the StorageCluster is being deleted"
	}
	return changing(cluster)
}

// changing says what is being done in the cluster that an operation stops nothing beside; empty: nothing.
func changing(cluster *v1alpha1.StorageCluster) string {
	for _, waits := range []struct{ condition, reason, what string }{
		{v1alpha1.ConditionMonQuorum, v1alpha1.ReasonFailingOver, "a mon is being replaced"},
		{v1alpha1.ConditionMonQuorum, v1alpha1.ReasonMonOutOfQuorum, "a mon is out of quorum"},
		{v1alpha1.ConditionUpToDate, v1alpha1.ReasonUpgrading, "daemons are being restarted"},
	} {
		found := meta.FindStatusCondition(cluster.Status.Conditions, waits.condition)
		if found != nil && found.Status == metav1.ConditionFalse && found.Reason == waits.reason {
			return waits.what + ": " + found.Message
		}
	}
	return ""
}

// stored reads what is stored of the cluster, and which operations are carried out in it.
func (r *Reconciler) stored(ctx context.Context, s *scope) error {
	stored, err := observe.Read(ctx, r.Client, r.Live, s.in.Cluster)
	if err != nil {
		return err
	}
	s.in.Reservations, s.in.Deployed, s.in.Leaving = stored.Planned, stored.Deployed, stored.Leaving
	for _, record := range stored.Operations {
		if record.Operation != s.in.Name {
			s.in.Others = append(s.in.Others, record)
		}
	}
	nodes, _, err := observe.Nodes(ctx, r.Client, r.Namespace, r.Now())
	if err != nil {
		return err
	}
	s.in.Nodes, s.in.Reporting, s.in.AtWork = map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range nodes {
		s.in.Nodes[nodes[i].Name] = nodes[i].Ready
		s.in.Reporting[nodes[i].Name] = nodes[i].Discover == plan.DiscoverReporting
		s.in.AtWork[nodes[i].Name] = plan.AtWork(&nodes[i])
	}
	return r.automatic(ctx, s)
}

// automatic counts the disks that the policy of the cluster approved within a day, and looks which operations speak against more.
func (r *Reconciler) automatic(ctx context.Context, s *scope) error {
	var operations v1alpha1.StorageOperationList
	if err := r.Client.List(ctx, &operations, client.InNamespace(s.cluster.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list operations: %w", err)
	}
	counted := map[string]bool{}
	for i := range operations.Items {
		other := &operations.Items[i]
		if other.Spec.ClusterRef.Name != s.cluster.Name {
			continue
		}
		s.in.Meet(s.operation, other)
		if plan.ApprovedByPolicy(&other.Status) && s.in.Now.Sub(other.Status.StartTime.Time) < 24*time.Hour {
			s.in.Automatic += int32(len(other.Status.Targets)) //nolint:gosec // 64 at most
			counted[other.Name] = true
		}
	}
	for i := range s.in.Others { // one that has just begun may not say so in its status yet
		if other := &s.in.Others[i]; other.ByPolicy && !counted[other.Operation] && s.in.Now.Sub(other.Started) < 24*time.Hour {
			s.in.Automatic += int32(len(other.Targets)) //nolint:gosec // 64 at most
		}
	}
	return nil
}

// askTimeout bounds how long Ceph is asked.
const askTimeout = 30 * time.Second

// ask asks Ceph for the PGs of the OSDs and, once they are out, whether they may be destroyed.
func (r *Reconciler) ask(ctx context.Context, s *scope) {
	state := r.Sessions.State(s.cluster)
	s.in.Ceph = observe.CephFacts(state.Snapshot, state.Fresh(r.Now()), state.Err, state.Polls > 0)
	s.in.PGs = map[int32][]ceph.PG{}
	conn, err := r.Sessions.Client(s.cluster)
	if err != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	listed, destroyed := plan.AskedOSDs(s.in)
	s.in.PGs = pgs(limited, conn, listed)
	if len(destroyed) == 0 {
		return
	}
	if answer, after, err := execute.SafeToDestroy(limited, conn, execute.OSDIDs(destroyed)); err == nil {
		s.in.Safe, s.in.Unclean = &answer, plan.UncleanPGs(after)
	}
}

// pgs reads the PGs of OSDs. What could not be read is left out, which is not the same as none.
func pgs(ctx context.Context, conn ceph.Client, osds []int32) map[int32][]ceph.PG {
	found := map[int32][]ceph.PG{}
	for _, id := range osds {
		if pgs, err := conn.PGsOfOSD(ctx, int(id)); err == nil {
			found[id] = pgs
		}
	}
	return found
}

// target is the operation as its steps see it.
func (r *Reconciler) target(s *scope) execute.OperationTarget {
	others := map[string]bool{}
	for i := range s.in.Others {
		others[s.in.Others[i].Operation] = true
	}
	return execute.OperationTarget{
		Object: s.operation, Cluster: s.cluster, FSID: s.in.FSID, Record: s.in.Record, Version: s.version, Others: others,
		Ceph: func() (ceph.Client, error) { return r.Sessions.Client(s.cluster) },
		Recheck: func(ctx context.Context) (plan.OperationDraft, *ceph.Snapshot, error) {
			return r.recheck(ctx, s)
		},
	}
}

// recheck plans the operation anew from what Ceph says just now.
func (r *Reconciler) recheck(ctx context.Context, s *scope) (draft plan.OperationDraft, now *ceph.Snapshot, err error) {
	in := s.in.OperationObserved
	if s.in.Spec.Type != v1alpha1.OperationWipe && s.in.Spec.Type != v1alpha1.OperationAdd {
		conn, err := r.Sessions.Client(s.cluster)
		if err != nil {
			return draft, nil, err
		}
		if now, err = conn.Snapshot(ctx); err != nil {
			return draft, nil, fmt.Errorf("look at Ceph once more: %w", err)
		}
		in.Ceph = observe.CephFacts(now, true, nil, true)
		in.PGs = pgs(ctx, conn, plan.OperationOSDs(in))
	}
	return plan.ComputeOperation(in), now, nil
}
