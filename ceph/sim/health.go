package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

type healthState struct {
	mutes  map[string]bool
	raised map[string]ceph.HealthCheck
}

func newHealthState() healthState {
	return healthState{mutes: map[string]bool{}, raised: map[string]ceph.HealthCheck{}}
}

// maxDetail is mon_health_max_detail: Ceph lists no more of one check.
const maxDetail = 50

// RaiseHealth adds a check that the simulator has no model of, such as SLOW_OPS.
func (c *Cluster) RaiseHealth(check ceph.HealthCheck) {
	defer c.enter()()
	c.health.raised[check.Code] = check
}

// ClearHealth takes back what RaiseHealth added.
func (c *Cluster) ClearHealth(code string) {
	defer c.enter()()
	delete(c.health.raised, code)
}

// Health implements ceph.Health.
func (k *Client) Health(ctx context.Context) (ceph.HealthReport, error) {
	return ask(ctx, k, monRead("Health", "health"), "", func(c *Cluster) (ceph.HealthReport, error) {
		return c.healthReport(), nil
	})
}

// MuteHealth implements ceph.Health.
func (k *Client) MuteHealth(ctx context.Context, code string) error {
	return k.do(ctx, monWrite("MuteHealth", "health mute"), code, func(c *Cluster) error {
		c.health.mutes[code] = true
		return nil
	})
}

// UnmuteHealth implements ceph.Health.
func (k *Client) UnmuteHealth(ctx context.Context, code string) error {
	return k.do(ctx, monWrite("UnmuteHealth", "health unmute"), code, func(c *Cluster) error {
		delete(c.health.mutes, code)
		return nil
	})
}

func (c *Cluster) healthReport() ceph.HealthReport {
	c.settle()
	checks := slices.Concat(c.monChecks(), c.osdChecks(), c.spaceChecks(), c.pgChecks(), c.poolChecks(), c.fileChecks())
	checks = append(checks, slices.Collect(maps.Values(c.health.raised))...)
	slices.SortFunc(checks, func(a, b ceph.HealthCheck) int { return strings.Compare(a.Code, b.Code) })
	report := ceph.HealthReport{Status: ceph.HealthOK, Checks: checks}
	for i := range checks {
		checks[i].Muted = c.health.mutes[checks[i].Code]
		if !checks[i].Muted {
			report.Status = worse(report.Status, checks[i].Severity)
		}
	}
	return report
}

func worse(a, b ceph.HealthStatus) ceph.HealthStatus {
	if a == ceph.HealthErr || b == ceph.HealthOK {
		return a
	}
	return b
}

// warning makes a check, unless there is nothing to say. Its count is that of
// the details.
func warning(code, summary string, details []string) []ceph.HealthCheck {
	return finding(ceph.HealthWarn, code, summary, details)
}

func finding(severity ceph.HealthStatus, code, summary string, details []string) []ceph.HealthCheck {
	if len(details) == 0 {
		return nil
	}
	check := ceph.HealthCheck{Code: code, Severity: severity, Summary: summary, Count: int64(len(details)), Details: details}
	if len(details) > maxDetail {
		check.Details = append(details[:maxDetail:maxDetail], fmt.Sprintf("%d more entries omitted", len(details)-maxDetail))
	}
	return []ceph.HealthCheck{check}
}

func (c *Cluster) monChecks() []ceph.HealthCheck {
	var checks []ceph.HealthCheck
	var in, details []string
	for _, m := range c.mons.quorum {
		in = append(in, m.name)
	}
	for rank, m := range c.mons.monmap {
		if !slices.Contains(in, m.name) {
			details = append(details, fmt.Sprintf("mon.%s (rank %d) addr %s is down (out of quorum)", m.name, rank, addrVector(m.addrs)))
		}
	}
	checks = append(checks, warning("MON_DOWN",
		fmt.Sprintf("%d/%d mons down, quorum %s", len(details), len(c.mons.monmap), strings.Join(in, ",")), details)...)
	if !c.mgrAvailable() && len(c.mgrs.known) > 0 && c.mgrs.epoch > 0 {
		checks = append(checks, ceph.HealthCheck{Code: "MGR_DOWN", Severity: ceph.HealthWarn, Summary: "no active mgr"})
	}
	return checks
}
