package cluster

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// wiping reads what the deletion of the cluster is planned from. A record of another StorageCluster of the name is none.
func (r *Reconciler) wiping(ctx context.Context, s *scope) error {
	into := &s.observed.Wiping
	into.UID, into.Underway = string(s.object.UID), s.stored.Operations
	if s.stored.Wipe != nil && s.stored.Wipe.UID == into.UID {
		into.Record = s.stored.Wipe
	}
	var operations v1alpha1.StorageOperationList
	var disks v1alpha1.StorageDiskList
	if err := r.Client.List(ctx, &operations, client.InNamespace(s.name.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list operations: %w", err)
	}
	if err := r.Client.List(ctx, &disks, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list disks: %w", err)
	}
	for i := range operations.Items {
		if operations.Items[i].Spec.ClusterRef.Name == s.name.Name {
			into.Operations = append(into.Operations, &operations.Items[i])
		}
	}
	for i := range disks.Items {
		into.Disks = append(into.Disks, &disks.Items[i])
	}
	return nil
}
