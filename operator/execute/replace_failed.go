package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// makeReplace makes the operation that is to replace a disk that failed, and notes that it was made. Killed in between, the next pass
// finds it and notes it.
func (r *run) makeReplace(ctx context.Context, action plan.MakeReplace) error {
	before, err := r.liveOperation(ctx, action.Name)
	switch {
	case err != nil:
		return err
	case before != nil && (!r.isOurs(before) || before.Labels[v1alpha1.LabelMadeFor] != v1alpha1.MadeForFailedDisk):
		return replaceConflict(action.Name, "somebody made another operation of this name")
	case before == nil:
		if err := r.createReplace(ctx, action); err != nil {
			return err
		}
	}
	return notes{r.Client, r.Live}.write(ctx, r.key(), action.Failed.OSDs, manifest.AnnotationReplaced, action.Name)
}

func replaceConflict(name, text string) error {
	return apierrors.NewConflict(v1alpha1.Resource("storageoperations"), name, errors.New(text))
}

func (r *run) createReplace(ctx context.Context, action plan.MakeReplace) error {
	for _, holds := range []func(context.Context, plan.MakeReplace) error{r.wantsReplace, r.neverMade, r.undisturbed, r.stillFailed, r.stillLost} {
		if err := holds(ctx, action); err != nil {
			return err
		}
	}
	object := &v1alpha1.StorageOperation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Object.Namespace, Name: action.Name,
			Labels: map[string]string{
				v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(r.Object.Namespace, r.Object.Name),
				v1alpha1.LabelMadeFor: v1alpha1.MadeForFailedDisk,
			},
		},
		Spec: v1alpha1.StorageOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: r.Object.Name}, Type: v1alpha1.OperationReplace, Disks: action.Failed.Disks,
			Erase: v1alpha1.EraseSignatures, Intent: v1alpha1.IntentProceed,
		},
	}
	if _, err := r.create(ctx, object); err != nil {
		return fmt.Errorf("make operation %s: %w", action.Name, err)
	}
	r.Events.Eventf(r.Object, object, "Warning", "DiskFailed", "MakeReplace", "disk %s: %s; operation %s is to replace it: kubectl seamount operations %s",
		action.Failed.Disks[0], action.Failed.Why, action.Name, action.Name)
	return nil
}

// wantsReplace looks up that the cluster is neither deleted nor paused, and that nobody has made an operation about the disks.
func (r *run) wantsReplace(ctx context.Context, action plan.MakeReplace) error {
	cluster := &v1alpha1.StorageCluster{}
	if err := r.Live.Get(ctx, r.key(), cluster); err != nil {
		return fmt.Errorf("look up the StorageCluster: %w", err)
	}
	if cluster.UID != r.Object.UID || !cluster.DeletionTimestamp.IsZero() || cluster.Spec.Pause == v1alpha1.PauseAll {
		return replaceConflict(action.Name, "the StorageCluster is being deleted, or paused")
	}
	var operations v1alpha1.StorageOperationList
	if err := r.Live.List(ctx, &operations, client.InNamespace(r.Object.Namespace)); err != nil {
		return fmt.Errorf("list operations: %w", err)
	}
	for i := range operations.Items {
		other := &operations.Items[i]
		if other.Spec.ClusterRef.Name == r.Object.Name && !plan.OperationFinished(&other.Status) && plan.Covers(other, &action.Failed) {
			return replaceConflict(action.Name, "operation "+other.Name+" is about the disk")
		}
	}
	return nil
}

// neverMade looks up that the operation was not made before, and deleted by somebody.
func (r *run) neverMade(ctx context.Context, action plan.MakeReplace) error {
	for _, osd := range action.Failed.OSDs {
		secret, err := reserved(ctx, r.Live, r.key(), osd)
		switch {
		case err != nil:
			return err
		case secret == nil || secret.Annotations[manifest.AnnotationLeaving] != "":
			return replaceConflict(action.Name, fmt.Sprintf("osd.%d goes, or is gone", osd.ID))
		case secret.Annotations[manifest.AnnotationReplaced] == action.Name:
			return replaceConflict(action.Name, "it was made before, and deleted")
		}
	}
	return nil
}

// undisturbed looks up that nobody takes the node away or works on it: its disks come back with it.
func (r *run) undisturbed(ctx context.Context, action plan.MakeReplace) error {
	node := &corev1.Node{}
	if err := r.Live.Get(ctx, client.ObjectKey{Name: action.Failed.Node}, node); err != nil {
		return fmt.Errorf("look up node %s: %w", action.Failed.Node, err)
	}
	if now := observe.NodeOf(node); !plan.Undisturbed(&now) {
		return replaceConflict(action.Name, "node "+node.Name+" is not ready, cordoned, tainted as out of service or being deleted")
	}
	return nil
}

// stillFailed looks up that the disks did not come back, and have not failed anew since that was planned.
func (r *run) stillFailed(ctx context.Context, action plan.MakeReplace) error {
	for _, name := range action.Failed.Disks {
		disk := &v1alpha1.StorageDisk{}
		if err := r.Live.Get(ctx, client.ObjectKey{Name: name}, disk); err != nil {
			return fmt.Errorf("look up disk %s: %w", name, err)
		}
		if plan.DiskFailed(disk) == "" {
			return replaceConflict(action.Name, "disk "+name+" is there again")
		}
		if since, ok := plan.FailedSince(disk); !ok || since.After(action.Failed.Since) {
			return replaceConflict(action.Name, "disk "+name+" has failed for a shorter time than was seen")
		}
	}
	return nil
}

// stillLost asks Ceph, just now, that the OSDs are down and out and that what they held is whole elsewhere.
func (r *run) stillLost(ctx context.Context, action plan.MakeReplace) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	ids := make([]int, 0, len(action.Failed.OSDs))
	for _, osd := range action.Failed.OSDs {
		ids = append(ids, int(osd.ID))
	}
	answer, after, err := safeAndSeen(ctx, session, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, osd := range action.Failed.OSDs {
		known := osdIn(after, osd.ID)
		if known == nil || !plan.LostForGood(known, osd.UUID) {
			return replaceConflict(action.Name, fmt.Sprintf("osd.%d is not down and out any more", osd.ID))
		}
		if needed := cmp.Or(plan.DeadIsNeeded(answer, known.ID), plan.NotRecovered(after)); needed != "" {
			return replaceConflict(action.Name, fmt.Sprintf("osd.%d may be needed: %s", osd.ID, needed))
		}
		if !slices.Contains(answer.Safe, known.ID) {
			return replaceConflict(action.Name, fmt.Sprintf("Ceph does not say that osd.%d is safe to destroy: %s", osd.ID, answer.Explanation))
		}
	}
	return nil
}
