package sim

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// snapshotCommands is how many commands a real client sends for a snapshot.
const snapshotCommands = 11

// Snapshot implements ceph.Snapshotter.
func (k *Client) Snapshot(ctx context.Context) (*ceph.Snapshot, error) {
	return ask(ctx, k, monRead("Snapshot", "snapshot"), "", func(c *Cluster) (*ceph.Snapshot, error) {
		if !c.mgrAvailable() {
			return nil, refusal.New(ceph.EAGAIN, "no mgr is active")
		}
		if !k.caps.has("mgr", read, call{}) {
			return nil, refusal.New(ceph.EACCES, "access denied")
		}
		return c.snapshot(), nil
	})
}

func (c *Cluster) snapshot() *ceph.Snapshot {
	stats := c.mgrStats()
	return &ceph.Snapshot{
		At: c.clock.now, Commands: snapshotCommands, FSID: c.fsid, Quorum: c.quorumStatus(), Mgr: c.mgrMap(), Health: c.healthReport(),
		Versions: c.versions(), OSDMap: c.exportOSDMap(), OSDs: c.exportOSDs(stats), CRUSH: c.crush.Export(), Pools: c.exportPools(stats),
		PGs: stats.pgs, Capacity: stats.capacity, Filesystems: c.exportFilesystems(), Standbys: c.standbys(), Config: c.configDump(),
	}
}

func (c *Cluster) exportOSDMap() ceph.OSDMap {
	return ceph.OSDMap{
		Epoch: c.osdmap.epoch, Flags: enabled(c.osdmap.flags), RequireRelease: c.osdmap.requireRelease,
		FullRatio: c.osdmap.full, BackfillFull: c.osdmap.backfillFull, NearFull: c.osdmap.nearFull,
		BucketFlags: c.bucketFlags(),
	}
}

// bucketFlags leaves out the flags of device classes.
func (c *Cluster) bucketFlags() map[string][]string {
	var flags map[string][]string
	for name, set := range c.osdmap.groupFlags {
		if _, isBucket := c.crush.Bucket(name); !isBucket || len(enabled(set)) == 0 {
			continue
		}
		if flags == nil {
			flags = map[string][]string{}
		}
		flags[name] = enabled(set)
	}
	return flags
}

func (c *Cluster) exportOSDs(stats *mgrStats) []ceph.OSD {
	weights := c.crush.Weights()
	all := make([]ceph.OSD, 0, len(c.osds))
	for _, o := range c.allOSDs() {
		out := ceph.OSD{
			ID: o.id, UUID: o.uuid, Up: o.up, In: o.in(), States: c.statesOf(o), Weight: o.weight, CRUSHWeight: weights[o.id],
			DeviceClass: c.crush.Class(o.id), PrimaryAffinity: o.affinity, Addresses: o.addrs,
		}
		if o.booted() {
			out.Host, out.Version, out.DeviceIDs = o.daemon.Host, o.daemon.Version, o.devices
		}
		if o.id < len(stats.osds) {
			s := stats.osds[o.id]
			out.TotalBytes, out.UsedBytes, out.AvailableBytes, out.PGs = s.total, s.used, s.available, s.pgs
		}
		all = append(all, out)
	}
	return all
}

// usualStates is what nearly all OSDs share.
var usualStates = []string{"exists", "up"}

func (c *Cluster) statesOf(o *osd) []string {
	if o.up && !o.fresh && !o.autoOut && len(o.flags) == 0 && c.fullnessOf(o) == roomy {
		return usualStates
	}
	states := append(enabled(o.flags), "exists")
	for name, on := range map[string]bool{
		"up": o.up, "new": o.fresh, "destroyed": o.destroyed, "autoout": o.autoOut,
		"full": c.fullnessOf(o) == full, "backfillfull": c.fullnessOf(o) == backfillFull, "nearfull": c.fullnessOf(o) == nearFull,
	} {
		if on {
			states = append(states, name)
		}
	}
	slices.Sort(states)
	return states
}

// Versions implements ceph.Versions.
func (k *Client) Versions(ctx context.Context) ([]ceph.DaemonVersion, error) {
	return ask(ctx, k, monRead("Versions", "versions"), "", func(c *Cluster) ([]ceph.DaemonVersion, error) {
		return c.versions(), nil
	})
}

func (c *Cluster) versions() []ceph.DaemonVersion {
	counts := map[ceph.DaemonVersion]int{}
	c.eachRunning(func(daemon, version string) { counts[ceph.DaemonVersion{Daemon: daemon, Version: version}]++ })
	out := make([]ceph.DaemonVersion, 0, len(counts))
	for v, n := range counts {
		v.Count, v.Release = n, releaseNames[majorOf(v.Version)]
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b ceph.DaemonVersion) int {
		return cmp.Or(strings.Compare(a.Daemon, b.Daemon), strings.Compare(a.Version, b.Version))
	})
	return out
}

// eachRunning visits every daemon that the maps know to run.
func (c *Cluster) eachRunning(visit func(daemon, version string)) {
	for _, m := range c.mons.quorum {
		visit("mon", m.version)
	}
	if c.mgrs.active != nil {
		visit("mgr", c.mgrs.active.version)
	}
	for _, m := range c.mgrs.standbys {
		visit("mgr", m.version)
	}
	for _, o := range c.allOSDs() {
		if o.up {
			visit("osd", o.daemon.Version)
		}
	}
	for _, m := range c.files.daemons {
		if m.running {
			visit("mds", m.version)
		}
	}
}

// Devices implements ceph.Devices.
func (k *Client) Devices(ctx context.Context) ([]ceph.Device, error) {
	return ask(ctx, k, mgrRead("Devices", "device ls"), "", func(c *Cluster) ([]ceph.Device, error) {
		return c.devices(), nil
	})
}

func (c *Cluster) devices() []ceph.Device {
	byID := map[string]*ceph.Device{}
	for _, o := range c.allOSDs() {
		if !o.booted() {
			continue
		}
		d, ok := byID[o.daemon.DeviceID]
		if !ok {
			d = &ceph.Device{ID: o.daemon.DeviceID}
			byID[d.ID] = d
		}
		where := ceph.DeviceLocation{Host: o.daemon.Host, Name: o.daemon.Device}
		if !slices.Contains(d.Locations, where) {
			d.Locations = append(d.Locations, where)
		}
		d.Daemons = append(d.Daemons, o.name())
	}
	out := make([]ceph.Device, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		slices.Sort(byID[id].Daemons)
		out = append(out, *byID[id])
	}
	return out
}
