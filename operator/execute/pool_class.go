package execute

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// makeClass makes a class with Create: one that somebody else has stays as it is. One of this object that differs goes
// first; killed in between, the next pass makes it.
func (e *Executor) makeClass(ctx context.Context, target PoolTarget, action plan.MakeClass) error {
	if action.Replaces {
		if err := e.removeClass(ctx, target, action.Class.Kind, action.Class.Name); err != nil {
			return err
		}
	}
	object := classObject(action.Class, target.Kind.Annotation, v1alpha1.ClusterLabelValue(target.Object.GetNamespace(), target.Cluster))
	if err := e.Client.Create(ctx, object, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
		return fmt.Errorf("make %s %s: %w", action.Class.Kind, action.Class.Name, err)
	}
	return nil
}

// removeClass deletes a class if it is still the object's, looked up live.
func (e *Executor) removeClass(ctx context.Context, target PoolTarget, kind plan.ClassKind, name string) error {
	object := emptyClass(kind)
	err := e.Live.Get(ctx, client.ObjectKey{Name: name}, object)
	owner := plan.PoolKey{Namespace: target.Object.GetNamespace(), Name: target.Object.GetName()}.String()
	if err == nil && object.GetAnnotations()[target.Kind.Annotation] == owner {
		err = e.Client.Delete(ctx, object, client.Preconditions{UID: uidOf(object)})
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s %s: %w", kind, name, err)
	}
	return nil
}

func emptyClass(kind plan.ClassKind) client.Object {
	if kind == plan.StorageClassKind {
		return &storagev1.StorageClass{}
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(observe.SnapshotClassKind())
	return object
}

// classObject builds a class of the cluster whose label is given, with the annotation that says whose it is.
func classObject(class plan.VolumeClass, annotation, cluster string) client.Object {
	if class.Kind == plan.VolumeSnapshotClassKind {
		return snapshotClass(class, annotation, cluster)
	}
	binding := storagev1.VolumeBindingWaitForFirstConsumer
	if class.Immediate {
		binding = storagev1.VolumeBindingImmediate
	}
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name: class.Name, Labels: map[string]string{v1alpha1.LabelCluster: cluster},
			Annotations: classAnnotations(class, annotation, observe.AnnotationDefaultStorageClass),
		},
		Provisioner: class.Driver, Parameters: class.Parameters, MountOptions: class.MountOptions,
		ReclaimPolicy:        ptr.To(corev1.PersistentVolumeReclaimPolicy(class.Reclaim)),
		AllowVolumeExpansion: ptr.To(class.Expandable), VolumeBindingMode: ptr.To(binding),
	}
}

func snapshotClass(class plan.VolumeClass, annotation, cluster string) client.Object {
	parameters := map[string]any{}
	for key, value := range class.Parameters {
		parameters[key] = value
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"driver": class.Driver, "deletionPolicy": string(class.Reclaim), "parameters": parameters,
	}}
	object.SetGroupVersionKind(observe.SnapshotClassKind())
	object.SetName(class.Name)
	object.SetLabels(map[string]string{v1alpha1.LabelCluster: cluster})
	object.SetAnnotations(classAnnotations(class, annotation, observe.AnnotationDefaultSnapshotClass))
	return object
}

func classAnnotations(class plan.VolumeClass, owner, isDefault string) map[string]string {
	annotations := map[string]string{owner: class.Owner}
	if class.Default {
		annotations[isDefault] = "true"
	}
	return annotations
}
