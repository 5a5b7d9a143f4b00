// Package verdict judges what a scan observed of a disk: whether it may be used,
// and if not, every reason why. It is the ordered chain behind a StorageDisk's
// verdict, content and conditions. It reads nothing and never asks for the time;
// what it is not told it takes for unknown, and unknown is never empty.
package verdict

import (
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// MinimumSize in bytes of a disk that can be an OSD. BlueStore makes an OSD of less, which has no room left beside its
// own metadata.
const MinimumSize = 2 << 30

// Context is what a verdict depends on beside the disk itself.
type Context struct {
	// Node that the disk is in, and OtherNodes that see it too.
	Node       string
	OtherNodes []string
	// Disk is the name of the disk's StorageDisk.
	Disk string
	// Kubelet is the directory of kubelet on the node, such as /var/lib/kubelet.
	Kubelet string
	// Clusters of this Kubernetes cluster, by the fsid of Ceph.
	Clusters map[string]Cluster
	// OSDs that these clusters know of, by the OSD's uuid. One is known from when its number is reserved, before its
	// disk is written.
	OSDs map[string]OSD
	// Unread says why Clusters and OSDs could not be read; empty when they were.
	Unread string
}

// Cluster is a StorageCluster.
type Cluster struct{ Namespace, Name string }

// OSD is an OSD that a StorageCluster knows.
type OSD struct {
	ID   int32
	FSID string
}

// Judgement is what discover reports of a disk beside its plain facts.
type Judgement struct {
	// Result and Reasons of the verdict; the first reason weighs most.
	Result  v1alpha1.VerdictResult
	Reasons []v1alpha1.Refusal
	// Content that was found; nil when that is not known.
	Content *v1alpha1.DiskContent
	// Usable and Healthy are the disk's conditions.
	Usable, Healthy Condition
}

// Judge judges a disk. It is Usable only when no check of the chain finds a reason against it.
func Judge(d disk.Disk, c Context) Judgement {
	s := newSubject(d, c)
	j := Judgement{Reasons: s.reasons(), Content: s.content(), Healthy: healthy(d.Health)}
	j.Result = result(j.Reasons)
	j.Usable = usable(j, d)
	return j
}

// Held says whether the disk is in anybody's hands: an OSD's, a mount's, a pod's. What is written to such a disk changes
// it all the time.
func Held(d disk.Disk) bool { return len(d.Uses) > 0 }

// Unreadable says whether a disk is not to be read: a volume that is served to a pod, which reading would burden or hang
// on, and one of several disks that cannot be told apart.
func Unreadable(d disk.Disk, c Context) bool {
	s := subject{Disk: d, Context: c}
	return s.volume().message != "" || s.has(disk.UseVolume) || len(d.Twins) > 0
}

// Volume says whether a device is a volume that somebody attached for a pod or in a container: a loop device that comes
// and goes with it. Nobody asks why it is no disk, and there are as many as there are volumes.
func Volume(d disk.Disk, c Context) bool {
	s := subject{Disk: d, Context: c}
	return d.Kind == disk.KindLoop && (s.served() || s.ofKubelet() || s.has(disk.UseForeign))
}

// result follows from the first reason.
func result(reasons []v1alpha1.Refusal) v1alpha1.VerdictResult {
	switch {
	case len(reasons) == 0:
		return v1alpha1.VerdictUsable
	case reasons[0].Reason == v1alpha1.ReasonInUse:
		return v1alpha1.VerdictInUse
	case slices.Contains(v1alpha1.RejectedReasons(), reasons[0].Reason):
		return v1alpha1.VerdictRejected
	}
	return v1alpha1.VerdictUnknown
}

// subject is a disk with all that the checks look at.
type subject struct {
	disk.Disk
	Context
	labels   []judgedLabel
	findings []finding
}

func newSubject(d disk.Disk, c Context) subject {
	return subject{Disk: d, Context: c, labels: judgeLabels(d.Content.Labels, c), findings: findings(d.Content.Signatures)}
}
