package conformance

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// uuid makes a random one.
func (e *env) uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// osd reads an OSD from a snapshot.
func (e *env) osd(id int) ceph.OSD {
	e.Helper()
	o := find(e.snapshot().OSDs, func(o ceph.OSD) bool { return o.ID == id })
	if o == nil {
		e.Fatalf("there is no osd.%d", id)
	}
	return *o
}

// osdIs waits until an OSD is as the condition wants it.
func (e *env) osdIs(what string, id int, condition func(ceph.OSD) bool) {
	e.Helper()
	e.eventually(fmt.Sprintf("osd.%d to be %s", id, what), func() error {
		if o := e.osd(id); !condition(o) {
			return notYet("up %t, in %t, states %v", o.Up, o.In, o.States)
		}
		return nil
	})
}

const (
	oneKey     = "AQAAlmRnAAAAABAAOx8V4S4nPTZkGKkE8YNBqQ=="
	anotherKey = "AQBRlmRnAAAAABAA1x8V4S4nPTZkGKkE8YNBqQ=="
)

func newOSDCases(e *env) {
	req := ceph.NewOSD{UUID: e.uuid(), Secret: ceph.NewSecret(oneKey)}
	id, err := e.NewOSD(e.ctx, req)
	e.ok(err)
	e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, id) })
	e.check("a new OSD is exists and new, down, with its uuid and key", func(e *env) {
		o := e.osd(id)
		if o.Up || o.UUID != req.UUID || o.Version != "" || !slices.Equal(o.States, []string{"exists", "new"}) {
			e.Errorf("got %+v", o)
		}
		user, err := e.Entity(e.ctx, fmt.Sprintf("osd.%d", id))
		e.ok(err)
		if !user.Key.Equal(req.Secret) {
			e.Error("its user has another key")
		}
	})
	e.check("the same uuid returns the same id", func(e *env) {
		again, err := e.NewOSD(e.ctx, req)
		e.ok(err)
		if again != id {
			e.Errorf("got %d, want %d", again, id)
		}
		same := req
		same.ID = &id
		again, err = e.NewOSD(e.ctx, same)
		e.ok(err)
		if again != id {
			e.Errorf("got %d, want %d", again, id)
		}
	})
	e.check("an id or uuid of another OSD is ErrExists", func(e *env) {
		zero := 0
		_, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid(), ID: &zero})
		e.want(err, ceph.ErrExists)
		_, err = e.NewOSD(e.ctx, ceph.NewOSD{UUID: req.UUID, ID: &zero, Secret: req.Secret})
		e.want(err, ceph.ErrExists)
	})
	e.check("the same uuid with another key is ErrExists", func(e *env) {
		_, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: req.UUID, Secret: ceph.NewSecret(anotherKey)})
		e.want(err, ceph.ErrExists)
	})
	e.check("a uuid that is none is ErrInvalid", func(e *env) {
		_, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: "not-a-uuid"})
		e.want(err, ceph.ErrInvalid)
	})
	e.check("an id that the caller chose is given", func(e *env) {
		chosen := id + 5
		e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, chosen) })
		got, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid(), ID: &chosen, Secret: ceph.NewSecret(anotherKey)})
		e.ok(err)
		if got != chosen {
			e.Errorf("got %d, want %d", got, chosen)
		}
	})
}

func osdStateCases(e *env) {
	e.clean()
	e.check("OSDOut and OSDIn change in and weight, and repeat without error", func(e *env) {
		e.later(func(ctx context.Context) error { return e.OSDIn(ctx, 0) })
		e.ok(e.OSDOut(e.ctx, 0))
		e.ok(e.OSDOut(e.ctx, 0))
		if o := e.osd(0); o.In || o.Weight != 0 || !o.Up {
			e.Errorf("got %+v", o)
		}
		e.ok(e.OSDIn(e.ctx, 0))
		e.ok(e.OSDIn(e.ctx, 0))
		if o := e.osd(0); !o.In || o.Weight != 1 {
			e.Errorf("got %+v", o)
		}
		e.clean()
	})
	e.check("an OSD that runs and is marked down comes back by itself", func(e *env) {
		epoch := e.snapshot().OSDMap.Epoch
		e.ok(e.OSDDown(e.ctx, 1))
		e.eventually("osd.1 to have been down and be up", func() error {
			s := e.snapshot()
			o := find(s.OSDs, func(o ceph.OSD) bool { return o.ID == 1 })
			if !o.Up || s.OSDMap.Epoch < epoch+2 {
				return notYet("up %t at epoch %d, was %d", o.Up, s.OSDMap.Epoch, epoch)
			}
			return nil
		})
		e.clean()
	})
	e.check("an OSD that does not exist is ErrNotFound", func(e *env) {
		e.want(e.OSDOut(e.ctx, 999), ceph.ErrNotFound)
		e.want(e.OSDIn(e.ctx, 999), ceph.ErrNotFound)
		e.want(e.OSDDown(e.ctx, 999), ceph.ErrNotFound)
	})
	e.check("an OSD that stops is down and stays in, and its PGs are undersized", stoppedCase)
}

