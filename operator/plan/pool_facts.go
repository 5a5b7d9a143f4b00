package plan

import (
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// PoolObserved is what one StoragePool is planned from.
type PoolObserved struct {
	OwnerObserved
	Spec Pool
	// Previous status of the object.
	Previous *v1alpha1.StoragePoolStatus
}

// OwnerObserved is what is observed of whatever pools of Ceph are made for.
type OwnerObserved struct {
	Now time.Time
	// Key of the object. Its name is that of the pool of Ceph in which the images are, or of the filesystem.
	Key     PoolKey
	Cluster PoolCluster
	// Deleting says that the object is being deleted.
	Deleting bool
	// Generation of the spec.
	Generation int64
	Ceph       CephFacts
	Content    PoolContent
	// Classes that the object owns or whose names it asks for, of the kinds that there are.
	Classes []VolumeClass
	// Snapshots says that there are VolumeSnapshotClasses in this Kubernetes.
	Snapshots bool
	// CapacityAt is when status.capacity was last written. Zero: not since the program began.
	CapacityAt time.Time
	// Trouble is why the last steps failed, in Ceph's or Kubernetes' words; empty: they did not.
	Trouble string
}

// PoolKey names a StoragePool or a StorageFilesystem.
type PoolKey struct{ Namespace, Name string }

// String returns namespace/name.
func (k PoolKey) String() string { return k.Namespace + "/" + k.Name }

// PoolCluster is what matters to a pool of its StorageCluster.
type PoolCluster struct {
	Found bool
	// Identity says that the cluster was begun: it has an fsid.
	Identity bool
	// Paused says that spec.pause is All.
	Paused bool
}

// PoolContent is what a StoragePool or a StorageFilesystem holds.
type PoolContent struct {
	// Known says that all of it could be listed. Trouble is why not.
	Known   bool
	Trouble string
	// Volumes and Snapshots in the pool, also those in its trash and in namespaces that nobody looks into. In a filesystem
	// Volumes are the subvolumes of all groups.
	Volumes, Snapshots int32
	// First names of them.
	First []string
	// Groups of subvolumes, without the default one.
	Groups []SubvolumeGroup
}

// SubvolumeGroup is a group with the number of its subvolumes.
type SubvolumeGroup struct {
	Name       string
	Subvolumes int32
}

// ClassKind is a kind of classes for volumes.
type ClassKind string

// The kinds of classes.
const (
	StorageClassKind        ClassKind = "StorageClass"
	VolumeSnapshotClassKind ClassKind = "VolumeSnapshotClass"
)

// VolumeClass is a StorageClass or a VolumeSnapshotClass.
type VolumeClass struct {
	Kind ClassKind
	Name string
	// Owner is the object that it was made for, as namespace/name, and with its kind before when it is of another kind
	// than the one that is planned for; empty: none.
	Owner string
	// Driver of CSI.
	Driver     string
	Parameters map[string]string
	// Reclaim is what becomes of a volume, or of a snapshot, when its claim is deleted.
	Reclaim      v1alpha1.ReclaimPolicy
	MountOptions []string
	Default      bool
	// Expandable and Immediate hold for every StorageClass of ours and for no VolumeSnapshotClass.
	Expandable, Immediate bool
}

// PoolPlan is what is to be done for one StoragePool, or for the pools and classes of a StorageFilesystem.
type PoolPlan struct {
	// Steps in an order that respects their After.
	Steps []Step
	// Paused are the steps that the cluster's spec.pause keeps back.
	Paused []Step
	// Refusal is why the pools of Ceph are left alone; nil: they are not.
	Refusal *v1alpha1.Refusal
	// Unplaceable is why the wanted layout has no place; nil: it has.
	Unplaceable *v1alpha1.Refusal
	// Occupied is why an object that is being deleted stays; nil: nothing keeps it.
	Occupied *v1alpha1.Refusal
	// Held are changes that wait until they can be placed, Changing those that are made, and Drift those that somebody
	// made by hand.
	Held, Changing, Drift []PoolDifference
	// Moves says that a step moves data.
	Moves bool
	// Waiting says what changes wait for, and ClassesWait what classes do; empty: for their steps only.
	Waiting, ClassesWait string
	// Taken are the classes of wanted names that are somebody else's, and Missing those that are still to be made.
	Taken   []VolumeClass
	Missing int
	// Made are the pools of Ceph that there are and that are this object's, and Whole says that these are all, ready for
	// volumes.
	Made  []v1alpha1.CephPool
	Whole bool
	// After is when to plan again although nothing changed.
	After time.Duration
}

// PoolDifference is a setting of a pool of Ceph that is not as it is declared.
type PoolDifference struct{ Pool, Option, Declared, Live string }

// String says what differs.
func (d PoolDifference) String() string {
	return d.Option + " of " + d.Pool + " is " + orNone(d.Live) + ", and " + orNone(d.Declared) + " is declared"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
