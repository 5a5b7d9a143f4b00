package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// ClusterStatus writes the status of a StorageCluster, if that changes it, and says whether it wrote.
func ClusterStatus(ctx context.Context, c client.Client, cluster *v1alpha1.StorageCluster, status v1alpha1.StorageClusterStatus) (bool, error) {
	if equality.Semantic.DeepEqual(cluster.Status, status) {
		return false, nil
	}
	return true, applyStatus(ctx, c, v1alpha1.KindStorageCluster, cluster, "", status)
}

// DiskStatus writes the operator's part of a StorageDisk, if that changes it, and says whether it wrote. It is refused
// (a conflict) when the disk has changed since it was read: a claim made on what a disk was would be void.
func DiskStatus(ctx context.Context, c client.Client, disk *v1alpha1.StorageDisk, wanted plan.DiskStatus) (bool, error) {
	version := disk.ResourceVersion
	var wrote bool
	if !metadataHolds(disk, wanted) {
		var err error
		if version, err = applyDiskMetadata(ctx, c, disk, wanted); err != nil {
			return false, err
		}
		wrote = true
	}
	if equality.Semantic.DeepEqual(operatorsPart(disk.Status), wanted.Status) {
		return wrote, nil
	}
	return true, applyStatus(ctx, c, v1alpha1.KindStorageDisk, disk, version, wanted.Status)
}

// operatorsPart leaves the fields of a disk's status that the operator owns.
func operatorsPart(s v1alpha1.StorageDiskStatus) v1alpha1.StorageDiskStatus {
	part := v1alpha1.StorageDiskStatus{
		ObservedGeneration: s.ObservedGeneration, Claim: s.Claim, OSDs: s.OSDs, Plan: s.Plan, State: s.State, Summary: s.Summary,
		Request: s.Request,
	}
	for _, conditionType := range []string{v1alpha1.ConditionFresh, v1alpha1.ConditionInService} {
		for _, condition := range s.Conditions {
			if condition.Type == conditionType {
				part.Conditions = append(part.Conditions, condition)
			}
		}
	}
	return part
}

func metadataHolds(disk *v1alpha1.StorageDisk, wanted plan.DiskStatus) bool {
	ours := map[string]string{}
	for key, value := range disk.Labels {
		if isOperatorsLabel(key) {
			ours[key] = value
		}
	}
	return equality.Semantic.DeepEqual(ours, wanted.Labels) &&
		slices.Contains(disk.Finalizers, v1alpha1.FinalizerOSD) == wanted.Finalizer
}

func isOperatorsLabel(key string) bool {
	return key == v1alpha1.LabelCluster || len(key) > len(v1alpha1.LabelOSDPrefix) && key[:len(v1alpha1.LabelOSDPrefix)] == v1alpha1.LabelOSDPrefix
}

// applyDiskMetadata returns the version that the disk then has.
func applyDiskMetadata(ctx context.Context, c client.Client, disk *v1alpha1.StorageDisk, wanted plan.DiskStatus) (string, error) {
	u := identify(v1alpha1.KindStorageDisk, disk, disk.ResourceVersion)
	u.SetLabels(wanted.Labels)
	if wanted.Finalizer {
		u.SetFinalizers([]string{v1alpha1.FinalizerOSD})
	}
	err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(v1alpha1.FieldOwnerOperator), client.ForceOwnership)
	if err != nil {
		return "", fmt.Errorf("apply labels of StorageDisk %s: %w", disk.Name, err)
	}
	return u.GetResourceVersion(), nil
}

// identify names an object that exists. With its uid, an object that was deleted is not made again.
func identify(kind string, object client.Object, version string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind))
	u.SetNamespace(object.GetNamespace())
	u.SetName(object.GetName())
	u.SetUID(object.GetUID())
	u.SetResourceVersion(version)
	return u
}

func applyStatus(ctx context.Context, c client.Client, kind string, object client.Object, version string, status any) error {
	text, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encode status of %s %s: %w", kind, object.GetName(), err)
	}
	var content map[string]any
	if err := json.Unmarshal(text, &content); err != nil {
		return fmt.Errorf("encode status of %s %s: %w", kind, object.GetName(), err)
	}
	u := identify(kind, object, version)
	u.Object["status"] = content
	err = c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(v1alpha1.FieldOwnerOperator), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("apply status of %s %s: %w", kind, object.GetName(), err)
	}
	return nil
}

// OperationStatus writes the operator's part of a StorageOperation's status, if that changes it, and says whether it wrote.
// A report that it does not want to tell of is somebody else's.
func OperationStatus(ctx context.Context, c client.Client, operation *v1alpha1.StorageOperation, wanted v1alpha1.StorageOperationStatus) (bool, error) {
	have := operation.Status.DeepCopy()
	for i := range have.Targets {
		if i >= len(wanted.Targets) || wanted.Targets[i].Report == nil {
			have.Targets[i].Report = nil
		}
	}
	if equality.Semantic.DeepEqual(*have, wanted) {
		return false, nil
	}
	return true, applyStatus(ctx, c, v1alpha1.KindStorageOperation, operation, "", wanted)
}