// stopped stops an OSD until the case is over, with noout so that nothing moves.
func (e *env) stopped(id int) {
	e.Helper()
	e.later(func(ctx context.Context) error { return e.UnsetOSDFlag(ctx, "noout") })
	e.ok(e.SetOSDFlag(e.ctx, "noout"))
	e.later(func(ctx context.Context) error {
		if err := e.StartOSD(ctx, id); err != nil {
			return err
		}
		e.clean()
		return nil
	})
	e.ok(e.StopOSD(e.ctx, id))
	e.osdIs("down", id, func(o ceph.OSD) bool { return !o.Up })
}

func stoppedCase(e *env) {
	pool := e.pool("served")
	e.stopped(2)
	if o := e.osd(2); !o.In || contains(o.States, "up") {
		e.Errorf("got %+v", o)
	}
	e.eventually("PGs to be active+undersized", func() error {
		pgs, err := e.PGsOfOSD(e.ctx, 0)
		if err != nil {
			return err
		}
		for _, p := range pgs {
			if p.State != "active+undersized" && p.State != "active+undersized+degraded" || len(p.Acting) != 2 || slices.Contains(p.Acting, 2) {
				return notYet("pool %s: %+v", pool, p)
			}
		}
		return nil
	})
	c := raised(e, "OSD_DOWN")
	if c.Summary != "1 osds down" || len(c.Details) != 1 {
		e.Errorf("the check is %+v", c)
	}
	raised(e, "OSD_HOST_DOWN")
	_, err := e.PGsOfOSD(e.ctx, 2)
	e.want(err, ceph.ErrAgain)
}

func osdFlagCases(e *env) {
	e.later(func(ctx context.Context) error { return e.UnsetOSDFlag(ctx, "noout") })
	e.later(func(ctx context.Context) error { return e.UnsetGroupFlag(ctx, "noout", "osd.0", "default") })
	e.check("a cluster-wide flag is set and cleared, twice each", func(e *env) {
		e.ok(e.SetOSDFlag(e.ctx, "noout"))
		e.ok(e.SetOSDFlag(e.ctx, "noout"))
		if flags := e.snapshot().OSDMap.Flags; !contains(flags, "noout") {
			e.Errorf("flags are %v", flags)
		}
		e.ok(e.UnsetOSDFlag(e.ctx, "noout"))
		e.ok(e.UnsetOSDFlag(e.ctx, "noout"))
		if flags := e.snapshot().OSDMap.Flags; contains(flags, "noout") {
			e.Errorf("flags are %v", flags)
		}
	})
	e.check("a flag of an OSD and of a bucket is set and cleared", func(e *env) {
		e.ok(e.SetGroupFlag(e.ctx, "noout", "osd.0", "default"))
		if o := e.osd(0); !contains(o.States, "noout") {
			e.Errorf("states are %v", o.States)
		}
		if c := raised(e, "OSD_FLAGS"); len(c.Details) != 2 {
			e.Errorf("the check is %+v", c)
		}
		e.ok(e.UnsetGroupFlag(e.ctx, "noout", "osd.0", "default"))
		if o := e.osd(0); contains(o.States, "noout") {
			e.Errorf("states are %v", o.States)
		}
	})
	e.check("a flag that does not exist is ErrInvalid, a target that does not ErrNotFound", func(e *env) {
		e.want(e.SetOSDFlag(e.ctx, "nosuchflag"), ceph.ErrInvalid)
		e.want(e.SetGroupFlag(e.ctx, "nosuchflag", "osd.0"), ceph.ErrInvalid)
		e.want(e.SetGroupFlag(e.ctx, "noout", "osd.999"), ceph.ErrNotFound)
		e.want(e.SetGroupFlag(e.ctx, "noout", e.name("ghost")), ceph.ErrNotFound)
	})
	e.check("RequireOSDRelease of the release that runs succeeds, of an older or unknown one fails", func(e *env) {
		e.ok(e.RequireOSDRelease(e.ctx, e.snapshot().OSDMap.RequireRelease))
		e.want(e.RequireOSDRelease(e.ctx, "nosuchrelease"), ceph.ErrInvalid)
		e.want(e.RequireOSDRelease(e.ctx, "octopus"), ceph.ErrRefused, ceph.ErrInvalid)
	})
}

