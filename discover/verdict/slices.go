package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// sliced says whether the disk is cut as Seamount does it, and has no partition of anybody else's.
func (s subject) sliced() bool {
	if s.Content.Table == nil || len(s.Content.Table.Partitions) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.Content.Table.Partitions, func(p disk.TableEntry) bool { return p.Type != gpt.SliceType.String() })
}

// slicedBy returns the cluster that cut the disk. The table says which, and also that it was not copied here from another
// disk.
func (s subject) slicedBy() (Cluster, bool) {
	if !s.sliced() {
		return Cluster{}, false
	}
	for fsid, cluster := range s.Clusters {
		if id := handover.TableID(fsid, s.Context.Disk); id != "" && strings.EqualFold(id, s.Content.Table.ID) {
			return cluster, true
		}
	}
	return Cluster{}, false
}

// strangeSlices says that Seamount cut the disk, for a cluster that is not known here.
func (s subject) strangeSlices() bool {
	_, known := s.slicedBy()
	return s.sliced() && !known
}

// sliceNames lists whose slices they are, as the table has it.
func (s subject) sliceNames() string {
	var names []string
	for _, p := range s.Content.Table.Partitions {
		names = append(names, quote(p.Name))
	}
	return strings.Join(names, ", ")
}

func slicedText(s subject, c Cluster) text {
	message := fmt.Sprintf("holds %s of cluster %s/%s: %s", count(len(s.Content.Table.Partitions), "slice"), c.Namespace, c.Name, s.sliceNames())
	return text{message, removeRemedy}
}

func strangeSlicesText(s subject) text {
	return text{fmt.Sprintf("holds %s of a cluster that is not known here, or copied from another disk: %s",
		count(len(s.Content.Table.Partitions), "slice"), s.sliceNames()), s.erase()}
}

func undeterminedSlicesText(s subject) text {
	return text{fmt.Sprintf("holds %s, and which clusters are known here could not be read: %s",
		count(len(s.Content.Table.Partitions), "slice"), quote(s.Unread)),
		fmt.Sprintf("see whether discover on node %s may list StorageClusters and StorageDisks", s.Node)}
}
