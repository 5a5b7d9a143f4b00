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
	into.Operations = s.observed.Operations
	var disks v1alpha1.StorageDiskList
	if err := r.Client.List(ctx, &disks, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list disks: %w", err)
	}
	for i := range disks.Items {
		into.Disks = append(into.Disks, &disks.Items[i])
	}
	return nil
}
