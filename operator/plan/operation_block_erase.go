package plan

import (
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// blockErasure refuses to erase what could not be told from another disk, what an OSD still needs, and what would leave a
// part of another disk behind that nobody can use.
func (c *operationComputation) blockErasure(disk *v1alpha1.StorageDisk) {
	kind := c.in.Spec.Type
	if !erases(kind) {
		return
	}
	if eraseOf(c.in.Spec) != v1alpha1.EraseNone && !c.unanswering(disk) && deref(disk.Status.Verdict).Seal == "" {
		c.refuse(BlockerNotSealed, "kubectl seamount why disk/"+disk.Name,
			"discover gave no seal of disk %s, so that the agent could not tell it from another", disk.Name)
	}
	if kind == v1alpha1.OperationWipe {
		c.blockLabel(disk)
		return
	}
	for _, osd := range disk.Status.OSDs {
		switch db := diskNamed(c.in.Disks, osd.DBDisk); {
		case osd.DBDisk == "" || c.targeted(osd.DBDisk):
		case kind == v1alpha1.OperationReplace && db != nil && db.Status.Presence != v1alpha1.PresenceMissing:
		case kind == v1alpha1.OperationReplace:
			c.refuse(BlockerSharedDBDisk, "put disk "+osd.DBDisk+" in again, or replace it: that makes all its OSDs anew",
				"the DB of osd.%d is a slice of disk %s, which is missing", osd.ID, osd.DBDisk)
		default:
			c.refuse(BlockerSharedDBDisk, "name disk "+osd.DBDisk+" too: then it is erased, and every OSD with its DB there is removed",
				"the DB of osd.%d is a slice of disk %s, and a slice alone is not given back in this release", osd.ID, osd.DBDisk)
		}
	}
}

func (c *operationComputation) targeted(name string) bool {
	return slices.ContainsFunc(c.disks, func(disk *v1alpha1.StorageDisk) bool { return disk.Name == name })
}

// blockLabel refuses to wipe a disk with the label of an OSD that the cluster has. While Ceph does not answer, nobody knows.
func (c *operationComputation) blockLabel(disk *v1alpha1.StorageDisk) {
	label := deref(deref(disk.Status.Content).BlueStore)
	if label.OSDUUID == "" || label.FSID != "" && label.FSID != c.in.FSID {
		return
	}
	if c.snapshot == nil {
		c.refuse(v1alpha1.ReasonStaleData, "wait until Ceph answers: kubectl get storageclusters",
			"disk %s holds an OSD, and whether the cluster has it is not known while Ceph does not answer", disk.Name)
		return
	}
	for _, osd := range c.snapshot.OSDs {
		if strings.EqualFold(osd.UUID, label.OSDUUID) {
			c.refuse(BlockerInService, "create a StorageOperation of type Remove", "disk %s holds osd.%d, which the cluster has", disk.Name, osd.ID)
		}
	}
}
