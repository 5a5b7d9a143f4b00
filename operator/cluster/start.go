package cluster

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/operator/observe"
)

// startBound is how long the status of a cluster that ran before stays as it is until the operator has looked at its
// Ceph and its disks.
const startBound = 20 * time.Second

// starting says that the operator has not looked at Ceph or at the disks yet since it began. What the status says from
// before is nearer to the truth than that nothing is known, which would be written only to be taken back.
func (r *Reconciler) starting(s *scope) bool {
	looked := s.observed.Ceph.Reach != "" && s.observed.Disks != nil
	left := startBound - r.Now().Sub(r.Memory.since(s.name, r.Now()))
	if looked || s.stored.Identity == nil || !s.stored.Mons.QuorumRecorded || left <= 0 {
		return false
	}
	s.plan.After = observe.Earliest(s.plan.After, left)
	return true
}

// since returns when the operator first saw a cluster.
func (m *Memory) since(cluster types.NamespacedName, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	if known.first.IsZero() {
		known.first = now
	}
	return known.first
}
