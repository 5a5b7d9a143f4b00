package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// request is what a daemon of a profile asks for.
type request struct{ cpu, memory string }

// defaultRequests are for daemons of which people say nothing. They are low, so that a daemon is always scheduled on the
// node that it belongs to, and there are no limits: one on CPU would slow a daemon down when it is needed most, one on
// memory would kill OSDs in the middle of a recovery.
var defaultRequests = map[v1alpha1.ResourceProfile]map[string]request{
	v1alpha1.ProfileLean: {
		ComponentMon: {"100m", "128Mi"}, ComponentMgr: {"100m", "256Mi"}, ComponentOSD: {"100m", "256Mi"},
		ComponentMDS: {"100m", "128Mi"},
	},
	v1alpha1.ProfileBalanced: {
		ComponentMon: {"250m", "512Mi"}, ComponentMgr: {"250m", "512Mi"}, ComponentOSD: {"250m", "1Gi"},
		ComponentMDS: {"250m", "1Gi"},
	},
	v1alpha1.ProfilePerformance: {
		ComponentMon: {"1", "2Gi"}, ComponentMgr: {"1", "1Gi"}, ComponentOSD: {"1", "4Gi"},
		ComponentMDS: {"1", "4Gi"},
	},
}

// resources of a daemon: what people say, else the profile's.
func (c Cluster) resources(component string, own *corev1.ResourceRequirements) corev1.ResourceRequirements {
	if own != nil {
		return *own.DeepCopy()
	}
	r := defaultRequests[c.profile()][component]
	return corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(r.cpu),
		corev1.ResourceMemory: resource.MustParse(r.memory),
	}}
}

// profile of the cluster; what is not known is the default.
func (c Cluster) profile() v1alpha1.ResourceProfile {
	if _, known := defaultRequests[c.Profile]; !known {
		return v1alpha1.ProfileBalanced
	}
	return c.Profile
}

// Bounds of osd_memory_target and mds_cache_memory_limit, in bytes.
const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
	// leastMemoryTarget is the least that Ceph accepts.
	leastMemoryTarget = 896 * mebibyte
	// leastCache keeps an MDS from trimming what it has just read.
	leastCache = 64 * mebibyte
	// memoryStep rounds what follows from a node's memory, which differs a little from boot to boot: an OSD must not be
	// restarted for that.
	memoryStep = gibibyte / 2
)

// MemoryTarget returns what an OSD should take, in bytes: its osd_memory_target. With a memory limit it is 80 % of
// that, as Ceph itself counts (osd_memory_target_cgroup_limit_ratio), for an OSD takes more for a while. Without one it
// follows from the profile: Lean takes the least; the others share a part of the node's memory, 0 where that is not known,
// among the node's OSDs, and take no more than the profile has use for.
func MemoryTarget(profile v1alpha1.ResourceProfile, limit, nodeMemory int64, osds int) int64 {
	if limit > 0 {
		return max(limit/10*8, leastMemoryTarget)
	}
	switch profile {
	case v1alpha1.ProfileLean:
		return leastMemoryTarget
	case v1alpha1.ProfilePerformance:
		return share(8*gibibyte, nodeMemory/10*7, osds)
	default:
		return share(4*gibibyte, nodeMemory/2, osds)
	}
}

// CacheLimit returns how much an MDS keeps in its cache, in bytes: its mds_cache_memory_limit. With a memory limit it is
// half of that, for the limit bounds what the MDS counts, and not what its process takes: Ceph warns only at one and a half
// times of it (mds_health_cache_threshold), and clients that do not give back what they hold take it there. Without one it
// follows from the profile: some 100,000 files in Lean, Ceph's own 4 GiB, and twice as much where there is memory to spare.
// See https://docs.ceph.com/en/latest/cephfs/cache-configuration/.
func CacheLimit(profile v1alpha1.ResourceProfile, limit int64) int64 {
	switch {
	case limit > 0:
		return max(limit/2, leastCache)
	case profile == v1alpha1.ProfileLean:
		return 256 * mebibyte
	case profile == v1alpha1.ProfilePerformance:
		return 8 * gibibyte
	default:
		return 4 * gibibyte
	}
}

// share is what of most a part of the node's memory allows each of its OSDs.
func share(most, part int64, osds int) int64 {
	if part <= 0 {
		return most
	}
	return max(min(most, part/memoryShares(osds)/memoryStep*memoryStep), leastMemoryTarget)
}

// memoryShares is how many OSDs a node's memory is divided among: 4, 6, 8, 12, 16, 24 and so on, whichever is enough. A
// target that followed each new disk would restart all OSDs of the node with each; this way few do, and at most a third
// is left to spare.
func memoryShares(osds int) int64 {
	shares := int64(4)
	for shares < int64(osds) {
		if shares%3 == 0 {
			shares = shares / 3 * 4
		} else {
			shares = shares / 2 * 3
		}
	}
	return shares
}
