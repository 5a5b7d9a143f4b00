package erase

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const leaveIt = "find out whose disk it is; nothing was written to it"

// checkOwners refuses a disk with an OSD or a slice that the order does not name.
func (o Order) checkOwners(name string, found disk.Content) error {
	if err := o.checkTable(name, found); err != nil {
		return err
	}
	byDevice := map[string][]disk.Label{}
	for _, label := range found.Labels {
		byDevice[label.Device] = append(byDevice[label.Device], label)
	}
	for device, labels := range byDevice {
		deciding := bluestore.Deciding(labels)
		if len(deciding) == 0 {
			return refusal.New(handover.ReasonLabelBroken, "have somebody who knows BlueStore look at it; nothing was written to it",
				"%s has a label of BlueStore with a wrong checksum: it does not say whose OSD it is", device)
		}
		for _, label := range deciding {
			if !slices.Contains(o.OSDs, label.OSDUUID) || label.FSID != "" && label.FSID != o.FSID {
				return refusal.New(handover.ReasonForeignOSD, leaveIt, "%s is labelled for osd.%d of cluster %s (uuid %s), which is not to be erased",
					device, label.OSDID, label.FSID, label.OSDUUID)
			}
		}
	}
	return nil
}

// checkTable lets a table of others pass where the seal says whether it was there when the disk was judged. That of a disk which is an
// OSD as a whole does not: such a disk has no table, and one that it has was put there since.
func (o Order) checkTable(name string, found disk.Content) error {
	table := found.Table
	switch {
	case table == nil:
		return nil
	case o.Table == "" && !slices.ContainsFunc(table.Partitions, isSlice):
		if !isOSD(name, found.Labels) {
			return nil
		}
		return refusal.New(handover.ReasonDiskChanged, leaveIt+"; erase it by hand (sgdisk --zap-all) if nobody needs it",
			"%s is an OSD as a whole, and has the partition table %s besides, which is not to be erased", name, table.ID)
	}
	if !strings.EqualFold(table.ID, o.Table) {
		return refusal.New(handover.ReasonDiskChanged, leaveIt, "%s has the partition table %s, and not %s, which is to be erased",
			name, table.ID, o.Table)
	}
	for _, p := range table.Partitions {
		if !slices.ContainsFunc(o.Slices, func(s gpt.Partition) bool { return same(s, p) }) {
			return refusal.New(handover.ReasonForeignOSD, leaveIt, "%s has the partition %q (%s, %d bytes at %d), which is not to be erased",
				name, p.Name, p.UUID, p.Size, p.Offset)
		}
	}
	return nil
}

// sealedByOSDs says that the seal of a disk is one of OSDs that have it as a whole, or cut into slices. What else is put on such a disk
// leaves its seal as it is.
func sealedByOSDs(name string, found disk.Content) bool {
	return isOSD(name, found.Labels) || found.Table != nil && slices.ContainsFunc(found.Table.Partitions, isSlice)
}

// checkSignatures refuses what was put on a disk beside its OSDs. The order names a table that may be there.
func (o Order) checkSignatures(name string, found []disk.Signature) error {
	for _, s := range found {
		if s.Kind == v1alpha1.ContentBlueStore || s.Kind == v1alpha1.ContentPartitionTable && o.Table != "" {
			continue
		}
		return refusal.New(handover.ReasonDiskChanged, leaveIt+"; if nobody needs it, erase it by hand (wipefs -a) and create another operation of type Wipe",
			"%s has a label of an OSD, and %s (%s) besides, which is not to be erased", name, s.Type, s.Kind)
	}
	return nil
}

// isOSD says that the disk is labelled for an OSD as a whole, and not in a partition.
func isOSD(name string, labels []disk.Label) bool {
	return slices.ContainsFunc(labels, func(l disk.Label) bool { return l.Device == name && l.Valid && l.OSDUUID != "" })
}

func isSlice(p disk.TableEntry) bool { return p.Type == gpt.SliceType.String() }

func same(s gpt.Partition, p disk.TableEntry) bool {
	id, err := uuid.Parse(p.UUID)
	return err == nil && id == s.UUID && p.Offset == s.Offset && p.Size == s.Size && isSlice(p)
}
