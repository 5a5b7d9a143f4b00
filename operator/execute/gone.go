package execute

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// SpeakForGone writes into a StorageDisk what discover on a node that is gone can no longer say: that the disk is missing
// there, and that the node does not see it any more. Another node that has the disk takes it over then. It says whether
// it wrote, and is refused (a conflict) when the disk has changed since it was read.
//
// It is a patch and not an apply: what was discover's stays discover's, and the node may come back.
func SpeakForGone(ctx context.Context, c client.Client, disk *v1alpha1.StorageDisk, gone func(node string) bool) (bool, error) {
	wanted := disk.DeepCopy()
	if disk.Status.Node != "" && gone(disk.Status.Node) {
		wanted.Status.Presence = v1alpha1.PresenceMissing
	}
	wanted.Status.OtherNodes = slices.DeleteFunc(wanted.Status.OtherNodes, gone)
	if wanted.Status.Presence == disk.Status.Presence && len(wanted.Status.OtherNodes) == len(disk.Status.OtherNodes) {
		return false, nil
	}
	patch := client.MergeFromWithOptions(disk, client.MergeFromWithOptimisticLock{})
	if err := c.Status().Patch(ctx, wanted, patch, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
		return false, fmt.Errorf("speak for the node of StorageDisk %s, which is gone: %w", disk.Name, err)
	}
	return true, nil
}
