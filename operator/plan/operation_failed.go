package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// needless says why an operation that was made for a failed disk is not needed any more; empty: it is, or nobody can tell. The
// others are people's, who end them themselves.
func (b *beginning) needless() string {
	if !b.in.Made || b.in.Ceph.fresh() == nil {
		return ""
	}
	c := newOperationComputation(b.in.OperationObserved)
	c.target()
	c.tree = newCRUSHTree(c.snapshot)
	for _, id := range slices.Sorted(maps.Keys(c.osds)) {
		if osd := c.tree.osds[id]; osd != nil && osd.Up {
			return osdName(id) + " is up again: it need not be replaced"
		}
	}
	if len(c.osds) == 0 {
		return "no OSD is on " + some(b.in.Spec.Disks) + " any more"
	}
	return ""
}

// doubtful says why the policy does not approve the replacement of a disk that the operator itself found to have failed; empty:
// nothing speaks against it.
func (b *beginning) doubtful() string {
	if !b.in.Made {
		return ""
	}
	if b.in.Beside > b.in.Approvals.MaxAutomaticPerDay {
		return count(b.in.Beside, "disk") + " failed at once, as when a shelf, a controller or a cable fails"
	}
	if b.in.Wanted != "" {
		return "operation " + b.in.Wanted + " is about the disk too"
	}
	failed := b.failedAtOnce()
	for _, name := range b.in.Spec.Disks {
		disk := diskNamed(b.in.Disks, name)
		if disk == nil {
			continue // the plan refuses it
		}
		switch node := disk.Status.Node; {
		case !b.in.AtWork[node]:
			return "node " + node + " does not answer, its discover is silent, or it is cordoned, tainted as out of service or being deleted"
		case DiskFailed(disk) == "":
			return "disk " + name + " is there again, and reports no errors"
		case !failedLong(disk, b.in.Now):
			return fmt.Sprintf("disk %s has not failed for %s without a break", name, FailedFor)
		case failed[node] > b.in.Approvals.MaxAutomaticPerDay:
			return fmt.Sprintf("%s of node %s have failed at once, as when a shelf, a controller or a cable fails", count(failed[node], "disk"), node)
		}
	}
	return ""
}

// Meet notes what an operation of the same cluster means for one that was made because a disk failed. What was made for the disks of
// a shelf counts when it has ended, too: the last of them are not taken for disks that fail alone.
func (in *CarryObserved) Meet(own, other *v1alpha1.StorageOperation) {
	switch {
	case !in.Made:
	case other.Labels[v1alpha1.LabelMadeFor] == v1alpha1.MadeForFailedDisk:
		if other.CreationTimestamp.Sub(own.CreationTimestamp.Time).Abs() < failedTogether {
			in.Beside += int32(len(other.Spec.Disks)) //nolint:gosec // 64 at most
		}
	case other.Name != in.Name && !OperationFinished(&other.Status) && in.sharedWith(other):
		in.Wanted = other.Name
	}
}

// sharedWith says that an operation is about a disk that this one names.
func (in *CarryObserved) sharedWith(other *v1alpha1.StorageOperation) bool {
	return slices.ContainsFunc(in.Spec.Disks, func(name string) bool {
		disk := diskNamed(in.Disks, name)
		return disk != nil && Covers(other, &FailedDisk{Node: disk.Status.Node, Disks: []string{name}})
	})
}

// failedTogether is within what time disks fail that have one cause.
const failedTogether = time.Hour

// failedAtOnce counts by node the disks that are gone or dead, with the OSDs that they have.
func (b *beginning) failedAtOnce() map[string]int32 {
	c := newOperationComputation(b.in.OperationObserved)
	failed := map[string]int32{}
	if c.snapshot == nil {
		return failed // nothing is approved then
	}
	c.tree = newCRUSHTree(c.snapshot)
	for _, disk := range b.in.Disks {
		if len(disk.Status.OSDs) > 0 && DiskFailed(disk) != "" && c.dead(disk) {
			failed[disk.Status.Node]++
		}
	}
	return failed
}

// whyMade says why the operator made it, for who is to approve it; empty: a person made it.
func (b *beginning) whyMade() string {
	for _, name := range b.in.Spec.Disks {
		if disk := diskNamed(b.in.Disks, name); b.in.Made && disk != nil && DiskFailed(disk) != "" {
			return fmt.Sprintf("disk %s has failed: %s; ", name, DiskFailed(disk))
		}
	}
	return ""
}

// troubleText says that a step failed and is tried again, and why.
func troubleText(trouble v1alpha1.Refusal) string {
	return cut(cmp.Or(withRemedy(trouble), "it gives no reason"))
}
