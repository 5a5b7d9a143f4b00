package cluster

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// DenialBound is how long a "no" of Ceph stands before it is asked again.
const DenialBound = time.Minute

// Memory is what is remembered of clusters from one pass to the next. All of it may be lost: Ceph is asked once more,
// and a number is written a little early. The zero value is ready for use.
type Memory struct {
	mu       sync.Mutex
	clusters map[types.NamespacedName]*remembered
}

type remembered struct {
	first                  time.Time // when it was first seen
	denials                []denial
	capacityAt, recoveryAt time.Time
	trouble                string // why the identity could not be rebuilt
	usersChecked           bool
	granted                []plan.FilesystemGroups // that nodes reached by then
	gone                   map[string]time.Time    // since when nodes that have a user are gone
	lost                   map[string]time.Time    // since when mons are lost
	builder                manifest.Cluster        // that renders were made with
	renders                *plan.Renders
}

type denial struct {
	plan.Denial
	at time.Time
}

func (m *Memory) of(cluster types.NamespacedName) *remembered {
	if m.clusters == nil {
		m.clusters = map[types.NamespacedName]*remembered{}
	}
	if m.clusters[cluster] == nil {
		m.clusters[cluster] = &remembered{}
	}
	return m.clusters[cluster]
}

// recall fills in what is remembered, and forgets what is too old.
func (m *Memory) recall(cluster types.NamespacedName, into *plan.Observed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	var lasting []denial
	for _, d := range known.denials {
		if into.Now.Sub(d.at) < DenialBound {
			lasting = append(lasting, d)
			into.Denied = append(into.Denied, d.Denial)
		}
	}
	known.denials = lasting
	into.Recovery.Trouble = known.trouble
	into.Users.Checked, into.Users.Granted, into.Users.Gone = known.usersChecked, known.granted, known.noteGone(into)
	into.CapacityAt, into.RecoveryAt = known.capacityAt, known.recoveryAt
}

// render returns what renders the pods of a cluster. What is rendered already is remembered until something that all
// daemons have in common changes.
func (m *Memory) render(cluster types.NamespacedName, builder manifest.Cluster) func(plan.Daemon) plan.Template {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	if known.renders == nil || !reflect.DeepEqual(known.builder, builder) {
		known.builder = builder
		known.renders = plan.NewRenders(func(d plan.Daemon) plan.Template {
			return execute.Template(builder, d)
		})
	}
	return known.renders.Render
}

func (m *Memory) deny(cluster types.NamespacedName, at time.Time, denied []plan.Denial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	for _, d := range denied {
		known.denials = append(known.denials, denial{d, at})
	}
}

// noteGone remembers since when nodes that have a user are gone. One that came back is forgotten.
func (r *remembered) noteGone(in *plan.Observed) map[string]time.Time {
	if in.Users.Handed == nil {
		return nil
	}
	there := make(map[string]bool, len(in.Nodes))
	for i := range in.Nodes {
		there[in.Nodes[i].Name] = true
	}
	gone := map[string]time.Time{}
	for _, name := range in.Users.Handed.Nodes {
		since, known := r.gone[name]
		switch {
		case there[name]:
		case known:
			gone[name] = since
		default:
			gone[name] = in.Now
		}
	}
	r.gone = gone
	return gone
}

// noteLost remembers since when mons are lost, and fills it in. While Ceph does not answer nobody knows, and what was known
// stays. Forgotten, the time begins anew: a mon is replaced later, and never too early.
func (m *Memory) noteLost(cluster types.NamespacedName, into *plan.Observed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	if now, seen := plan.LostMons(*into); seen {
		lost := make(map[string]time.Time, len(now))
		for _, name := range now {
			lost[name] = into.Now
			if since, was := known.lost[name]; was {
				lost[name] = since
			}
		}
		known.lost = lost
	}
	into.MonsLost = known.lost
}

// noteUsers remembers that the users of volumes are as they are to be, and which filesystems nodes reach with them.
func (m *Memory) noteUsers(cluster types.NamespacedName, granted []plan.FilesystemGroups) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(cluster).usersChecked, m.of(cluster).granted = true, granted
}

// noteTrouble remembers why an identity could not be rebuilt; empty: it could.
func (m *Memory) noteTrouble(cluster types.NamespacedName, trouble string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(cluster).trouble = trouble
}

// reported remembers when the parts of status were written that are written at intervals only.
func (m *Memory) reported(cluster types.NamespacedName, at time.Time, before, after *v1alpha1.StorageClusterStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(cluster)
	if !reflect.DeepEqual(before.Capacity, after.Capacity) || !reflect.DeepEqual(before.Classes, after.Classes) {
		known.capacityAt = at
	}
	if !reflect.DeepEqual(before.Recovery, after.Recovery) {
		known.recoveryAt = at
	}
}

func (m *Memory) forget(cluster types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.clusters, cluster)
}
