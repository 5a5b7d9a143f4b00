package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// poolView is an object with pools of Ceph and its plan, as its status is derived from them.
type poolView struct {
	in       OwnerObserved
	owner    poolOwner
	plan     PoolPlan
	snapshot *ceph.Snapshot // fresh, or nil
	// idle is why it does not serve although all of it is there; nil: it serves.
	idle *Condition
}

// conditions returns every condition that all kinds have, each time.
func (v *poolView) conditions() []typedCondition {
	return []typedCondition{
		{v1alpha1.ConditionReady, v.ready()},
		{v1alpha1.ConditionPlaceable, v.placeable()},
		{v1alpha1.ConditionCapacityOK, v.capacityOK()},
		{v1alpha1.ConditionStorageClassesReady, v.storageClassesReady()},
		{v1alpha1.ConditionUpToDate, v.upToDate()},
		{v1alpha1.ConditionDeleting, v.deleting()},
	}
}

// waiting says what keeps anything from being known; empty: nothing does.
func (v *poolView) waiting() string {
	switch {
	case !v.in.Cluster.Found:
		return fmt.Sprintf("there is no StorageCluster %s in the namespace %s", v.owner.cluster, v.in.Key.Namespace)
	case v.snapshot == nil && v.in.Ceph.Text != "":
		return "Ceph does not answer: " + v.in.Ceph.Text
	case v.snapshot == nil:
		return fmt.Sprintf("StorageCluster %s has not come up yet", v.owner.cluster)
	}
	return ""
}

func (v *poolView) ready() Condition {
	waiting := v.waiting()
	switch {
	case waiting != "" && v.owner.made && v.in.Cluster.Found:
		return notObserved("%s", waiting)
	case waiting != "":
		return isFalse(v1alpha1.ReasonWaitingForCluster, "%s", waiting)
	case v.in.Deleting:
		return v.readyWhileDeleting()
	case v.plan.Refusal != nil:
		return isFalse(v1alpha1.ReasonCephRefused, "%s", withRemedy(*v.plan.Refusal))
	case v.plan.Whole && v.idle != nil:
		return *v.idle
	case v.plan.Whole:
		return isTrue(v1alpha1.ReasonAvailable, "%s", v.owner.layout)
	case v.in.Trouble != "":
		return isFalse(v1alpha1.ReasonCephRefused, "%s", v.in.Trouble)
	case v.plan.Unplaceable != nil:
		return isFalse(v1alpha1.ReasonUnplaceable, "%s", withRemedy(*v.plan.Unplaceable))
	case v.in.Cluster.Paused:
		return isFalse(v1alpha1.ReasonCreating, "spec.pause of StorageCluster %s is All: nothing is made", v.owner.cluster)
	}
	return isFalse(v1alpha1.ReasonCreating, "%s", v.owner.making)
}

func (v *poolView) readyWhileDeleting() Condition {
	if v.plan.Occupied != nil && v.idle != nil {
		return *v.idle
	}
	if v.plan.Occupied != nil {
		return isTrue(v1alpha1.ReasonAvailable, "it is to be deleted; until it is empty its volumes go on")
	}
	return notObserved("it is being deleted")
}

// placedText says a layout in words, with what it is placed over.
func placedText(layout Layout) string {
	text := fmt.Sprintf("%s over %s", layoutText(layout), layout.FailureDomain)
	if layout.DeviceClass != "" {
		text += " on class " + layout.DeviceClass
	}
	return text
}

func (v *poolView) placeable() Condition {
	switch waiting := v.waiting(); {
	case waiting != "":
		return notObserved("%s", waiting)
	case v.in.Deleting:
		return notObserved("it is being deleted")
	case v.plan.Unplaceable != nil:
		return isFalse(v.plan.Unplaceable.Reason, "%s", withRemedy(*v.plan.Unplaceable))
	}
	return isTrue(v1alpha1.ReasonPlaceable, "%s has a place for each", v.owner.layout)
}