func osdRemovalCases(e *env) {
	e.check("an OSD that is up is ErrBusy", func(e *env) {
		e.want(e.PurgeOSD(e.ctx, 0), ceph.ErrBusy)
		e.want(e.DestroyOSD(e.ctx, 0), ceph.ErrBusy)
	})
	e.check("DestroyOSD frees the id for another OSD", destroyCase)
	e.check("PurgeOSD removes id, key and CRUSH entry, and one that does not exist is no error", purgeCase)
}

func destroyCase(e *env) {
	id, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid(), Secret: ceph.NewSecret(oneKey)})
	e.ok(err)
	e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, id) })
	e.ok(e.DestroyOSD(e.ctx, id))
	e.ok(e.DestroyOSD(e.ctx, id))
	if o := e.osd(id); !contains(o.States, "destroyed") || o.Up {
		e.Errorf("got %+v", o)
	}
	_, err = e.Entity(e.ctx, fmt.Sprintf("osd.%d", id))
	e.want(err, ceph.ErrNotFound)
	next := ceph.NewOSD{UUID: e.uuid(), ID: &id, Secret: ceph.NewSecret(anotherKey)}
	again, err := e.NewOSD(e.ctx, next)
	e.ok(err)
	if o := e.osd(again); again != id || o.UUID != next.UUID || contains(o.States, "destroyed") {
		e.Errorf("got %+v", o)
	}
	e.want(e.DestroyOSD(e.ctx, 999), ceph.ErrNotFound)
}

func purgeCase(e *env) {
	host := e.name("host")
	e.later(func(ctx context.Context) error { return e.RemoveBucket(ctx, host) })
	id, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid(), Secret: ceph.NewSecret(oneKey)})
	e.ok(err)
	e.ok(e.PlaceOSD(e.ctx, id, 0.1, ceph.Location{{Type: "host", Name: host}}))
	e.ok(e.PurgeOSD(e.ctx, id))
	e.ok(e.PurgeOSD(e.ctx, id))
	if o := find(e.snapshot().OSDs, func(o ceph.OSD) bool { return o.ID == id }); o != nil {
		e.Errorf("still there: %+v", o)
	}
	_, err = e.Entity(e.ctx, fmt.Sprintf("osd.%d", id))
	e.want(err, ceph.ErrNotFound)
	if b := e.bucket(host); b == nil || len(b.Items) != 0 {
		e.Errorf("the host is %+v", b)
	}
	reused, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid()})
	e.ok(err)
	e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, reused) })
	if reused != id {
		e.Errorf("the next OSD got id %d, want %d again", reused, id)
	}
}

