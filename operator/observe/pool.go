package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// ImageLister lists what is in a pool.
type ImageLister interface {
	ListImages(ctx context.Context, pool string) ([]string, error)
	ListTrash(ctx context.Context, pool string) ([]ceph.TrashEntry, error)
	ListImageNamespaces(ctx context.Context, pool string) ([]string, error)
}

// snapshotPrefix begins the names of images that are snapshots: Kubernetes' snapshotter chooses it.
const snapshotPrefix = "snapshot-"

// PoolContent lists what a pool of Ceph holds: images, those in the trash, and namespaces, which may hold more.
func PoolContent(ctx context.Context, lister ImageLister, pool string) plan.PoolContent {
	images, err := lister.ListImages(ctx, pool)
	if err != nil {
		return plan.PoolContent{Trouble: err.Error()}
	}
	trash, err := lister.ListTrash(ctx, pool)
	if err != nil {
		return plan.PoolContent{Trouble: err.Error()}
	}
	namespaces, err := lister.ListImageNamespaces(ctx, pool)
	if err != nil {
		return plan.PoolContent{Trouble: err.Error()}
	}
	for _, entry := range trash {
		images = append(images, "trash/"+entry.Name)
	}
	for _, namespace := range namespaces {
		images = append(images, "namespace/"+namespace)
	}
	content := plan.PoolContent{Known: true, First: images[:min(len(images), maxFirst)]}
	for _, name := range images {
		if strings.HasPrefix(name, snapshotPrefix) {
			content.Snapshots++
		} else {
			content.Volumes++
		}
	}
	return content
}

// SnapshotClassKind is the kind of VolumeSnapshotClasses, which not every Kubernetes has.
func SnapshotClassKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: string(plan.VolumeSnapshotClassKind)}
}

// The annotations that make a class the default one.
const (
	AnnotationDefaultStorageClass  = "storageclass.kubernetes.io/is-default-class"
	AnnotationDefaultSnapshotClass = "snapshot.storage.kubernetes.io/is-default-class"
)

// VolumeClasses reads the classes that an object of a kind owns or whose names it asks for. StorageClasses come from the
// cache. VolumeSnapshotClasses are read live, because nobody can watch a kind that may not exist; snapshots says that it
// does.
func VolumeClasses(ctx context.Context, reader, live client.Reader, kind plan.OwnerKind, key plan.PoolKey, wanted []string) (
	classes []plan.VolumeClass, snapshots bool, err error,
) {
	var stored storagev1.StorageClassList
	if err := reader.List(ctx, &stored, client.UnsafeDisableDeepCopy); err != nil {
		return nil, false, fmt.Errorf("list storage classes: %w", err)
	}
	for i := range stored.Items {
		classes = append(classes, storageClassOf(&stored.Items[i], kind))
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(SnapshotClassKind())
	err = live.List(ctx, list)
	absent := meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
	if err != nil && !absent {
		return nil, false, fmt.Errorf("list volume snapshot classes: %w", err)
	}
	for i := range list.Items {
		classes = append(classes, snapshotClassOf(&list.Items[i], kind))
	}
	return concerning(classes, key, wanted), !absent, nil
}

func concerning(classes []plan.VolumeClass, key plan.PoolKey, wanted []string) []plan.VolumeClass {
	var found []plan.VolumeClass
	for _, class := range classes {
		if class.Owner == key.String() || slices.Contains(wanted, class.Name) {
			found = append(found, class)
		}
	}
	return found
}

// ownerOf returns the object that a class was made for; one of another kind has that kind before its name.
func ownerOf(annotations map[string]string, kind plan.OwnerKind) string {
	if owner := annotations[kind.Annotation]; owner != "" {
		return owner
	}
	for _, other := range plan.OwnerKinds() {
		if owner := annotations[other.Annotation]; owner != "" {
			return other.Kind + " " + owner
		}
	}
	return ""
}

func storageClassOf(class *storagev1.StorageClass, kind plan.OwnerKind) plan.VolumeClass {
	found := plan.VolumeClass{
		Kind: plan.StorageClassKind, Name: class.Name, Owner: ownerOf(class.Annotations, kind), Driver: class.Provisioner,
		Parameters: class.Parameters, MountOptions: class.MountOptions,
		Default: class.Annotations[AnnotationDefaultStorageClass] == "true",
	}
	if class.ReclaimPolicy != nil {
		found.Reclaim = v1alpha1.ReclaimPolicy(*class.ReclaimPolicy)
	}
	found.Expandable = class.AllowVolumeExpansion != nil && *class.AllowVolumeExpansion
	found.Immediate = class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingImmediate
	return found
}

func snapshotClassOf(class *unstructured.Unstructured, kind plan.OwnerKind) plan.VolumeClass {
	annotations := class.GetAnnotations()
	found := plan.VolumeClass{
		Kind: plan.VolumeSnapshotClassKind, Name: class.GetName(), Owner: ownerOf(annotations, kind),
		Default: annotations[AnnotationDefaultSnapshotClass] == "true",
	}
	found.Driver, _, _ = unstructured.NestedString(class.Object, "driver")
	found.Parameters, _, _ = unstructured.NestedStringMap(class.Object, "parameters")
	policy, _, _ := unstructured.NestedString(class.Object, "deletionPolicy")
	found.Reclaim = v1alpha1.ReclaimPolicy(policy)
	return found
}
