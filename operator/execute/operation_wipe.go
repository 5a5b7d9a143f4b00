package execute

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// asksFor lists the disks whose agents the record asks to erase them, or to erase them as they are by now, and the one that was
// read did not.
func (r *operationRun) asksFor(record *manifest.OperationRecord) (disks []manifest.RecordedDisk) {
	for _, disk := range record.Disks {
		var before manifest.RecordedDisk
		if r.Record != nil {
			before = *cmp.Or(r.Record.Disk(disk.Disk), &before)
		}
		if disk.Asked && !disk.Done && (!before.Asked || before.Seal != disk.Seal) {
			disks = append(disks, disk)
		}
	}
	return disks
}

// mayAsk looks up, right before agents are asked to erase disks, that nobody has deleted the operation, and that the deletion of
// the cluster still asks for these disks. It fails with a conflict when not.
func (r *operationRun) mayAsk(ctx context.Context, record *manifest.OperationRecord, disks []manifest.RecordedDisk) error {
	object := &v1alpha1.StorageOperation{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(r.Object), object); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("look up the operation: %w", err)
	}
	if object.UID != r.Object.UID || object.Name == "" || !object.DeletionTimestamp.IsZero() {
		return conflict(r.Object, "it was deleted meanwhile")
	}
	return r.mayWipe(ctx, record, disks)
}

// mayWipe looks up that the deletion of the cluster asks for an operation, and names each of the disks with just these OSDs as still
// to be erased, and that no OSD of the cluster has a Deployment. It fails with a conflict when not.
func (r *operationRun) mayWipe(ctx context.Context, record *manifest.OperationRecord, disks []manifest.RecordedDisk) error {
	wipe, err := WipeRecord(ctx, r.Live, r.Cluster, r.FSID)
	if err != nil {
		return err
	}
	if wipe == nil || wipe.Operation(record.Operation) == nil {
		return conflict(r.Object, "the record of the deletion does not name it")
	}
	if err := wipes(ctx, r.Live, r.Cluster, wipe.UID); err != nil {
		return err
	}
	if record.Outlived(wipe.UID) {
		return conflict(r.Object, "it is of the deletion of another StorageCluster")
	}
	operation := wipe.Operation(record.Operation)
	for i := range disks {
		disk := &disks[i]
		wiped := operation.Disk(disk.Disk)
		if wiped == nil || wiped.Result != "" || disk.FSID != wipe.FSID || !slices.Equal(disk.OSDs, uuidsOf(wiped.OSDs)) {
			return conflict(r.Object, "the record of the deletion does not name disk "+disk.Disk+" so")
		}
	}
	return r.noOSDRuns(ctx)
}

func uuidsOf(osds []manifest.RecordedOSD) []string {
	uuids := make([]string, 0, len(osds))
	for _, osd := range osds {
		uuids = append(uuids, osd.UUID)
	}
	return uuids
}

func (r *operationRun) noOSDRuns(ctx context.Context) error {
	var deployments appsv1.DeploymentList
	labels := client.MatchingLabels{
		v1alpha1.LabelCluster:   v1alpha1.ClusterLabelValue(r.Cluster.Namespace, r.Cluster.Name),
		manifest.LabelComponent: manifest.ComponentOSD,
	}
	if err := r.Live.List(ctx, &deployments, client.InNamespace(r.Cluster.Namespace), labels); err != nil {
		return fmt.Errorf("look up the Deployments of OSDs: %w", err)
	}
	if len(deployments.Items) > 0 {
		return conflict(r.Object, deployments.Items[0].Name+" is still there")
	}
	return nil
}

// stays looks up that the cluster of an operation is not being deleted: what the operation needs of Ceph goes away then.
func (r *operationRun) stays(ctx context.Context) error {
	cluster := &v1alpha1.StorageCluster{}
	if err := r.Live.Get(ctx, r.Cluster, cluster); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !cluster.DeletionTimestamp.IsZero() {
		return conflict(r.Object, "the StorageCluster is being deleted")
	}
	return nil
}

// operationRecords reads the records of the operations of a cluster that are carried out.
func operationRecords(ctx context.Context, reader client.Reader, cluster client.ObjectKey) ([]*manifest.OperationRecord, error) {
	var configs corev1.ConfigMapList
	labels := client.MatchingLabels{
		v1alpha1.LabelCluster:   v1alpha1.ClusterLabelValue(cluster.Namespace, cluster.Name),
		manifest.LabelComponent: manifest.ComponentOperation,
	}
	if err := reader.List(ctx, &configs, client.InNamespace(cluster.Namespace), labels); err != nil {
		return nil, fmt.Errorf("look up the operations that are carried out: %w", err)
	}
	records := make([]*manifest.OperationRecord, 0, len(configs.Items))
	for i := range configs.Items {
		record, err := manifest.OperationRecordOf(&configs.Items[i])
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}
