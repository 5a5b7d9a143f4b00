package plan

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// FailedFor is how long a disk has to have failed until anything is done about it: a node that comes back finds its disks, and starts
// its OSDs, one after the other.
const FailedFor = 10 * time.Minute

// failed says why the disk is gone or dead, as discover on a node that is well says, and since when; empty: nobody says so. What is
// known of the disks of a node that is off, or that somebody works on, proves nothing: they come back with it.
func (d *draft) failed() (why string, since time.Time) {
	if !d.owned || d.operation != nil || d.node == nil || !AtWork(d.node) {
		return "", time.Time{}
	}
	since, ok := FailedSince(d.disk)
	if !ok {
		return "", time.Time{}
	}
	return DiskFailed(d.disk), since
}

// FailedSince is since when discover has said of a disk that failed what it says now, without a silence in between; false: nobody
// vouches for it now.
func FailedSince(disk *v1alpha1.StorageDisk) (time.Time, bool) {
	says, so := v1alpha1.ConditionHealthy, metav1.ConditionFalse
	if disk.Status.Presence == v1alpha1.PresenceMissing {
		says, so = v1alpha1.ConditionUsable, metav1.ConditionUnknown // since it is not seen; not when others spoke for the node
	}
	fresh := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionFresh)
	said := meta.FindStatusCondition(disk.Status.Conditions, says)
	if fresh == nil || fresh.Status != metav1.ConditionTrue || said == nil || said.Status != so {
		return time.Time{}, false
	}
	if said.LastTransitionTime.After(fresh.LastTransitionTime.Time) {
		return said.LastTransitionTime.Time, true
	}
	return fresh.LastTransitionTime.Time, true
}

// failedLong says that a disk has failed, and for so long that it does not come back with its node.
func failedLong(disk *v1alpha1.StorageDisk, now time.Time) bool {
	since, ok := FailedSince(disk)
	return ok && DiskFailed(disk) != "" && now.Sub(since) >= FailedFor
}

// AtWork says that nothing is done to a node, and that what its discover says holds.
func AtWork(node *Node) bool { return Undisturbed(node) && node.Discover == DiscoverReporting }

// Undisturbed says that a node is ready, and that nobody takes it away or works on it.
func Undisturbed(node *Node) bool {
	return node.Ready && !node.Deleting && !node.Unschedulable && !saidOff(node)
}

// DiskFailed says why a disk is gone or dead as far as its status tells; empty: it is neither. One that is merely worn out is not.
func DiskFailed(disk *v1alpha1.StorageDisk) string {
	if disk.Status.Presence == v1alpha1.PresenceMissing {
		return "node " + disk.Status.Node + " does not see it any more"
	}
	healthy := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionHealthy)
	dead := []string{v1alpha1.ReasonSMARTFailing, v1alpha1.ReasonMediaErrors, v1alpha1.ReasonIOErrors}
	if healthy == nil || healthy.Status != metav1.ConditionFalse || !slices.Contains(dead, healthy.Reason) {
		return ""
	}
	return fmt.Sprintf("it fails (%s): %s", healthy.Reason, healthy.Message)
}
