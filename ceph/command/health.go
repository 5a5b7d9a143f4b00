package command

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Health = (*Admin)(nil)

func healthDetail() Request {
	return Request{Op: "health", Target: Mon(), Args: Args{"detail": "detail"}}
}

func muteHealth(code string) Request {
	return Request{Op: "health mute", Target: Mon(), Subject: code, Args: Args{"code": code, "sticky": true}}
}

func unmuteHealth(code string) Request {
	return Request{Op: "health unmute", Target: Mon(), Subject: code, Args: Args{"code": code}}
}

type healthAnswer struct {
	Status *ceph.HealthStatus      `json:"status"`
	Checks *map[string]healthCheck `json:"checks"`
}

type healthCheck struct {
	Severity *ceph.HealthStatus `json:"severity"`
	Summary  *struct {
		Message *string `json:"message"`
		Count   int64   `json:"count"`
	} `json:"summary"`
	Detail []struct {
		Message *string `json:"message"`
	} `json:"detail"`
	Muted *bool `json:"muted"`
}

func (h healthAnswer) check() error {
	levels := []ceph.HealthStatus{ceph.HealthOK, ceph.HealthWarn, ceph.HealthErr}
	if !slices.Contains(levels, *h.Status) {
		return fmt.Errorf("the status %q", *h.Status)
	}
	for code, c := range *h.Checks {
		if !slices.Contains(levels, *c.Severity) {
			return fmt.Errorf("the severity %q of %s", *c.Severity, code)
		}
	}
	return nil
}

func (h healthAnswer) report() ceph.HealthReport {
	out := ceph.HealthReport{Status: *h.Status}
	for _, code := range slices.Sorted(maps.Keys(*h.Checks)) {
		c := (*h.Checks)[code]
		check := ceph.HealthCheck{
			Code: code, Severity: *c.Severity, Summary: *c.Summary.Message,
			Count: c.Summary.Count, Muted: *c.Muted,
		}
		for _, d := range c.Detail {
			check.Details = append(check.Details, *d.Message)
		}
		out.Checks = append(out.Checks, check)
	}
	return out
}

// Health reads all checks with their details. Status leaves muted ones out.
func (a *Admin) Health(ctx context.Context) (ceph.HealthReport, error) {
	answer, err := ask[healthAnswer](ctx, a, healthDetail())
	if err != nil {
		return ceph.HealthReport{}, err
	}
	return answer.report(), nil
}

// MuteHealth hides a check until UnmuteHealth, also when it clears and comes
// back (sticky). One that is not raised now can be muted as well.
func (a *Admin) MuteHealth(ctx context.Context, code string) error {
	return a.act(ctx, muteHealth(code))
}

// UnmuteHealth shows it again. One that is not muted is no error.
func (a *Admin) UnmuteHealth(ctx context.Context, code string) error {
	return a.act(ctx, unmuteHealth(code))
}
