package sim

import (
	"context"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

type mgrState struct {
	known    []*mgr
	active   *mgr
	standbys []*mgr // in the order in which they will take over
	epoch    int64
	modules  map[string]bool // enabled, without the always-on ones
}

type mgr struct {
	name    string
	version string
}

// alwaysOn are the mgr modules that run in every cluster.
var alwaysOn = []string{
	"balancer", "crash", "devicehealth", "orchestrator", "pg_autoscaler", "progress", "rbd_support", "status", "telemetry", "volumes",
}

// mgrModules are the others by the release that brought them; the restful module left with 20.
var mgrModules = map[string]int{
	"cephadm": 15, "dashboard": 12, "diskprediction_local": 13, "influx": 12, "insights": 14, "iostat": 13, "k8sevents": 14,
	"localpool": 12, "mds_autoscaler": 16, "mirroring": 16, "nfs": 16, "osd_perf_query": 14, "osd_support": 14, "prometheus": 12,
	"restful": 12, "rgw": 17, "rook": 14, "selftest": 12, "smb": 20, "snap_schedule": 16, "stats": 16, "telegraf": 13,
	"test_orchestrator": 14, "zabbix": 12,
}

func (c *Cluster) hasModule(name string) bool {
	since, ok := mgrModules[name]
	return ok && since <= c.release.number && (name != "restful" || c.release.number < 20)
}

func (c *Cluster) addMgr(name string) {
	m := &mgr{name: name, version: c.release.version}
	c.mgrs.known = append(c.mgrs.known, m)
	if c.mgrs.modules == nil {
		c.mgrs.modules = map[string]bool{"iostat": true}
		c.mgrs.modules["restful"] = c.hasModule("restful")
		c.mgrs.modules["nfs"] = c.release.number >= 17
	}
	if !c.opts.Stopped {
		c.startMgr(m)
	}
}

func (c *Cluster) startMgr(m *mgr) {
	if c.mgrs.active == m || slices.Contains(c.mgrs.standbys, m) {
		return
	}
	c.mgrs.standbys = append(c.mgrs.standbys, m)
	c.electMgr()
}

func (c *Cluster) electMgr() {
	if c.mgrs.active == nil && len(c.mgrs.standbys) > 0 {
		c.mgrs.active, c.mgrs.standbys = c.mgrs.standbys[0], c.mgrs.standbys[1:]
	}
	c.mgrs.epoch++
}

func (c *Cluster) mgrAvailable() bool { return c.mgrs.active != nil }

func findMgr(mgrs []*mgr, name string) *mgr {
	i := slices.IndexFunc(mgrs, func(m *mgr) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return mgrs[i]
}

// StartMgr starts a mgr: it becomes active if none is, else it stands by.
func (c *Cluster) StartMgr(name string) {
	defer c.enter()()
	m := findMgr(c.mgrs.known, name)
	if m == nil {
		m = &mgr{name: name, version: c.release.version}
		c.mgrs.known = append(c.mgrs.known, m)
	}
	c.startMgr(m)
}

// StopMgr stops or crashes a mgr. A standby takes over from the active one.
func (c *Cluster) StopMgr(name string) {
	defer c.enter()()
	if m := findMgr(c.mgrs.known, name); m != nil {
		c.dropMgr(m)
	}
}

func (c *Cluster) dropMgr(m *mgr) {
	c.mgrs.standbys = slices.DeleteFunc(c.mgrs.standbys, func(o *mgr) bool { return o == m })
	if c.mgrs.active == m {
		c.mgrs.active = nil
	}
	c.electMgr()
}

func (c *Cluster) mgrMap() ceph.MgrMap {
	m := ceph.MgrMap{Epoch: c.mgrs.epoch, Available: c.mgrAvailable()}
	if c.mgrs.active != nil {
		m.Active = c.mgrs.active.name
	}
	for _, s := range c.mgrs.standbys {
		m.Standbys = append(m.Standbys, s.name)
	}
	slices.Sort(m.Standbys)
	m.Modules, m.AlwaysOn = enabled(c.mgrs.modules), slices.Clone(alwaysOn)
	return m
}

// enabled lists what of a set is on, sorted.
func enabled(set map[string]bool) []string {
	if len(set) == 0 {
		return nil
	}
	on := make([]string, 0, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if set[name] {
			on = append(on, name)
		}
	}
	return on
}

// EnableMgrModule implements ceph.Mgrs.
func (k *Client) EnableMgrModule(ctx context.Context, module string) error {
	return k.do(ctx, monWrite("EnableMgrModule", "mgr module enable"), module, func(c *Cluster) error {
		if slices.Contains(alwaysOn, module) {
			return nil
		}
		if !c.hasModule(module) {
			return refusal.New(ceph.ENOENT, "all mgr daemons do not support module '%s', pass --force to force enablement", module)
		}
		c.setModule(module, true)
		return nil
	})
}

func (c *Cluster) setModule(module string, on bool) {
	if c.mgrs.modules[module] != on {
		c.mgrs.modules[module] = on
		c.mgrs.epoch++
	}
}

// DisableMgrModule implements ceph.Mgrs.
func (k *Client) DisableMgrModule(ctx context.Context, module string) error {
	return k.do(ctx, monWrite("DisableMgrModule", "mgr module disable"), module, func(c *Cluster) error {
		if slices.Contains(alwaysOn, module) {
			return refusal.New(ceph.EINVAL, "module '%s' cannot be disabled (always-on)", module)
		}
		c.setModule(module, false)
		return nil
	})
}

// FailMgr implements ceph.Mgrs. The failed mgr starts again and stands by.
func (k *Client) FailMgr(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("FailMgr", "mgr fail"), name, func(c *Cluster) error {
		if m := c.mgrs.active; m != nil && m.name == name {
			c.dropMgr(m)
			c.startMgr(m)
		}
		return nil
	})
}
