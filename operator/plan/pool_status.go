package plan

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// maxDependents is how many names of dependents are shown, and maxClassNames how long a list of classes may be.
const (
	maxDependents = 10
	maxClassNames = 1024
)

// PoolStatus returns the whole status of a StoragePool: every condition, every time. What cannot be seen now is as it
// was seen last, but for the conditions.
func PoolStatus(in PoolObserved, p PoolPlan) v1alpha1.StoragePoolStatus {
	v := &poolView{in: in.OwnerObserved, owner: in.owner(), plan: p, snapshot: in.Ceph.fresh()}
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
	status.Summary = &v1alpha1.PoolSummary{
		Layout: layoutText(in.Spec.Layout), StorageClasses: v.owner.classList(), Used: usedText(status.Capacity),
	}
	return status
}

// capacity returns how full the pools with the data are. The figures move with every write, so that those of before stay
// for a minute.
func (v *poolView) capacity(before *v1alpha1.PoolCapacity) *v1alpha1.PoolCapacity {
	data := v.data()
	if len(data) == 0 || before != nil && v.in.Now.Sub(v.in.CapacityAt) < capacityEvery {
		return before.DeepCopy()
	}
	used, available := int64(0), v.available(data)
	for _, pool := range data {
		used += pool.StoredBytes
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

// available returns how much still fits into pools. Those on the same disks share what there is, so that only the one that
// gets the most of it counts.
func (v *poolView) available(pools []*ceph.Pool) int64 {
	byClass := map[string]int64{}
	for _, pool := range pools {
		fits := max(pool.AvailableBytes, 0)
		if quota := pool.Quota.Bytes; quota > 0 {
			fits = min(fits, max(quota-pool.StoredBytes, 0))
		}
		class := ruleByID(v.snapshot.CRUSH.Rules, pool.RuleID).DeviceClass
		byClass[class] = max(byClass[class], fits)
	}
	sum, every := int64(0), byClass[""]
	for _, fits := range byClass {
		sum += fits
	}
	if every > 0 { // these disks are of every class
		return max(every, sum-every)
	}
	return sum
}

func usedText(capacity *v1alpha1.PoolCapacity) string {
	if capacity == nil || capacity.UsedPercent == nil {
		return ""
	}
	return fmt.Sprintf("%d%%", *capacity.UsedPercent)
}