func stoppingCases(e *env) {
	pool := e.pool("stopping")
	e.check("one of three OSDs is ok to stop, two are not", func(e *env) {
		one, err := e.OSDOKToStop(e.ctx, 0)
		e.ok(err)
		if !one.OK || one.Inactive != 0 || one.PGs == 0 || !slices.Equal(one.OSDs, []int{0}) {
			e.Errorf("one: %+v", one)
		}
		two, err := e.OSDOKToStop(e.ctx, 0, 1)
		e.ok(err)
		if two.OK || two.Inactive == 0 || two.Explanation == "" {
			e.Errorf("two: %+v", two)
		}
	})
	e.check("an OSD that serves PGs is not safe to destroy, one that does not exist is", func(e *env) {
		got, err := e.OSDSafeToDestroy(e.ctx, 0, 999)
		e.ok(err)
		if !slices.Equal(got.Active, []int{0}) || !slices.Equal(got.Safe, []int{999}) {
			e.Errorf("got %+v", got)
		}
	})
	e.check("PGsOfOSD lists the PGs with up and acting sets", func(e *env) {
		pgs, err := e.PGsOfOSD(e.ctx, 0)
		e.ok(err)
		prefix := fmt.Sprintf("%d.", e.poolNamed(pool).ID)
		n := 0
		for _, p := range pgs {
			if len(p.ID) > len(prefix) && p.ID[:len(prefix)] == prefix {
				n++
			}
			if p.State != "active+clean" || len(p.Up) == 0 || !slices.Equal(p.Up, p.Acting) {
				e.Errorf("got %+v", p)
			}
		}
		if n != 4 {
			e.Errorf("%d PGs of the pool, want 4", n)
		}
		_, err = e.PGsOfOSD(e.ctx, 999)
		e.want(err, ceph.ErrNotFound)
	})
	e.check("PGStates counts what PGsOfOSD lists, before a Snapshot does", func(e *env) {
		e.eventually("all PGs to be clean", func() error {
			states, err := e.PGStates(e.ctx)
			e.ok(err)
			if total := e.snapshot().PGs.Total; len(states) != 1 || states[0] != (ceph.PGStateCount{State: "active+clean", Count: total}) {
				return notYet("of %d PGs: %+v", total, states)
			}
			return nil
		})
	})
	e.check("while one of three is down, no other may stop, and the one is not safe to destroy", func(e *env) {
		e.stopped(1)
		e.eventually("the answer to change", func() error {
			got, err := e.OSDOKToStop(e.ctx, 0)
			e.ok(err)
			if got.OK || got.Inactive == 0 {
				return notYet("got %+v", got)
			}
			return nil
		})
		e.eventually("the PGs to have left", func() error {
			got, err := e.OSDSafeToDestroy(e.ctx, 1)
			e.ok(err)
			if !slices.Equal(got.MissingStats, []int{1}) {
				return notYet("got %+v", got)
			}
			return nil
		})
		states, err := e.PGStates(e.ctx)
		e.ok(err)
		if !slices.ContainsFunc(states, func(s ceph.PGStateCount) bool {
			return s.State == "active+undersized" || strings.Contains(s.State, "degraded")
		}) {
			e.Errorf("with an OSD down the PGs are %+v", states)
		}
	})
}

func blocklistCases(e *env) {
	const addr = "192.0.2.7:0/4711"
	e.later(func(ctx context.Context) error { return e.RemoveBlocklist(ctx, addr) })
	e.check("AddBlocklist fences an address until the time, and again is no error", func(e *env) {
		e.ok(e.AddBlocklist(e.ctx, addr, time.Hour))
		e.ok(e.AddBlocklist(e.ctx, addr, time.Hour))
		if got := blocked(e, addr); got == nil || got.Until.IsZero() {
			e.Errorf("got %+v", got)
		}
	})
	e.check("a whole host is fenced with port and nonce 0", func(e *env) {
		const host = "192.0.2.8:0/0"
		e.later(func(ctx context.Context) error { return e.RemoveBlocklist(ctx, host) })
		e.ok(e.AddBlocklist(e.ctx, host, time.Hour))
		if blocked(e, host) == nil {
			e.Error("not listed")
		}
	})
	e.check("Blocklist is sorted by address", func(e *env) {
		all, err := e.Client.Blocklist(e.ctx)
		e.ok(err)
		sorted(e, "addresses", all, func(a, b ceph.BlocklistEntry) bool { return a.Addr < b.Addr })
	})
	e.check("RemoveBlocklist lifts it, and one that is not listed is no error", func(e *env) {
		e.ok(e.RemoveBlocklist(e.ctx, addr))
		e.ok(e.RemoveBlocklist(e.ctx, addr))
		if got := blocked(e, addr); got != nil {
			e.Errorf("still listed: %+v", got)
		}
	})
	e.check("an address that does not parse, or no time, is ErrInvalid", func(e *env) {
		e.want(e.AddBlocklist(e.ctx, "nowhere", time.Hour), ceph.ErrInvalid)
		e.want(e.AddBlocklist(e.ctx, addr, 0), ceph.ErrInvalid)
	})
}

func blocked(e *env, addr string) *ceph.BlocklistEntry {
	e.Helper()
	all, err := e.Blocklist(e.ctx)
	e.ok(err)
	return find(all, func(b ceph.BlocklistEntry) bool { return b.Addr == addr })
}
