package plan

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// maxRanks is how many ranks a status has room for.
const maxRanks = 16

// FilesystemStatus returns the whole status of a StorageFilesystem: every condition, every time. What cannot be seen now is
// as it was seen last, but for the conditions.
func FilesystemStatus(in FilesystemObserved, p FilesystemPlan) v1alpha1.StorageFilesystemStatus {
	v := newFilesystemView(in, p)
	before := deref(in.Previous)
	status := v1alpha1.StorageFilesystemStatus{
		Conditions:         transitions(before.Conditions, in.Generation, metav1.NewTime(in.Now), v.conditions()),
		ObservedGeneration: in.Generation,
		Resolved:           before.Resolved, Ranks: before.Ranks, Capacity: v.capacity(before.Capacity), Dependents: v.dependents(before.Dependents),
	}
	if in.Cluster.Found { // a default comes from there
		status.Resolved = new(in.Spec.Defaults())
	}
	if v.snapshot != nil && in.Cluster.Found {
		status.Ranks = v.ranks()
	}
	status.Summary = v.summary(before.Summary, status.Capacity)
	return status
}

// ranks lists who holds which rank. Ranks that nobody holds are there too.
func (v *filesystemView) ranks() []v1alpha1.MDSRank {
	if v.fs == nil {
		return nil
	}
	held, _ := holders(v.fs)
	var ranks []v1alpha1.MDSRank
	for _, mds := range held {
		ranks = append(ranks, v1alpha1.MDSRank{
			Rank: int32(mds.Rank), Daemon: mds.Name, Node: v.in.Nodes[mds.Name], State: mdsState(mds), //nolint:gosec // at most 256
		})
	}
	for _, rank := range slices.Concat(v.fs.Failed, v.fs.Damaged) {
		if !slices.ContainsFunc(held, func(mds ceph.MDS) bool { return mds.Rank == rank }) {
			ranks = append(ranks, v1alpha1.MDSRank{Rank: int32(rank), State: rankState(v.fs, rank)}) //nolint:gosec // at most 256
		}
	}
	slices.SortFunc(ranks, func(a, b v1alpha1.MDSRank) int { return int(a.Rank - b.Rank) })
	ranks = slices.CompactFunc(ranks, func(a, b v1alpha1.MDSRank) bool { return a.Rank == b.Rank })
	return ranks[:min(len(ranks), maxRanks)]
}

// dependents returns what is in the filesystem, as it was when that could be listed last.
func (v *filesystemView) dependents(before *v1alpha1.FilesystemDependents) *v1alpha1.FilesystemDependents {
	content := v.in.Content
	if !content.Known {
		return before.DeepCopy()
	}
	return &v1alpha1.FilesystemDependents{
		Subvolumes: new(content.Volumes), First: content.First[:min(len(content.First), maxDependents)],
	}
}

func (v *filesystemView) summary(before *v1alpha1.FilesystemSummary, capacity *v1alpha1.PoolCapacity) *v1alpha1.FilesystemSummary {
	var pools []string
	for _, pool := range v.in.Spec.DataPools {
		pools = append(pools, pool.Name)
	}
	return &v1alpha1.FilesystemSummary{
		MDS: v.mdsText(deref(before).MDS), Used: usedText(capacity), StorageClasses: v.owner.classList(), DataPools: strings.Join(pools, ","),
	}
}

// mdsText says how many ranks are active of how many, and how many servers stand by: "1/1 +1".
func (v *filesystemView) mdsText(before string) string {
	if v.snapshot == nil {
		return before
	}
	if v.fs == nil {
		return ""
	}
	text := fmt.Sprintf("%d/%d", active(v.fs), v.in.Spec.MDS.Active)
	if n := v.standbys(); n > 0 {
		text += fmt.Sprintf(" +%d", n)
	}
	return text
}

// standbys counts the servers that follow a rank of the filesystem, and those that stand by for it. Any server can hold any
// rank; those of other filesystems have their names.
func (v *filesystemView) standbys() int {
	_, followers := holders(v.fs)
	n := len(followers)
	for _, mds := range v.snapshot.Standbys {
		if v1alpha1.IsMDSOf(v.fs.Name, mds.Name) {
			n++
		}
	}
	return n
}
