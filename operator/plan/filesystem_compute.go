package plan

import (
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// filesystemComputation is a plan of a StorageFilesystem in the making: that of its pools, and the filesystem on them.
type filesystemComputation struct {
	poolComputation
	spec Filesystem
	fs   *ceph.Filesystem // made for it, or nil
	left []SubvolumeGroup
}

// ComputeFilesystem plans for one StorageFilesystem. The same arguments give the same plan.
func ComputeFilesystem(in FilesystemObserved) FilesystemPlan {
	c := &filesystemComputation{poolComputation: newPoolComputation(in.OwnerObserved, in.owner()), spec: in.Spec}
	c.fs = c.ownFilesystem()
	if in.Deleting {
		c.removeAll()
	} else if in.Cluster.Found && c.snapshot != nil {
		c.makeAll()
	}
	return FilesystemPlan{PoolPlan: c.finish(), Filesystem: c.fs, Left: c.left}
}

func (c *filesystemComputation) makeAll() {
	c.place()
	if c.out.Refusal = c.refuse(); c.out.Refusal == nil {
		c.out.Refusal = c.refuseFilesystem()
	}
	if c.out.Refusal == nil {
		c.make()
		c.filesystem()
		c.staleRules()
	}
	if c.out.Whole {
		c.ranks()
		c.groups()
		c.classes(c.groupIsThere, c.groupGoes)
	}
}

// named returns the filesystem of Ceph that has the name, whoever made it; nil: there is none.
func (c *filesystemComputation) named() *ceph.Filesystem {
	if c.snapshot == nil {
		return nil
	}
	return cephFSIn(c.snapshot, c.in.Key.Name)
}

// ownFilesystem returns the filesystem of Ceph that was made for this object: the one of its name, on its pools. These were
// marked before it was made.
func (c *filesystemComputation) ownFilesystem() *ceph.Filesystem {
	fs := c.named()
	if fs == nil || len(fs.DataPools) == 0 || !c.isOwn(c.members[0], fs.MetadataPool) || !c.isOwn(c.members[1], fs.DataPools[0]) {
		return nil
	}
	return fs
}

// isOwn says that a member is the pool of Ceph of the number, and marked as this object's.
func (c *filesystemComputation) isOwn(m member, id int64) bool {
	pool := c.find(m.name)
	return pool != nil && pool.ID == id && OwnerOf(*pool) == c.owner.Owner(c.in.Key.Name)
}

// refuseFilesystem returns why the filesystem of this name is left alone.
func (c *filesystemComputation) refuseFilesystem() *v1alpha1.Refusal {
	if fs := c.named(); fs != nil && c.fs == nil {
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonCephRefused,
			Message: fmt.Sprintf("Ceph has a filesystem %s already, which is not on the pools of this StorageFilesystem: somebody else made it", fs.Name),
			Remedy:  "choose another name; or, if nobody needs what is in it, remove it in the toolbox",
		}
	}
	for _, m := range c.members {
		pool := c.find(m.name)
		if pool == nil {
			continue
		}
		if fs := c.filesystemOn(pool.ID); fs != nil && fs.Name != c.in.Key.Name {
			return usedBy(pool, fs)
		}
	}
	return nil
}

func usedBy(pool *ceph.Pool, fs *ceph.Filesystem) *v1alpha1.Refusal {
	return &v1alpha1.Refusal{
		Reason:  v1alpha1.ReasonCephRefused,
		Message: fmt.Sprintf("the filesystem %s, which is not of this StorageFilesystem, uses the pool %s", fs.Name, pool.Name),
		Remedy:  "take the pool out of that filesystem in the toolbox: ceph fs rm_data_pool, or ceph fs rm",
	}
}

// filesystem makes the filesystem on its first two pools and gives it the others.
func (c *filesystemComputation) filesystem() {
	metadata, data := c.members[0], c.members[1:]
	create := CreateFilesystem{c.in.Key.Name, metadata.name, data[0].name}
	if c.fs == nil {
		c.out.Whole = false
		if c.comes(metadata) && c.comes(data[0]) {
			c.add(create, "Ceph has no filesystem of this name", lastStep(metadata), lastStep(data[0]))
		}
	}
	for _, m := range data[1:] {
		pool := c.find(m.name)
		if pool != nil && c.fs != nil && slices.Contains(c.fs.DataPools, pool.ID) {
			continue
		}
		c.out.Whole = false
		if c.comes(m) && (c.fs != nil || c.planned[stepID(create)]) {
			c.add(AddDataPool{c.in.Key.Name, m.name}, "the filesystem does not have this data pool yet", lastStep(m), create)
		}
	}
}

// comes says that a pool is there, or will be once the plan is done.
func (c *filesystemComputation) comes(m member) bool {
	return c.find(m.name) != nil || c.planned[stepID(CreateCephPool{m.spec()})]
}

// lastStep is the last one of a pool that is made or changed.
func lastStep(m member) Action { return RecordCephPool{Pool: m.name} }
