package answer

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Plan answers: what will the operator do with each disk, and why.
type Plan struct {
	Clusters []ClusterPlan `json:"clusters"`
	Disks    []Disk        `json:"disks"`
}

// ClusterPlan sums up what a cluster does with its disks.
type ClusterPlan struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// ID of the plan; empty: no plan was made yet.
	ID            string `json:"id,omitempty"`
	Add           int32  `json:"add"`
	Provide       int32  `json:"provide"`
	Keep          int32  `json:"keep"`
	Wait          int32  `json:"wait"`
	Skip          int32  `json:"skip"`
	RawAddedBytes int64  `json:"rawAddedBytes,omitempty"`
	Message       string `json:"message"`
	// Held says what keeps the plan from being carried out; empty: nothing does.
	Held string `json:"held,omitempty"`
	// Do is what to do about that.
	Do string `json:"do,omitempty"`
}

// MakePlan answers for every cluster of the snapshot; disks that another cluster holds are left out.
func MakePlan(s *Snapshot) Plan {
	answer := Plan{Clusters: []ClusterPlan{}, Disks: []Disk{}}
	asked := map[string]bool{"": true}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		asked[c.Namespace+"/"+c.Name] = true
		answer.Clusters = append(answer.Clusters, clusterPlan(c))
	}
	for i := range s.Disks {
		if d := describePlan(&s.Disks[i]); asked[d.Cluster] {
			answer.Disks = append(answer.Disks, d)
		}
	}
	slices.SortStableFunc(answer.Disks, func(a, b Disk) int {
		return cmp.Or(cmp.Compare(weight(a.Action), weight(b.Action)), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Name, b.Name))
	})
	return answer
}

// describePlan describes a disk by its plan entry, also where something weighs more today.
func describePlan(d *v1alpha1.StorageDisk) Disk {
	answer := describeDisk(d)
	if plan := d.Status.Plan; plan != nil {
		answer.Reason, answer.Message = plan.Reason, plan.Message
	}
	return answer
}

// weight puts what will be done before what waits, and that before what stays.
func weight(action string) int {
	order := []v1alpha1.PlanAction{v1alpha1.PlanAdd, v1alpha1.PlanProvide, v1alpha1.PlanWait, v1alpha1.PlanKeep, v1alpha1.PlanSkip}
	if at := slices.Index(order, v1alpha1.PlanAction(action)); at >= 0 {
		return at
	}
	return len(order)
}

func clusterPlan(c *v1alpha1.StorageCluster) ClusterPlan {
	sums := deref(c.Status.Plan)
	answer := ClusterPlan{
		Namespace: c.Namespace, Name: c.Name, ID: sums.ID, Add: sums.Add, Provide: sums.Provide, Keep: sums.Keep,
		Wait: sums.Wait, Skip: sums.Skip, RawAddedBytes: bytesOf(sums.RawAdded), Message: sums.Message,
	}
	if sums.ID == "" {
		answer.Message = "no plan of the disks was made yet"
	}
	switch pending := sums.Add + sums.Provide; {
	case c.Spec.Pause == v1alpha1.PauseAll:
		answer.Held = "spec.pause is All: nothing is changed"
		answer.Do, _ = remedy(objectOfCluster(c), v1alpha1.ReasonPausedAll)
	case pending > 0 && deref(c.Spec.Approvals).NewDisks == v1alpha1.ApprovalManual:
		answer.Held = "spec.approvals.newDisks is Manual: a person approves new disks"
		answer.Do = "kubectl seamount operations # and approve the one of type Add"
	}
	return answer
}
