package conformance

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

func configCases(e *env) {
	for _, who := range []string{"global", "osd", "osd.0", "osd/class:hdd", "osd/host:" + e.name("host")} {
		e.check("an option is set, changed and taken back for "+who, func(e *env) { configRoundTrip(e, who) })
	}
	e.check("RemoveConfig of an option that is not set succeeds", func(e *env) {
		e.ok(e.RemoveConfig(e.ctx, "osd", "osd_max_scrubs"))
	})
	e.check("an option, section or value that Ceph does not know is ErrInvalid", func(e *env) {
		e.want(e.SetConfig(e.ctx, "osd", "nosuchoption_at_all", "1"), ceph.ErrInvalid)
		e.want(e.SetConfig(e.ctx, "nobody", "osd_max_scrubs", "1"), ceph.ErrInvalid)
		e.want(e.SetConfig(e.ctx, "osd", "osd_max_backfills", "many"), ceph.ErrInvalid)
	})
	e.check("ConfigDump is sorted by who and option", func(e *env) {
		all, err := e.ConfigDump(e.ctx)
		e.ok(err)
		sorted(e, "options", all, func(a, b ceph.ConfigOption) bool {
			return a.Who < b.Who || a.Who == b.Who && a.Option < b.Option
		})
	})
}

func configRoundTrip(e *env, who string) {
	const option = "osd_recovery_priority"
	e.later(func(ctx context.Context) error { return e.RemoveConfig(ctx, who, option) })
	for _, value := range []string{"6", "6", "7"} {
		e.ok(e.SetConfig(e.ctx, who, option, value))
		if got := configValue(e, who, option); got != value {
			e.Errorf("%s is %q, want %q", option, got, value)
		}
	}
	e.ok(e.RemoveConfig(e.ctx, who, option))
	if got := configValue(e, who, option); got != "" {
		e.Errorf("%s is still %q", option, got)
	}
}

func configValue(e *env, who, option string) string {
	e.Helper()
	all, err := e.ConfigDump(e.ctx)
	e.ok(err)
	if o := find(all, func(o ceph.ConfigOption) bool { return o.Who == who && o.Option == option }); o != nil {
		return o.Value
	}
	return ""
}

func healthCases(e *env) {
	e.later(func(ctx context.Context) error { return e.UnsetOSDFlag(ctx, "noscrub") })
	e.later(func(ctx context.Context) error { return e.UnmuteHealth(ctx, "OSDMAP_FLAGS") })
	e.ok(e.SetOSDFlag(e.ctx, "noscrub"))
	e.check("a check has Ceph's code, severity and words", func(e *env) {
		c := raised(e, "OSDMAP_FLAGS")
		if c.Severity != ceph.HealthWarn || c.Summary != "noscrub flag(s) set" || c.Muted {
			e.Errorf("got %+v", c)
		}
	})
	e.check("a muted check is listed and does not count", func(e *env) {
		e.ok(e.MuteHealth(e.ctx, "OSDMAP_FLAGS"))
		e.ok(e.MuteHealth(e.ctx, "OSDMAP_FLAGS"))
		e.eventually("the check to be muted", func() error {
			if c := raised(e, "OSDMAP_FLAGS"); !c.Muted {
				return notYet("got %+v", c)
			}
			return nil
		})
	})
	e.check("a muted check stays muted when it comes back", func(e *env) {
		e.ok(e.UnsetOSDFlag(e.ctx, "noscrub"))
		e.eventually("the check to clear", func() error {
			h, err := e.Health(e.ctx)
			e.ok(err)
			if c := find(h.Checks, func(c ceph.HealthCheck) bool { return c.Code == "OSDMAP_FLAGS" }); c != nil {
				return notYet("got %+v", c)
			}
			return nil
		})
		e.ok(e.SetOSDFlag(e.ctx, "noscrub"))
		if c := raised(e, "OSDMAP_FLAGS"); !c.Muted {
			e.Errorf("got %+v", c)
		}
	})
	e.check("UnmuteHealth shows it again, and is no error for one that is not muted", func(e *env) {
		e.ok(e.UnmuteHealth(e.ctx, "OSDMAP_FLAGS"))
		e.ok(e.UnmuteHealth(e.ctx, "OSDMAP_FLAGS"))
		e.eventually("the check to be shown", func() error {
			if c := raised(e, "OSDMAP_FLAGS"); c.Muted {
				return notYet("got %+v", c)
			}
			return nil
		})
	})
	e.check("the checks are sorted", func(e *env) {
		h, err := e.Health(e.ctx)
		e.ok(err)
		sorted(e, "checks", h.Checks, func(a, b ceph.HealthCheck) bool { return a.Code < b.Code })
	})
}

// raised waits for a check.
func raised(e *env, code string) ceph.HealthCheck {
	e.Helper()
	var found ceph.HealthCheck
	e.eventually(code+" to be raised", func() error {
		h, err := e.Health(e.ctx)
		if err != nil {
			return err
		}
		c := find(h.Checks, func(c ceph.HealthCheck) bool { return c.Code == code })
		if c == nil {
			return notYet("the checks are %+v", h.Checks)
		}
		found = *c
		return nil
	})
	return found
}