// pools returns the pools of Ceph that were made, those with the data first.
func (v *poolView) pools() []*ceph.Pool {
	var data, others []*ceph.Pool
	for _, made := range v.plan.Made {
		for i := range deref(v.snapshot).Pools {
			switch pool := &v.snapshot.Pools[i]; {
			case pool.Name != made.Name:
			case made.Role == v1alpha1.CephPoolData:
				data = append(data, pool)
			default:
				others = append(others, pool)
			}
		}
	}
	return slices.Concat(data, others)
}

// data returns the pools of Ceph that hold the data.
func (v *poolView) data() []*ceph.Pool {
	pools := v.pools()
	for i, pool := range pools {
		if !slices.ContainsFunc(v.plan.Made, func(m v1alpha1.CephPool) bool { return m.Name == pool.Name && m.Role == v1alpha1.CephPoolData }) {
			return pools[:i]
		}
	}
	return pools
}

// fullness are the flags of a full pool, the heaviest first: one over its quota has the flag full too.
func fullness() []struct{ flag, reason, text string } {
	return []struct{ flag, reason, text string }{
		{"full_quota", v1alpha1.ReasonQuotaReached, "spec.quota is reached, and writes are refused; raise it, or delete volumes"},
		{"full", v1alpha1.ReasonFull, "an OSD of the pool is full, and writes are refused; add disks, or delete volumes"},
		{"backfillfull", v1alpha1.ReasonNearFull, "an OSD of the pool is too full to take over what another loses; add disks, or delete volumes"},
		{"nearfull", v1alpha1.ReasonNearFull, "an OSD of the pool is near full; add disks, or delete volumes"},
	}
}

func (v *poolView) capacityOK() Condition {
	if len(v.data()) == 0 {
		return notObserved("%s", orDefault(v.waiting(), "there is no pool yet"))
	}
	for _, level := range fullness() {
		for _, pool := range v.pools() {
			if slices.Contains(pool.Flags, level.flag) {
				return isFalse(level.reason, "%s: %s", pool.Name, level.text)
			}
		}
	}
	return isTrue(v1alpha1.ReasonRoom, "no OSD of the %s is near full", v.owner.noun)
}

func (v *poolView) storageClassesReady() Condition {
	names := v.owner.classNames()
	switch {
	case len(v.plan.Taken) > 0:
		return isFalse(v1alpha1.ReasonNameTaken, "%s", v.owner.takenText(v.plan.Taken))
	case v.in.Deleting:
		return notObserved("it is being deleted")
	case !v.plan.Whole:
		return notObserved("%s", orDefault(v.waiting(), "they are made once the "+v.owner.noun+" is there"))
	case v.plan.Missing > 0 && v.in.Trouble != "":
		return notObserved("%s to be made: %s", count(v.plan.Missing, "class"), v.in.Trouble)
	case v.plan.Missing > 0 && v.plan.ClassesWait != "":
		return notObserved("%d to be made: %s", v.plan.Missing, v.plan.ClassesWait)
	case v.plan.Missing > 0:
		return notObserved("%d to be made", v.plan.Missing)
	case len(names) == 0:
		return isTrue(v1alpha1.ReasonMade, "spec.storageClasses asks for none")
	case !v.in.Snapshots:
		return isTrue(v1alpha1.ReasonMade, "%s; Kubernetes has no VolumeSnapshotClasses here", strings.Join(names, ", "))
	}
	return isTrue(v1alpha1.ReasonMade, "%s", strings.Join(names, ", "))
}

func (o poolOwner) takenText(taken []VolumeClass) string {
	var texts []string
	for _, class := range taken {
		by := "the driver " + class.Driver
		switch {
		case strings.Contains(class.Owner, " "): // its kind is named
			by = class.Owner
		case class.Owner != "":
			by = o.Kind + " " + class.Owner
		}
		texts = append(texts, fmt.Sprintf("there is a %s %s already, of %s", class.Kind, class.Name, by))
	}
	return some(texts) + "; choose another name, or delete it: volumes do not depend on their class"
}

