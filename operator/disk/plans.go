package disk

import (
	"reflect"
	"sync"

	"github.com/seamount-dev/seamount/operator/plan"
)

// Plans holds the last plan of each cluster's disks. It is safe for concurrent use.
type Plans struct {
	changed func(plan.ClusterKey)

	mu    sync.RWMutex
	plans map[plan.ClusterKey]*plan.ClusterDisks
}

// NewPlans makes a Plans that tells whose plan changed.
func NewPlans(changed func(plan.ClusterKey)) *Plans {
	return &Plans{changed: changed, plans: map[plan.ClusterKey]*plan.ClusterDisks{}}
}

// Of returns the plan of a cluster's disks, which nobody changes; nil when none was made yet.
func (p *Plans) Of(cluster plan.ClusterKey) *plan.ClusterDisks {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.plans[cluster]
}

// publish replaces all plans.
func (p *Plans) publish(clusters []plan.ClusterDisks) {
	plans := make(map[plan.ClusterKey]*plan.ClusterDisks, len(clusters))
	for i := range clusters {
		plans[clusters[i].Key] = &clusters[i]
	}
	p.mu.Lock()
	before := p.plans
	p.plans = plans
	p.mu.Unlock()
	for key, now := range plans {
		if was := before[key]; was == nil || !reflect.DeepEqual(was, now) {
			p.changed(key)
		}
	}
}
