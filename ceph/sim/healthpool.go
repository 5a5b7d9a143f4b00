package sim

import (
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
)

func (c *Cluster) poolChecks() []ceph.HealthCheck {
	var untagged, single []string
	for _, p := range c.pools.sorted {
		if len(enabled(p.apps)) == 0 && (p.objects > 0 || c.release.number >= 18) {
			untagged = append(untagged, fmt.Sprintf("application not enabled on pool '%s'", p.name))
		}
		if p.kind == ceph.Replicated && p.size == 1 {
			single = append(single, fmt.Sprintf("pool '%s' has no replicas configured", p.name))
		}
	}
	words := "%d pool(s) do not have an application enabled"
	if c.release.number < 18 {
		words = "application not enabled on %d pool(s)"
	}
	checks := warning("POOL_APP_NOT_ENABLED", fmt.Sprintf(words, len(untagged)), untagged)
	if c.boolOption("mon", "mon_warn_on_pool_no_redundancy", true) {
		checks = append(checks, warning("POOL_NO_REDUNDANCY", fmt.Sprintf("%d pool(s) have no replicas configured", len(single)), single)...)
	}
	return checks
}

// fileFindings collects the filesystems of each check.
type fileFindings struct {
	offline, fewer, degraded, failed, standby []string
}

func (c *Cluster) fileChecks() []ceph.HealthCheck {
	var f fileFindings
	for _, fs := range c.filesystems() {
		f.look(fs)
	}
	f.standby = c.standbyDetails()
	checks := finding(ceph.HealthErr, "MDS_ALL_DOWN", filesystems(len(f.offline), "is offline", "are offline"), f.offline)
	checks = append(checks, warning("MDS_UP_LESS_THAN_MAX",
		filesystems(len(f.fewer), "is online with fewer MDS than max_mds", "are online with fewer MDS than max_mds"), f.fewer)...)
	checks = append(checks, warning("FS_DEGRADED", filesystems(len(f.degraded), "is degraded", "are degraded"), f.degraded)...)
	checks = append(checks, warning("FS_WITH_FAILED_MDS",
		filesystems(len(f.failed), "has a failed mds daemon", "have a failed mds daemon"), f.failed)...)
	return append(checks, warning("MDS_INSUFFICIENT_STANDBY", "insufficient standby MDS daemons available", f.standby)...)
}

func filesystems(n int, one, many string) string {
	if n == 1 {
		return "1 filesystem " + one
	}
	return fmt.Sprintf("%d filesystems %s", n, many)
}

func (f *fileFindings) look(fs *filesystem) {
	up, failed, replaying := 0, 0, false
	for _, m := range fs.ranks {
		switch {
		case m == nil:
			failed++
		default:
			up++
			replaying = replaying || m.state == "up:replay"
		}
	}
	if failed > 0 || replaying {
		f.degraded = append(f.degraded, fmt.Sprintf("fs %s is degraded", fs.name))
	}
	if failed > 0 {
		f.failed = append(f.failed, fmt.Sprintf("fs %s has %d failed mds", fs.name, failed))
	}
	switch {
	case up == 0:
		f.offline = append(f.offline, fmt.Sprintf("fs %s is offline because no MDS is active for it.", fs.name))
	case up < fs.maxMDS:
		f.fewer = append(f.fewer, fmt.Sprintf("fs %s has %d MDS online, but wants %d", fs.name, up, fs.maxMDS))
	}
}

// standbyDetails says how many standbys the filesystems want that are not there.
func (c *Cluster) standbyDetails() []string {
	want := 0
	for _, fs := range c.filesystems() {
		if fs.standbyWanted < 0 {
			want = max(want, min(1, len(c.files.daemons)-1))
		}
		want = max(want, fs.standbyWanted)
	}
	have := len(c.standbys())
	if have >= want {
		return nil
	}
	return []string{fmt.Sprintf("have %d; want %d more", have, want-have)}
}
