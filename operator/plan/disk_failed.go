package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// failed says why the disk is gone or dead, as discover on a node that is well says just now; empty: nobody says so. What is known
// of the disks of a node that is off, or that somebody works on, proves nothing: they come back with it.
func (d *draft) failed() string {
	if !d.owned || d.operation != nil || d.node == nil || !atWork(d.node) {
		return ""
	}
	return DiskFailed(d.disk)
}

// atWork says that nothing is done to a node, and that what its discover says holds.
func atWork(node *Node) bool {
	off := slices.ContainsFunc(node.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
	return node.Ready && !node.Deleting && !node.Unschedulable && !off && node.Discover == DiscoverReporting
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
