package operation

import (
	"context"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// deletionOf reads the record of a cluster's deletion, which names the operation; nil: it is none that a deletion made.
func (r *Reconciler) deletionOf(ctx context.Context, operation *v1alpha1.StorageOperation, cluster *v1alpha1.StorageCluster) (*manifest.WipeRecord, error) {
	if operation.Spec.Type != v1alpha1.OperationWipe || cluster.DeletionTimestamp.IsZero() || cluster.Status.FSID == "" {
		return nil, nil
	}
	key := clusterKey(operation)
	record, err := execute.WipeRecord(ctx, r.Client, key, cluster.Status.FSID)
	if err != nil || record == nil || record.UID != string(cluster.UID) || record.FSID != cluster.Status.FSID {
		return nil, err
	}
	if named := record.Operation(operation.Name); named == nil || !named.Makes(key.Name, operation.Spec) {
		return nil, nil
	}
	return record, nil
}

// deletion looks whether the operation is one that the deletion of its cluster made. That the cluster is being deleted keeps such
// a one from nothing.
func (r *Reconciler) deletion(ctx context.Context, s *scope, cluster *v1alpha1.StorageCluster) error {
	record, err := r.deletionOf(ctx, s.operation, cluster)
	if err != nil || record == nil || cluster.Spec.DeletionPolicy != v1alpha1.DeletionWipe {
		return err
	}
	s.in.Wipe, s.in.Busy = record.Operation(s.operation.Name), ""
	return nil
}

// awaited lets an operation that has begun go on although its cluster is being deleted, as long as that deletion waits for it: the
// daemons run until it is recorded which disks are erased, and that is not while an operation is carried out.
func (r *Reconciler) awaited(ctx context.Context, s *scope, cluster *v1alpha1.StorageCluster) error {
	if s.in.Record == nil || s.in.Record.Deletion || s.in.DeletionOf == "" || cluster.Spec.DeletionPolicy != v1alpha1.DeletionWipe {
		return nil
	}
	record, err := execute.WipeRecord(ctx, r.Live, s.cluster, cluster.Status.FSID)
	if err == nil && (record == nil || record.UID != s.in.DeletionOf) {
		s.in.Busy = changing(cluster)
	}
	return err
}

// unnoted says that the deletion of the cluster has not recorded yet what the operation did.
func (r *Reconciler) unnoted(ctx context.Context, operation *v1alpha1.StorageOperation) (bool, error) {
	cluster, err := r.clusterOf(ctx, operation)
	if err != nil || cluster.Spec.DeletionPolicy != v1alpha1.DeletionWipe {
		return false, err
	}
	record, err := r.deletionOf(ctx, operation, cluster)
	return record != nil && plan.Unnoted(record, operation), err
}
