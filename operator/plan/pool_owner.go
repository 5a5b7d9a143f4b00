package plan

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// What is kept beside the tag of a pool of Ceph.
const (
	// ApplicationRBD is the tag of pools that hold images, and ApplicationCephFS of those that hold files.
	ApplicationRBD    = "rbd"
	ApplicationCephFS = "cephfs"
	// PoolOwnerKey says which object the pool was made for: OwnerKind.Owner.
	PoolOwnerKey = "seamount.owner"
	// PoolSettingsKey says which settings it was given last.
	PoolSettingsKey = "seamount.settings"
)

// OwnerKind is a kind of objects that pools of Ceph are made for, and what differs from one kind to the other.
type OwnerKind struct {
	// Kind as Kubernetes names it.
	Kind string
	// Application is the tag of the pools.
	Application string
	// Annotation of a class says which object it was made for, and Driver serves its volumes.
	Annotation, Driver string
	// Finalizer keeps an object until its pools are deleted.
	Finalizer string
	// noun is what is made of the pools, making says that it is, and volume is what is in it.
	noun, making, volume string
}

// StoragePools is the kind whose pools hold images.
func StoragePools() OwnerKind {
	return OwnerKind{
		Kind: v1alpha1.KindStoragePool, Application: ApplicationRBD, Annotation: v1alpha1.AnnotationPool,
		Driver: v1alpha1.ProvisionerRBD, Finalizer: v1alpha1.FinalizerPool,
		noun: "pool", making: "its pool of Ceph is being made", volume: "volume",
	}
}

// StorageFilesystems is the kind whose pools hold files.
func StorageFilesystems() OwnerKind {
	return OwnerKind{
		Kind: v1alpha1.KindStorageFilesystem, Application: ApplicationCephFS, Annotation: v1alpha1.AnnotationFilesystem,
		Driver: v1alpha1.ProvisionerCephFS, Finalizer: v1alpha1.FinalizerFilesystem,
		noun: "filesystem", making: "its pools and its filesystem in Ceph are being made", volume: "subvolume",
	}
}

// OwnerKinds lists all kinds.
func OwnerKinds() []OwnerKind { return []OwnerKind{StoragePools(), StorageFilesystems()} }

// Owner returns the value of PoolOwnerKey for an object of the kind.
func (k OwnerKind) Owner(name string) string { return k.Kind + "/" + name }

// PoolOwner returns the value of PoolOwnerKey for a StoragePool.
func PoolOwner(name string) string { return StoragePools().Owner(name) }

// poolOwner is an object that pools of Ceph are made for, with all that is asked for.
type poolOwner struct {
	OwnerKind
	key     PoolKey
	cluster string
	members []member
	// classes are the StorageClasses; a VolumeSnapshotClass goes with each.
	classes []VolumeClass
	// layout in words.
	layout string
	// made says that pools were made before, as far as the status tells, and before are its conditions.
	made   bool
	before []metav1.Condition
}

func (o poolOwner) classNames() []string {
	var names []string
	for _, class := range o.classes {
		names = append(names, class.Name)
	}
	return names
}

// classList joins the names of the classes, as long as a summary may be.
func (o poolOwner) classList() string {
	names := strings.Join(o.classNames(), ",")
	return names[:min(len(names), maxClassNames)]
}

// owner returns a StoragePool as the owner of its pools.
func (in PoolObserved) owner() poolOwner {
	o := poolOwner{
		OwnerKind: StoragePools(), key: in.Key, cluster: in.Spec.Cluster, members: in.Spec.members(in.Key.Name),
		layout: placedText(in.Spec.Layout), made: len(deref(in.Previous).Pools) > 0, before: deref(in.Previous).Conditions,
	}
	for _, class := range in.Spec.StorageClasses {
		o.classes = append(o.classes, o.imageClass(class, in.Spec.ImageMetadata != nil))
	}
	return o
}
