package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

func (r *run) erasure(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.EnsureWipe:
		return r.ensureWipe(ctx, action.Record)
	case plan.RecordWipe:
		return r.recordWipe(ctx, action.Record)
	case plan.MakeOperation:
		return r.makeOperation(ctx, action.Operation)
	case plan.ForgetCluster:
		return r.forgetCluster(ctx)
	case plan.DropWipe:
		return r.dropWipe(ctx, r.Stored.Wipe)
	}
	return unknownStep(action)
}

func wipeConflict(name, text string) error {
	return apierrors.NewConflict(v1alpha1.Resource("storageclusters"), name, errors.New(text))
}

// wipes looks up whether a StorageCluster is being deleted just now with its disks erased. It fails with a conflict when it is not.
func wipes(ctx context.Context, live client.Reader, key client.ObjectKey, uid string) error {
	cluster := &v1alpha1.StorageCluster{}
	if err := live.Get(ctx, key, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return wipeConflict(key.Name, "the StorageCluster is gone")
		}
		return fmt.Errorf("look up the StorageCluster: %w", err)
	}
	if string(cluster.UID) != uid || cluster.DeletionTimestamp.IsZero() || cluster.Spec.DeletionPolicy != v1alpha1.DeletionWipe {
		return wipeConflict(key.Name, "the StorageCluster is not being deleted with spec.deletionPolicy Wipe any more")
	}
	return nil
}

// WipeRecord reads the record of a deletion; nil: there is none.
func WipeRecord(ctx context.Context, reader client.Reader, cluster client.ObjectKey, fsid string) (*manifest.WipeRecord, error) {
	config := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: manifest.WipeName(cluster.Name, fsid)}
	if err := reader.Get(ctx, key, config); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return manifest.WipeRecordOf(config)
}

func (r *run) key() client.ObjectKey { return client.ObjectKeyFromObject(r.Object) }

// ensureWipe stores the record, if no operation is carried out just now: one that waits for Ceph would wait for ever; and if no pool,
// filesystem or object store rests on the cluster just now.
func (r *run) ensureWipe(ctx context.Context, record manifest.WipeRecord) error {
	if err := wipes(ctx, r.Live, r.key(), record.UID); err != nil {
		return err
	}
	records, err := operationRecords(ctx, r.Live, r.key())
	if err != nil {
		return err
	}
	if len(records) > 0 {
		return wipeConflict(r.Object.Name, "operation "+records[0].Operation+" has begun meanwhile")
	}
	dependents, err := observe.ReadDependents(ctx, r.Live, plan.ClusterKey(r.key()))
	if err != nil {
		return err
	}
	if first := dependents.Cluster.First; len(first) > 0 {
		return wipeConflict(r.Object.Name, first[0]+" was made meanwhile")
	}
	if err := r.recordsAll(ctx, &record); err != nil {
		return err
	}
	config := r.builder("").WipeConfigMap(record)
	if made, err := r.create(ctx, config); made || err != nil {
		return err
	}
	return r.takeWipe(ctx, config, record)
}

// takeWipe puts the record in the place of one that was there before and is not of this StorageCluster's deletion: no operation of
// that is carried out any more.
func (r *run) takeWipe(ctx context.Context, stored *corev1.ConfigMap, record manifest.WipeRecord) error {
	before, err := manifest.WipeRecordOf(stored)
	if err != nil {
		return fmt.Errorf("%w: look at which disks it names, and delete it with its finalizer", err)
	}
	if before.UID == record.UID {
		return nil
	}
	config := r.builder("").WipeConfigMap(record)
	config.ResourceVersion = stored.ResourceVersion
	_, err = r.Apply(ctx, config)
	return err
}

// recordsAll looks up whether the record has every disk that something is reserved on just now. It fails with a conflict when
// not: it was made from an older view.
func (r *run) recordsAll(ctx context.Context, record *manifest.WipeRecord) error {
	reserved, err := observe.Reservations(ctx, r.Live, r.key())
	if err != nil {
		return err
	}
	for _, osd := range reserved {
		for _, part := range parts(osd) {
			if record.Disk(part.Disk) == nil {
				return wipeConflict(r.Object.Name, fmt.Sprintf("osd.%d was reserved on disk %s meanwhile", osd.ID, part.Disk))
			}
		}
	}
	return nil
}

// recordWipe stores the record in the place of the one that was read, if the operations say the same of its disks just now.
func (r *run) recordWipe(ctx context.Context, record manifest.WipeRecord) error {
	for i := range record.Operations {
		if err := r.settledAs(ctx, &record.Operations[i]); err != nil {
			return err
		}
	}
	if r.Stored.Wipe.Asked.IsZero() && !record.Asked.IsZero() {
		if err := r.mayRemove(ctx, &record); err != nil {
			return err
		}
	}
	config := r.builder("").WipeConfigMap(record)
	config.ResourceVersion = r.Stored.WipeVersion
	if _, err := r.Apply(ctx, config); err != nil {
		return err
	}
	for i := range record.Operations {
		for _, disk := range record.Operations[i].Disks {
			if before := r.Stored.Wipe.Disk(disk.Disk); disk.Result == manifest.WipeLeft && before != nil && before.Result == "" {
				r.Events.Eventf(r.Object, nil, "Warning", "DiskNotErased", "RecordWipe",
					"disk %s on node %s is given up, and NOT erased: %s", disk.Disk, disk.Node, disk.Message)
			}
		}
	}
	return nil
}

