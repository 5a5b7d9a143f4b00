package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func (c *Cluster) osdChecks() []ceph.HealthCheck {
	return slices.Concat(c.downChecks(), c.flagChecks(), c.countChecks(), c.releaseChecks())
}

// downChecks reports OSDs that are down and in, and hosts all of whose OSDs are.
func (c *Cluster) downChecks() []ceph.HealthCheck {
	var details []string
	down := map[int]bool{}
	for _, o := range c.allOSDs() {
		if !o.up && o.in() {
			down[o.id] = true
			details = append(details, fmt.Sprintf("%s (%s) is down", o.name(), place(c.crush.Location(o.id))))
		}
	}
	checks := warning("OSD_DOWN", fmt.Sprintf("%d osds down", len(details)), details)
	if len(down) == 0 {
		return checks
	}
	for _, level := range []string{"host", "rack", "row", "datacenter"} {
		checks = append(checks, c.subtreesDown(level, down)...)
	}
	return checks
}

// place prints root=default,host=n1.
func place(loc ceph.Location) string {
	var parts []string
	for _, l := range loc {
		parts = append(parts, l.Type+"="+l.Name)
	}
	return strings.Join(parts, ",")
}

func (c *Cluster) subtreesDown(level string, down map[int]bool) []ceph.HealthCheck {
	var details []string
	osds := 0
	for _, name := range c.crush.BucketsOfType(level) {
		ids := c.crush.DevicesUnder(name)
		if len(ids) == 0 || slices.ContainsFunc(ids, func(id int) bool { return !down[id] }) {
			continue
		}
		osds += len(ids)
		details = append(details, fmt.Sprintf("%s %s (%s) (%d osds) is down", level, name, place(c.crush.BucketLocation(name)), len(ids)))
	}
	plural := ""
	if len(details) > 1 {
		plural = "s"
	}
	return warning("OSD_"+strings.ToUpper(level)+"_DOWN", fmt.Sprintf("%d %s%s (%d osds) down", len(details), level, plural, osds), details)
}

// warnedFlags are the cluster flags that Ceph warns of, in its order.
var warnedFlags = []string{
	"pauserd", "pausewr", "noup", "nodown", "noin", "noout", "nobackfill", "norecover", "noscrub", "nodeep-scrub",
	"notieragent", "nosnaptrim", "norebalance",
}

func (c *Cluster) flagChecks() []ceph.HealthCheck {
	var set []string
	for _, flag := range warnedFlags {
		if c.osdmap.flags[flag] {
			set = append(set, flag)
		}
	}
	var checks []ceph.HealthCheck
	if len(set) > 0 {
		checks = append(checks, ceph.HealthCheck{Code: "OSDMAP_FLAGS", Severity: ceph.HealthWarn, Count: int64(len(set)), Summary: strings.Join(set, ",") + " flag(s) set"})
	}
	details := c.groupFlagDetails()
	return append(checks, warning("OSD_FLAGS",
		fmt.Sprintf("%d OSDs or CRUSH {nodes, device-classes} have {NOUP,NODOWN,NOIN,NOOUT} flags set", len(details)), details)...)
}

func (c *Cluster) groupFlagDetails() []string {
	var details []string
	for _, o := range c.allOSDs() {
		if flags := enabled(o.flags); len(flags) > 0 {
			details = append(details, fmt.Sprintf("%s has flags %s", o.name(), strings.Join(flags, ",")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.osdmap.groupFlags)) {
		flags := enabled(c.osdmap.groupFlags[name])
		if len(flags) == 0 {
			continue
		}
		kind, ok := c.crush.Bucket(name)
		if !ok {
			kind = "device class '" + name + "'"
		} else {
			kind += " " + name
		}
		details = append(details, fmt.Sprintf("%s has flags %s", kind, strings.Join(flags, ",")))
	}
	return details
}

func (c *Cluster) countChecks() []ceph.HealthCheck {
	n, want := len(c.allOSDs()), c.intOption("global", "osd_pool_default_size", 3)
	if n >= want {
		return nil
	}
	return []ceph.HealthCheck{{
		Code: "TOO_FEW_OSDS", Severity: ceph.HealthWarn, Count: int64(want - n),
		Summary: fmt.Sprintf("OSD count %d < osd_pool_default_size %d", n, want),
	}}
}

// releaseChecks reports that an upgrade was not finished.
func (c *Cluster) releaseChecks() []ceph.HealthCheck {
	oldest := 0
	for _, o := range c.allOSDs() {
		if o.up && (oldest == 0 || majorOf(o.daemon.Version) < oldest) {
			oldest = majorOf(o.daemon.Version)
		}
	}
	required, _ := releaseNumber(c.osdmap.requireRelease)
	if oldest <= required {
		return nil
	}
	text := fmt.Sprintf("all OSDs are running %s or later but require_osd_release < %s", releaseNames[oldest], releaseNames[oldest])
	return []ceph.HealthCheck{{Code: "OSD_UPGRADE_FINISHED", Severity: ceph.HealthWarn, Summary: text, Details: []string{text}}}
}

// spaceChecks reports full OSDs, and the pools that suffer from them.
func (c *Cluster) spaceChecks() []ceph.HealthCheck {
	osds := map[fullness][]string{}
	for _, o := range c.allOSDs() {
		if !o.up || !o.in() {
			continue
		}
		switch f := c.fullnessOf(o); f {
		case full:
			osds[f] = append(osds[f], o.name()+" is full")
		case backfillFull:
			osds[f] = append(osds[f], o.name()+" is backfill full")
		case nearFull:
			osds[f] = append(osds[f], o.name()+" is near full")
		}
	}
	return slices.Concat(
		finding(ceph.HealthErr, "OSD_FULL", fmt.Sprintf("%d full osd(s)", len(osds[full])), osds[full]),
		warning("OSD_BACKFILLFULL", fmt.Sprintf("%d backfillfull osd(s)", len(osds[backfillFull])), osds[backfillFull]),
		warning("OSD_NEARFULL", fmt.Sprintf("%d nearfull osd(s)", len(osds[nearFull])), osds[nearFull]),
		c.fullPools(),
	)
}

func (c *Cluster) fullPools() []ceph.HealthCheck {
	pools := map[fullness][]string{}
	for _, p := range c.pools.sorted {
		f := c.poolFullness(p)
		switch {
		case c.overQuota(p):
			pools[full] = append(pools[full], fmt.Sprintf("pool '%s' is full (running out of quota)", p.name))
		case f == full:
			pools[f] = append(pools[f], fmt.Sprintf("pool '%s' is full (no space)", p.name))
		case f == backfillFull:
			pools[f] = append(pools[f], fmt.Sprintf("pool '%s' is backfillfull", p.name))
		case f == nearFull:
			pools[f] = append(pools[f], fmt.Sprintf("pool '%s' is nearfull", p.name))
		}
	}
	return slices.Concat(
		warning("POOL_FULL", fmt.Sprintf("%d pool(s) full", len(pools[full])), pools[full]),
		warning("POOL_BACKFILLFULL", fmt.Sprintf("%d pool(s) backfillfull", len(pools[backfillFull])), pools[backfillFull]),
		warning("POOL_NEARFULL", fmt.Sprintf("%d pool(s) nearfull", len(pools[nearFull])), pools[nearFull]),
	)
}
