package plan

import (
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// FilesystemObserved is what one StorageFilesystem is planned from.
type FilesystemObserved struct {
	OwnerObserved
	Spec Filesystem
	// Previous status of the object.
	Previous *v1alpha1.StorageFilesystemStatus
	// Nodes on which metadata servers run, by their names.
	Nodes map[string]string
}

// FilesystemPlan is what is to be done for one StorageFilesystem.
type FilesystemPlan struct {
	PoolPlan
	// Filesystem of Ceph that was made for it; nil: there is none.
	Filesystem *ceph.Filesystem
	// Left are groups of subvolumes that belong to no class of the spec and are not empty.
	Left []SubvolumeGroup
}

// metadataPoolSuffix makes the name of the pool of the metadata, and roleMetadata is what it holds.
const (
	metadataPoolSuffix = "-metadata"
	roleMetadata       = v1alpha1.CephPoolRole("Metadata")
)

// members returns the pools of Ceph behind a StorageFilesystem of the name: that of the metadata, and those of the data in
// the order of the spec.
func (f Filesystem) members(name string) []member {
	all := []member{{name: name + metadataPoolSuffix, label: "metadataPool", role: roleMetadata, layout: f.MetadataPool}}
	for _, pool := range f.DataPools {
		all = append(all, member{
			name: dataPoolName(name, pool.Name), label: "dataPools " + pool.Name, role: v1alpha1.CephPoolData, layout: pool.Layout,
		})
	}
	return all
}

func dataPoolName(filesystem, pool string) string { return filesystem + "-" + pool }

// owner returns a StorageFilesystem as the owner of its pools.
func (in FilesystemObserved) owner() poolOwner {
	before := deref(in.Previous)
	o := poolOwner{
		OwnerKind: StorageFilesystems(), key: in.Key, cluster: in.Spec.Cluster, members: in.Spec.members(in.Key.Name),
		layout: in.Spec.placedText(), made: before.Capacity != nil || before.Dependents != nil || len(before.Ranks) > 0,
		before: before.Conditions,
	}
	for _, class := range in.Spec.StorageClasses {
		o.classes = append(o.classes, o.fileClass(class, in.Spec.DataPools[0].Name))
	}
	return o
}

// fileClass returns a StorageClass of a StorageFilesystem whose first data pool is given.
func (o poolOwner) fileClass(class FilesystemStorageClass, first string) VolumeClass {
	wanted := o.storageClass(class.Name, class.ReclaimPolicy, class.ClusterDefault, class.MountOptions)
	wanted.Parameters[v1alpha1.ParameterFilesystem] = o.key.Name
	wanted.Parameters[v1alpha1.ParameterSubvolumeGroup] = class.Name
	wanted.Parameters[v1alpha1.ParameterMounter] = string(class.Mounter)
	if class.DataPool != first {
		wanted.Parameters[v1alpha1.ParameterDataPool] = dataPoolName(o.key.Name, class.DataPool)
	}
	return wanted
}

// placedText says the layouts of all pools in words.
func (f Filesystem) placedText() string {
	texts := []string{"metadata " + placedText(f.MetadataPool)}
	for _, pool := range f.DataPools {
		texts = append(texts, pool.Name+" "+placedText(pool.Layout))
	}
	return strings.Join(texts, ", ")
}

// FilesystemEmptiedKey beside the tag of the pool of the metadata says of which filesystem (EmptiedMark) it was seen that
// nothing is in it. It is written right before that filesystem is stopped, after which nobody can look any more.
const FilesystemEmptiedKey = "seamount.emptied"

// EmptiedMark returns the value of FilesystemEmptiedKey: a filesystem that is made again has another one.
func EmptiedMark(fs *ceph.Filesystem) string { return strconv.Itoa(fs.ID) }

// SeenEmpty says that a filesystem is known to hold no subvolumes although it does not run: it was seen to before it was
// stopped, or no metadata server ever held a rank of it.
func SeenEmpty(fs *ceph.Filesystem, pools []ceph.Pool) bool {
	if len(fs.Ranks) > 0 {
		return false
	}
	untouched := fs.Joinable && len(fs.Failed) == 0 && len(fs.Damaged) == 0
	for i := range pools {
		switch pool := &pools[i]; {
		case pool.ID == fs.MetadataPool && !fs.Joinable:
			return pool.ApplicationValues[ApplicationCephFS+"/"+FilesystemEmptiedKey] == EmptiedMark(fs)
		case pool.ID == fs.MetadataPool:
			untouched = untouched && pool.Objects == 0
		}
	}
	return untouched
}

// HeldOutside returns what the data pools of a filesystem hold; nil: nothing. An empty filesystem has no objects in them,
// so that these are files outside of subvolumes when there are no subvolumes either, or still to be purged.
func HeldOutside(fs *ceph.Filesystem, pools []ceph.Pool) *v1alpha1.Refusal {
	for _, id := range fs.DataPools {
		for i := range pools {
			if pools[i].ID != id {
				continue
			}
			if refusal := heldIn(&pools[i]); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// Listable says that the subvolumes of a filesystem can be listed, which its first rank answers. If there is such a
// filesystem and they cannot, why says so.
func Listable(s *ceph.Snapshot, filesystem string) (ok bool, why string) {
	fs := cephFSIn(s, filesystem)
	if fs == nil {
		return false, ""
	}
	if state := rankState(fs, 0); state != stateActive {
		return false, "rank 0 is " + state + ", and the others cannot answer"
	}
	return true, ""
}