// mayRemove looks up, right before agents are asked to remove the directories of the cluster, that it is still being deleted with its
// data, that all disks are erased, and that no pod of it ends on these nodes. It fails with a conflict when not.
func (r *run) mayRemove(ctx context.Context, record *manifest.WipeRecord) error {
	if err := wipes(ctx, r.Live, r.key(), record.UID); err != nil {
		return err
	}
	if !record.AllErased() {
		return wipeConflict(r.Object.Name, "not all disks are erased")
	}
	if err := r.allEnded(ctx, record); err != nil {
		return err
	}
	var pods corev1.PodList
	ours := client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(r.Object.Namespace, r.Object.Name)}
	if err := r.Live.List(ctx, &pods, client.InNamespace(r.Object.Namespace), ours); err != nil {
		return fmt.Errorf("look up the pods of the cluster: %w", err)
	}
	record.Directories = slices.Clone(record.Directories)
	for i := range pods.Items {
		if err := r.sparePod(&pods.Items[i], record); err != nil {
			return err
		}
	}
	return nil
}

// sparePod has the directory left on a node where a pod of the cluster runs that nobody ends before the StorageCluster is gone, as the
// one that reads the store of a mon: whoever waited for it would wait for ever. One that ends is waited for.
func (r *run) sparePod(pod *corev1.Pod, record *manifest.WipeRecord) error {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	for i := range record.Directories {
		d := &record.Directories[i]
		switch {
		case d.Result != "" || d.Node != pod.Spec.NodeName:
		case !pod.DeletionTimestamp.IsZero():
			return wipeConflict(r.Object.Name, "pod "+pod.Name+" ends on node "+d.Node)
		default:
			d.Result, d.Message = manifest.WipeLeft, "pod "+pod.Name+" is left there"
		}
	}
	return nil
}

// settledAs looks up, for disks that an operation is done with since the record was read, that this is so: a cache that does not
// show the operation yet is no person who deleted it. It fails with a conflict when not.
func (r *run) settledAs(ctx context.Context, operation *manifest.WipeOperation) error {
	var settled []manifest.WipedDisk
	for _, disk := range operation.Disks {
		if before := r.Stored.Wipe.Disk(disk.Disk); disk.Result != "" && (before == nil || before.Result == "") {
			settled = append(settled, disk)
		}
	}
	if len(settled) == 0 {
		return nil
	}
	object, err := r.liveOperation(ctx, operation.Name)
	if err != nil || object == nil {
		return err
	}
	for _, disk := range settled {
		if result, _ := plan.WipeResultOf(object, disk.Disk); result != disk.Result {
			return wipeConflict(r.Object.Name, "operation "+object.Name+" is not done with disk "+disk.Disk)
		}
	}
	return nil
}

// liveOperation looks up a StorageOperation on the server; nil: there is none.
func (r *run) liveOperation(ctx context.Context, name string) (*v1alpha1.StorageOperation, error) {
	object := &v1alpha1.StorageOperation{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.Object.Namespace, Name: name}, object); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("look up operation %s: %w", name, err)
	}
	return object, nil
}

// allEnded looks up that every disk is erased or given up, and that no operation is still to erase one. It fails with a conflict
// when not.
func (r *run) allEnded(ctx context.Context, record *manifest.WipeRecord) error {
	for i := range record.Operations {
		for _, disk := range record.Operations[i].Disks {
			if disk.Result == "" {
				return wipeConflict(r.Object.Name, "disk "+disk.Disk+" is still to be erased")
			}
		}
		object, err := r.liveOperation(ctx, record.Operations[i].Name)
		if err != nil {
			return err
		}
		if object != nil && object.DeletionTimestamp.IsZero() && !plan.OperationFinished(&object.Status) {
			return wipeConflict(r.Object.Name, "operation "+object.Name+" has not ended")
		}
	}
	records, err := operationRecords(ctx, r.Live, r.key())
	if err == nil && len(records) > 0 {
		return wipeConflict(r.Object.Name, "operation "+records[0].Operation+" is carried out")
	}
	return err
}

