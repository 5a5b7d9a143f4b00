package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// How often at most what moves by itself is written.
const (
	capacityEvery = time.Minute
	recoveryEvery = 10 * time.Second
)

// The bounds of lists in status.
const (
	maxDrift    = 10
	maxVersions = 24
	maxClasses  = 16
)

// ClusterStatus returns the whole status of a StorageCluster: every condition, every time. What Ceph says is that of the
// last snapshot, and the condition Reachable says whether it still holds.
func ClusterStatus(in Observed, p Plan) v1alpha1.StorageClusterStatus {
	v := &view{in, p, in.Ceph.fresh(), waitingOperations(in.Operations)}
	before := deref(in.Previous)
	conditions := transitions(before.Conditions, in.Generation, metav1.NewTime(in.Now), v.conditions())
	if in.Now.Sub(in.RecoveryAt) < recoveryEvery {
		keepFigures(before.Conditions, conditions)
	}
	status := v1alpha1.StorageClusterStatus{
		Conditions:         conditions,
		ObservedGeneration: in.Generation,
		Resolved:           new(in.Spec.Defaults()),
		Mons:               v.mons(),
		Drift:              drift(p.Drift),
		Dependents:         dependentsOf(in.Dependents),
		Versions:           before.Versions, Classes: before.Classes, Capacity: before.Capacity,
		FSID: before.FSID, // stays when the identity is lost: it is rebuilt by it
	}
	if in.Identity != nil {
		status.FSID = in.Identity.FSID
	}
	if in.Disks != nil {
		status.Plan = new(in.Disks.Summary)
	}
	if last := in.Ceph.Snapshot; last != nil {
		status.Versions, status.Recovery = versions(last), v.recovery(last, before.Recovery)
		status.Capacity, status.Classes = v.capacity(last, before)
	}
	status.Summary = v.summary(status)
	return status
}

// keepFigures keeps the messages that differ from those of before in nothing but figures, which move all the time while
// data recovers.
func keepFigures(before, now []metav1.Condition) {
	for i := range now {
		old := meta.FindStatusCondition(before, now[i].Type)
		if old != nil && old.Status == now[i].Status && old.Reason == now[i].Reason && noFigures(old.Message) == noFigures(now[i].Message) {
			now[i].Message = old.Message
		}
	}
}

// noFigures returns a text without its numbers.
func noFigures(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, text)
}

func dependentsOf(d v1alpha1.ClusterDependents) *v1alpha1.ClusterDependents {
	if d.Pools == nil && d.Filesystems == nil && d.ObjectStores == nil && d.Volumes == nil && len(d.First) == 0 {
		return nil
	}
	return &d
}

func drift(entries []v1alpha1.DriftEntry) *v1alpha1.DriftStatus {
	if len(entries) == 0 {
		return nil
	}
	n := int32(len(entries))
	return &v1alpha1.DriftStatus{Count: n, First: slices.Clone(entries[:min(len(entries), maxDrift)])}
}

func (v *view) mons() []v1alpha1.MonStatus {
	var mons []v1alpha1.MonStatus
	if len(v.in.Mons.Mons) == 0 {
		mons = slices.Clone(deref(v.in.Previous).Mons) // the record is lost, and is written again by these
		for i := range mons {
			mons[i].State = v1alpha1.MonOut
		}
		return mons
	}
	for _, mon := range v.in.Mons.Mons {
		state := v1alpha1.MonOut
		if v.snapshot != nil && slices.Contains(v.snapshot.Quorum.InQuorum, mon.Name) {
			state = v1alpha1.MonInQuorum
		}
		mons = append(mons, v1alpha1.MonStatus{Name: mon.Name, Node: mon.Node, Address: mon.Address, State: state})
	}
	slices.SortFunc(mons, func(a, b v1alpha1.MonStatus) int { return cmp.Compare(a.Name, b.Name) })
	return mons
}

func versions(s *ceph.Snapshot) []v1alpha1.DaemonVersion {
	var list []v1alpha1.DaemonVersion
	for _, version := range s.Versions {
		list = append(list, v1alpha1.DaemonVersion{
			Daemon: version.Daemon, Version: version.Version, Count: int32(version.Count),
		})
	}
	slices.SortFunc(list, func(a, b v1alpha1.DaemonVersion) int {
		return cmp.Or(cmp.Compare(a.Daemon, b.Daemon), cmp.Compare(a.Version, b.Version))
	})
	return list[:min(len(list), maxVersions)]
}

// capacity returns the sums of space and of the classes. Their figures move with every write, so that those of before
// stay for a minute.
func (v *view) capacity(s *ceph.Snapshot, before v1alpha1.StorageClusterStatus) (*v1alpha1.ClusterCapacity, []v1alpha1.DeviceClassStatus) {
	keep := before.Capacity != nil && v.in.Now.Sub(v.in.CapacityAt) < capacityEvery
	capacity := &v1alpha1.ClusterCapacity{
		Raw: threeDigits(s.Capacity.TotalBytes), Used: threeDigits(s.Capacity.UsedBytes),
		UsedPercent: new(percentOf(s.Capacity.UsedBytes, s.Capacity.TotalBytes)),
	}
	if keep {
		capacity = before.Capacity.DeepCopy()
	}
	classes := classesOf(s)
	for i := range classes {
		at := slices.IndexFunc(before.Classes, func(c v1alpha1.DeviceClassStatus) bool { return c.DeviceClass == classes[i].DeviceClass })
		if keep && at >= 0 {
			old := before.Classes[at]
			classes[i].Raw, classes[i].Used = old.Raw, old.Used
			classes[i].UsedPercent, classes[i].FullestPercent = old.UsedPercent, old.FullestPercent
		}
	}
	return capacity, classes
}

