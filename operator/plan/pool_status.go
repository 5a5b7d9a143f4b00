package plan

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// maxDependents is how many names of dependents are shown, and maxClassNames how long a list of classes may be.
const (
	maxDependents = 10
	maxClassNames = 1024
)

// PoolStatus returns the whole status of a StoragePool: every condition, every time. What cannot be seen now is as it
// was seen last, but for the conditions.
func PoolStatus(in PoolObserved, p PoolPlan) v1alpha1.StoragePoolStatus {
	v := &poolView{in, p, in.Ceph.fresh()}
	before := deref(in.Previous)
	status := v1alpha1.StoragePoolStatus{
		Conditions:         transitions(before.Conditions, in.Generation, metav1.NewTime(in.Now), v.conditions()),
		ObservedGeneration: in.Generation,
		Resolved:           before.Resolved, Pools: before.Pools, Capacity: v.capacity(before.Capacity), Dependents: v.dependents(before.Dependents),
	}
	if in.Cluster.Found { // a default comes from there
		status.Resolved = new(in.Spec.Defaults())
	}
	if v.snapshot != nil && !in.Deleting && in.Cluster.Found {
		status.Pools = p.Made
	}
	status.Summary = summaryOf(in.Spec, status.Capacity)
	return status
}

// capacity returns how full the pool is. Its figures move with every write, so that those of before stay for a minute.
func (v *poolView) capacity(before *v1alpha1.PoolCapacity) *v1alpha1.PoolCapacity {
	data := v.pool(v1alpha1.CephPoolData)
	if data == nil || before != nil && v.in.Now.Sub(v.in.CapacityAt) < capacityEvery {
		return before.DeepCopy()
	}
	used, available := data.StoredBytes, max(data.AvailableBytes, 0)
	if quota := data.Quota.Bytes; quota > 0 {
		available = min(available, max(quota-used, 0))
	}
	return &v1alpha1.PoolCapacity{
		Used: threeDigits(used), Available: threeDigits(available), UsedPercent: new(percentOf(used, used+available)),
	}
}

// dependents returns what is in the pool, as it was when that could be listed last.
func (v *poolView) dependents(before *v1alpha1.PoolDependents) *v1alpha1.PoolDependents {
	content := v.in.Content
	if !content.Known {
		return before.DeepCopy()
	}
	return &v1alpha1.PoolDependents{
		Volumes: new(content.Volumes), Snapshots: new(content.Snapshots),
		First: content.First[:min(len(content.First), maxDependents)],
	}
}

func summaryOf(spec Pool, capacity *v1alpha1.PoolCapacity) *v1alpha1.PoolSummary {
	names := strings.Join(classNames(spec), ",")
	summary := &v1alpha1.PoolSummary{Layout: layoutText(spec.Layout), StorageClasses: names[:min(len(names), maxClassNames)]}
	if capacity != nil && capacity.UsedPercent != nil {
		summary.Used = fmt.Sprintf("%d%%", *capacity.UsedPercent)
	}
	return summary
}