// makeOperation makes a StorageOperation that the record names and that was never made: looked up live, for one that a person
// deleted must not come back because a cache was old.
func (r *run) makeOperation(ctx context.Context, operation manifest.WipeOperation) error {
	record, err := WipeRecord(ctx, r.Live, r.key(), r.fsid())
	if err != nil {
		return err
	}
	if record == nil || record.Operation(operation.Name) == nil || record.Operation(operation.Name).Made {
		return wipeConflict(r.Object.Name, "operation "+operation.Name+" was made before")
	}
	if err := wipes(ctx, r.Live, r.key(), record.UID); err != nil {
		return err
	}
	object := &v1alpha1.StorageOperation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Object.Namespace, Name: operation.Name,
			Labels: map[string]string{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(r.Object.Namespace, r.Object.Name)},
		},
		Spec: v1alpha1.StorageOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: r.Object.Name}, Type: v1alpha1.OperationWipe, Disks: operation.Names(),
			Erase: v1alpha1.EraseSignatures, Intent: v1alpha1.IntentProceed,
		},
	}
	if _, err := r.create(ctx, object); err != nil {
		return err
	}
	if !operation.Makes(r.Object.Name, object.Spec) {
		return fmt.Errorf("there is another StorageOperation of the name %s, which does not erase just the disks of this cluster: delete it", operation.Name)
	}
	return nil
}

// forgetCluster takes away what is stored of the cluster. Before, it looks up once more that every disk is erased or given up.
func (r *run) forgetCluster(ctx context.Context) error {
	record, err := WipeRecord(ctx, r.Live, r.key(), r.fsid())
	if err != nil {
		return err
	}
	if record == nil {
		return wipeConflict(r.Object.Name, "the record of the deletion is gone")
	}
	if err := wipes(ctx, r.Live, r.key(), record.UID); err != nil {
		return err
	}
	if err := r.allEnded(ctx, record); err != nil {
		return err
	}
	if at := record.Removing(); at != nil {
		return wipeConflict(r.Object.Name, "the agent on node "+at.Node+" is still to remove the directory of the cluster")
	}
	if err := r.recordsAll(ctx, record); err != nil {
		return err
	}
	if err := r.takeBack(ctx); err != nil {
		return fmt.Errorf("take back what the CSI controller was handed: %w", err)
	}
	if err := r.deleteStored(ctx); err != nil {
		return err
	}
	if len(record.Operations)+len(record.Directories) > 0 {
		r.tellWiped(record)
	}
	return r.dropWipe(ctx, record)
}

func (r *run) tellWiped(record *manifest.WipeRecord) {
	nodes := map[string]bool{}
	for _, mon := range r.Stored.Mons.Mons {
		nodes[mon.Node] = true
	}
	kind := "Normal"
	text := plan.WipeText(record)
	if strings.Contains(text, "NOT erased") {
		kind = "Warning"
	}
	if len(nodes) > 0 && record.Asked.IsZero() {
		text += "; the stores of the mons are left in " + handover.ClusterHostDir(record.FSID) + " on " + strings.Join(slices.Sorted(maps.Keys(nodes)), ", ")
	}
	r.Events.Eventf(r.Object, nil, kind, "Wiped", "ForgetCluster", "%s", text)
}

// deleteStored deletes all that is stored of the cluster, as the server has it, and the identity last: as long as that is there,
// a StorageCluster of this name finds itself again.
func (r *run) deleteStored(ctx context.Context) error {
	var services corev1.ServiceList
	var configs corev1.ConfigMapList
	var secrets corev1.SecretList
	ours := client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(r.Object.Namespace, r.Object.Name)}
	for _, list := range []client.ObjectList{&services, &configs, &secrets} {
		if err := r.Live.List(ctx, list, client.InNamespace(r.Object.Namespace), ours); err != nil {
			return fmt.Errorf("list what is stored of the cluster: %w", err)
		}
	}
	var all, last []client.Object
	for i := range services.Items {
		all = append(all, &services.Items[i])
	}
	for i := range configs.Items {
		if component := configs.Items[i].Labels[manifest.LabelComponent]; component != manifest.ComponentWipe && component != manifest.ComponentOperation {
			all = append(all, &configs.Items[i])
		}
	}
	for i := range secrets.Items {
		switch secret := &secrets.Items[i]; {
		case secret.Name == handover.CSISecretName:
		case secret.Labels[manifest.LabelComponent] == manifest.ComponentIdentity:
			last = append(last, secret)
		default:
			all = append(all, secret)
		}
	}
	for _, object := range append(all, last...) {
		if err := r.deleteForGood(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// deleteForGood deletes an object that a finalizer of ours keeps.
func (r *run) deleteForGood(ctx context.Context, object client.Object) error {
	if err := release(ctx, r.Client, fmt.Sprintf("%T", object), object, manifest.FinalizerIdentity); err != nil {
		return err
	}
	if err := r.Client.Delete(ctx, object, client.Preconditions{UID: uidOf(object)}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", client.ObjectKeyFromObject(object), err)
	}
	return nil
}

func (r *run) dropWipe(ctx context.Context, record *manifest.WipeRecord) error {
	config := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.WipeName(r.Object.Name, record.FSID)}
	if err := r.Live.Get(ctx, key, config); err != nil {
		return client.IgnoreNotFound(err)
	}
	return r.deleteForGood(ctx, config)
}