func classesOf(s *ceph.Snapshot) []v1alpha1.DeviceClassStatus {
	type sums struct {
		osds, up, fullest int32
		total, used       int64
	}
	byClass := map[string]*sums{}
	for _, osd := range s.OSDs {
		if osd.DeviceClass == "" {
			continue
		}
		sum := byClass[osd.DeviceClass]
		if sum == nil {
			sum = &sums{}
			byClass[osd.DeviceClass] = sum
		}
		sum.osds++
		if osd.Up {
			sum.up++
		}
		sum.total, sum.used = sum.total+osd.TotalBytes, sum.used+osd.UsedBytes
		sum.fullest = max(sum.fullest, percentOf(osd.UsedBytes, osd.TotalBytes))
	}
	var classes []v1alpha1.DeviceClassStatus
	for _, class := range sortedStrings(byClass) {
		sum := byClass[class]
		classes = append(classes, v1alpha1.DeviceClassStatus{
			DeviceClass: class, OSDs: sum.osds, Up: sum.up, Raw: threeDigits(sum.total), Used: threeDigits(sum.used),
			UsedPercent: new(percentOf(sum.used, sum.total)), FullestPercent: new(sum.fullest),
		})
	}
	return classes[:min(len(classes), maxClasses)]
}

// recovery returns how far recovery has come; nil: there is none. What was written stays for ten seconds.
func (v *view) recovery(s *ceph.Snapshot, before *v1alpha1.RecoveryStatus) *v1alpha1.RecoveryStatus {
	pgs := s.PGs
	if pgs.DegradedObjects == 0 && pgs.MisplacedObjects == 0 {
		return nil
	}
	if before != nil && v.in.Now.Sub(v.in.RecoveryAt) < recoveryEvery {
		return before.DeepCopy()
	}
	recovery := &v1alpha1.RecoveryStatus{
		DegradedPercent:  new(atLeastOne(pgs.DegradedObjects, pgs.TotalCopies)),
		MisplacedPercent: new(atLeastOne(pgs.MisplacedObjects, pgs.TotalCopies)),
	}
	if pgs.RecoveringBytesPerSec > 0 && pgs.TotalCopies > 0 {
		left := float64(pgs.DegradedObjects+pgs.MisplacedObjects) * float64(s.Capacity.UsedBytes) / float64(pgs.TotalCopies)
		recovery.ETASeconds = new(int32(min(round(left/float64(pgs.RecoveringBytesPerSec), 2), math.MaxInt32)))
	}
	return recovery
}

// atLeastOne is a percentage that is 0 only for nothing.
func atLeastOne(part, whole int64) int32 {
	if part > 0 {
		return max(percentOf(part, whole), 1)
	}
	return 0
}

func percentOf(part, whole int64) int32 {
	if whole <= 0 {
		return 0
	}
	return int32(min(math.Round(float64(part)/float64(whole)*100), math.MaxInt32))
}

// threeDigits rounds bytes so that the figure rests while little changes.
func threeDigits(bytes int64) *resource.Quantity {
	return resource.NewQuantity(int64(round(float64(bytes), 3)), resource.DecimalSI)
}

// round keeps the first digits of a number.
func round(x float64, digits int) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-float64(digits-1))
	if scale < 1 {
		return math.Round(x)
	}
	return math.Round(x/scale) * scale
}

func (v *view) summary(status v1alpha1.StorageClusterStatus) *v1alpha1.ClusterSummary {
	summary := &v1alpha1.ClusterSummary{Version: versionText(status.Versions)}
	if len(status.Mons) > 0 {
		in := 0
		for _, mon := range status.Mons {
			if mon.State == v1alpha1.MonInQuorum {
				in++
			}
		}
		summary.Mons = fmt.Sprintf("%d/%d", in, len(status.Mons))
	}
	if last := v.in.Ceph.Snapshot; last != nil {
		up := 0
		for _, osd := range last.OSDs {
			if osd.Up {
				up++
			}
		}
		summary.OSDs = fmt.Sprintf("%d/%d", up, len(last.OSDs))
		summary.Health = "UNKNOWN"
	}
	if v.snapshot != nil {
		summary.Health = strings.TrimPrefix(string(v.snapshot.Health.Status), "HEALTH_")
	}
	if capacity := status.Capacity; capacity != nil && capacity.UsedPercent != nil {
		summary.Used = fmt.Sprintf("%d%%", *capacity.UsedPercent)
	}
	if len(v.waiting) > 0 {
		summary.Pending = fmt.Sprint(len(v.waiting))
	}
	return summary
}

// versionText joins the versions that run, the oldest first.
func versionText(list []v1alpha1.DaemonVersion) string {
	var found []string
	for _, version := range list {
		if !slices.Contains(found, version.Version) {
			found = append(found, version.Version)
		}
	}
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(slices.Compare(parseVersion(a), parseVersion(b)), cmp.Compare(a, b))
	})
	if len(found) > 2 {
		found = []string{found[0], found[len(found)-1]}
	}
	return strings.Join(found, " → ")
}
