package plan

import (
	"fmt"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// removeAll takes the filesystem, its pools and its classes away, once nothing is in it.
func (c *filesystemComputation) removeAll() {
	var names []string
	for _, m := range c.members {
		names = append(names, m.name)
	}
	c.remove(removal{
		names: names, occupied: c.holds, images: func(string) bool { return false },
		before: func() {
			if c.fs != nil {
				c.add(RemoveFilesystem{c.fs.Name, c.members[0].name}, "the StorageFilesystem is being deleted, and nothing is in it", c.removals()...)
			}
		},
	})
}

// holds returns what is still in the filesystem or in its pools; nil: nothing. What could not be listed is not empty.
func (c *filesystemComputation) holds(pools []ceph.Pool) *v1alpha1.Refusal {
	for i := range pools {
		if fs := c.filesystemOn(pools[i].ID); fs != nil && fs != c.fs {
			refusal := usedBy(&pools[i], fs)
			refusal.Reason = v1alpha1.ReasonDependentsExist
			return refusal
		}
	}
	if c.fs != nil {
		if refusal := c.subvolumes(); refusal != nil {
			return refusal
		}
		if refusal := HeldOutside(c.fs, c.snapshot.Pools); refusal != nil {
			return refusal
		}
	}
	for i := range pools {
		if refusal := heldIn(&pools[i]); refusal != nil && pools[i].Name != c.members[0].name {
			return refusal
		}
	}
	return nil
}

func (c *filesystemComputation) subvolumes() *v1alpha1.Refusal {
	content := c.in.Content
	switch {
	case content.Known && content.Volumes > 0:
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonDependentsExist,
			Message: fmt.Sprintf("the filesystem still holds %s", c.owner.contentText(content)),
			Remedy:  "delete them first",
		}
	case !content.Known && !SeenEmpty(c.fs, c.snapshot.Pools):
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonNotObserved,
			Message: fmt.Sprintf("the subvolumes in the filesystem could not be listed: %s", orNone(content.Trouble)),
		}
	}
	return nil
}

// heldIn returns what a pool for files holds; nil: nothing.
func heldIn(pool *ceph.Pool) *v1alpha1.Refusal {
	if pool.Objects == 0 && pool.StoredBytes <= emptyPool {
		return nil
	}
	return &v1alpha1.Refusal{
		Reason: v1alpha1.ReasonDependentsExist,
		Message: fmt.Sprintf("the pool %s of Ceph still holds %s (%sB) that belong to no subvolume", pool.Name,
			count(pool.Objects, "object"), binarySize(pool.StoredBytes)),
		Remedy: "wait for deletions that are under way, or see what it is: mount the filesystem at its root, or in the toolbox rados -p " + pool.Name + " ls --all",
	}
}
