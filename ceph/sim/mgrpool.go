package sim

import "github.com/seamount-dev/seamount/ceph"

// ensureMgrPool makes the pool that the mgr keeps its own data in, once there
// are OSDs for it.
func (c *Cluster) ensureMgrPool() {
	name, app := ".mgr", "mgr"
	if c.release.number < 17 {
		name, app = "device_health_metrics", "mgr_devicehealth"
	}
	if _, ok := c.pools.byName[name]; ok || !c.enoughOSDs() {
		return
	}
	p, err := c.createPool(ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 1})
	if err != nil {
		return
	}
	p.apps[app] = true
	p.options["pg_num_min"] = "1"
	p.options["pg_num_max"] = "32"
}

func (c *Cluster) enoughOSDs() bool {
	up := 0
	for _, o := range c.allOSDs() {
		if o.up && o.in() {
			up++
		}
	}
	return up > 0 && up >= c.intOption("global", "osd_pool_default_size", 3)
}