func (v *poolView) upToDate() Condition {
	switch waiting := v.waiting(); {
	case waiting != "":
		return notObserved("%s", waiting)
	case v.in.Deleting || v.plan.Refusal != nil || !v.plan.Whole:
		return notObserved("there is no %s to compare", v.owner.noun)
	case len(v.plan.Held) > 0:
		return isFalse(v1alpha1.ReasonDrift, "%s; nothing moves, because it could not be placed: %s", differencesText(v.plan.Held),
			orNone(deref(v.plan.Unplaceable).Message))
	case len(v.plan.Changing) > 0 && v.in.Trouble != "":
		return isFalse(v1alpha1.ReasonDrift, "%s; Ceph refuses the change: %s", differencesText(v.plan.Changing), v.in.Trouble)
	case v.plan.Moves && !v.in.Cluster.Paused:
		return isFalse(v1alpha1.ReasonRebalancing, "data begins to move: %s", differencesText(v.plan.Changing))
	case len(v.plan.Changing) > 0 && v.plan.Waiting != "":
		return notObserved("a change waits: %s; %s", differencesText(v.plan.Changing), v.plan.Waiting)
	case len(v.plan.Changing) > 0:
		return notObserved("a change is under way: %s", differencesText(v.plan.Changing))
	case len(v.plan.Drift) > 0:
		return isFalse(v1alpha1.ReasonDrift, "changed in Ceph by hand: %s; change it back, or the next change of the spec does",
			differencesText(v.plan.Drift))
	case v.rebalancing():
		return isFalse(v1alpha1.ReasonRebalancing, "data moves to where it was declared to be")
	}
	return isTrue(v1alpha1.ReasonCurrent, "Ceph has all settings as declared")
}

// rebalancing says that data still moves since a pool was changed. The snapshot must be younger than the change.
func (v *poolView) rebalancing() bool {
	before := meta.FindStatusCondition(v.owner.before, v1alpha1.ConditionUpToDate)
	if before == nil || before.Status != metav1.ConditionFalse || before.Reason != v1alpha1.ReasonRebalancing {
		return false
	}
	moving := v.snapshot.PGs.MisplacedObjects > 0 || anyPG(v.snapshot.PGs, func(words []string) bool {
		return intersects(words, []string{"remapped", "backfilling", "backfill_wait", "recovering", "recovery_wait", "peering", "activating"})
	})
	return moving || v.snapshot.At.Before(before.LastTransitionTime.Add(poolOften))
}

func differencesText(differences []PoolDifference) string {
	var texts []string
	for _, d := range differences {
		texts = append(texts, d.String())
	}
	return some(texts)
}

func (v *poolView) deleting() Condition {
	occupied := v.plan.Occupied
	switch {
	case !v.in.Deleting:
		return isFalse(v1alpha1.ReasonNotDeleting, "the %s stays", v.owner.Kind)
	case occupied != nil && occupied.Reason == v1alpha1.ReasonNotObserved:
		return notObserved("%s", occupied.Message)
	case occupied != nil:
		return isTrue(occupied.Reason, "%s", withRemedy(*occupied))
	case len(v.plan.Steps) == 0 && len(v.plan.Paused) == 0:
		return notObserved("nothing is deleted before it is known what the %s holds: %s", v.owner.noun, orNone(v.waiting()))
	case v.in.Cluster.Paused:
		return isTrue(v1alpha1.ReasonRemoving, "held by spec.pause: All of StorageCluster %s", v.owner.cluster)
	case v.in.Trouble != "":
		return isTrue(v1alpha1.ReasonRemoving, "it does not come to an end: %s", v.in.Trouble)
	}
	return isTrue(v1alpha1.ReasonRemoving, "nothing is in it; its pools of Ceph are deleted")
}
