package pool

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// How long a list of images or subvolumes is believed: for so many times what it took to make, so that a short one is soon known anew
// (it decides whether somebody may delete the pool), and a long one costs Ceph little. One that decides on a deletion is made anew.
const (
	contentTimes   = 200
	contentAtLeast = 10 * time.Second
	contentAtMost  = time.Minute
)

// believed is how long a list is that took so long to make.
func believed(took time.Duration) time.Duration {
	return min(max(contentTimes*took, contentAtLeast), contentAtMost)
}

// Memory is what is remembered of objects from one pass to the next. All of it may be lost: volumes are listed once more,
// and a number is written a little early. The zero value is ready for use.
type Memory struct {
	mu    sync.Mutex
	pools map[types.NamespacedName]remembered
}

type remembered struct {
	capacityAt, contentUntil time.Time
	content                  plan.PoolContent
}

func (m *Memory) of(pool types.NamespacedName) remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pools[pool]
}

func (m *Memory) change(pool types.NamespacedName, change func(*remembered)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pools == nil {
		m.pools = map[types.NamespacedName]remembered{}
	}
	known := m.pools[pool]
	change(&known)
	m.pools[pool] = known
}

// stale has what an object holds be listed anew.
func (m *Memory) stale(pool types.NamespacedName) {
	m.change(pool, func(r *remembered) { r.contentUntil = time.Time{} })
}

// listed remembers what a pool holds, and until when that is believed.
func (m *Memory) listed(pool types.NamespacedName, until time.Time, content plan.PoolContent) {
	m.change(pool, func(r *remembered) { r.content, r.contentUntil = content, until })
}

// reported remembers when the capacity was written, which is done at intervals only.
func (m *Memory) reported(pool types.NamespacedName, at time.Time, before, after *v1alpha1.PoolCapacity) {
	if !reflect.DeepEqual(before, after) {
		m.change(pool, func(r *remembered) { r.capacityAt = at })
	}
}

func (m *Memory) forget(pool types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pools, pool)
}
