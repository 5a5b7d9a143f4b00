package sim

import (
	"sync"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// Cluster is one simulated cluster. Its methods are safe for concurrent use.
type Cluster struct {
	mu      sync.Mutex
	opts    Options
	release release
	clock   clock
	chance  chance
	fsid    string

	mons   monState
	mgrs   mgrState
	users  map[string]*ceph.Entity
	config map[configKey]string

	crush    *crush.Map
	profiles map[string]ceph.ErasureProfile
	osdmap   osdmap
	osds     []*osd // by id, nil: no such OSD
	hosts    map[string]*host
	pools    poolState
	data     placement
	recovery recovery

	blocklist map[string]time.Time
	health    healthState
	files     fileState
	clients   uint64 // global ids handed out
	frozen    *mgrStats
	faults    []*Fault
	calls     map[string]int
}

// New makes a cluster.
func New(o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		opts: o, release: releases[o.Release], chance: chance{seed: o.Seed}, fsid: o.FSID,
		clock: clock{now: o.Start, outer: o.Now},
		users: map[string]*ceph.Entity{}, config: map[configKey]string{},
		crush: crush.New(), profiles: map[string]ceph.ErasureProfile{}, hosts: map[string]*host{},
		pools: newPoolState(), data: newPlacement(), recovery: newRecovery(),
		blocklist: map[string]time.Time{}, health: newHealthState(), files: newFileState(),
		clients: 4100, calls: map[string]int{},
	}
	if o.Now != nil {
		c.clock.now = o.Now()
	}
	orDefault(&c.fsid, c.chance.uuid("fsid"))
	return c, c.bootstrap()
}

// bootstrap makes what a mon's mkfs makes.
func (c *Cluster) bootstrap() error {
	c.osdmap = newOSDMap(c.release)
	c.profiles["default"] = ceph.ErasureProfile{Name: "default", DataChunks: 2, CodingChunks: defaultCodingChunks(c.release.number), Plugin: c.defaultPlugin(), FailureDomain: "host", Root: "default"}
	first := ceph.CRUSHRule{Name: "replicated_rule", Type: ceph.Replicated, Root: "default", FailureDomain: c.opts.ChooseLeaf}
	if _, err := c.crush.AddRule(first); err != nil {
		return err
	}
	c.seedUsers()
	for _, name := range c.opts.Mons {
		c.addMon(name)
	}
	for _, name := range c.opts.Mgrs {
		c.addMgr(name)
	}
	c.every(mgrTick, c.tick)
	return nil
}

func defaultCodingChunks(release int) int {
	if release >= 17 {
		return 2
	}
	return 1
}

// mgrTick is how often the mgr looks at pools.
const mgrTick = 5 * time.Second

func (c *Cluster) tick() {
	if !c.mgrAvailable() || !c.quorate() {
		return
	}
	c.ensureMgrPool()
	c.autoscale()
}

// FSID is the cluster's id.
func (c *Cluster) FSID() string { return c.fsid }
