package conformance

import (
	"context"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func poolCases(e *env) {
	name := e.pool("plain")
	e.check("a new pool has what was asked for and Ceph's defaults", func(e *env) {
		p := e.poolNamed(name)
		if p.Type != ceph.Replicated || p.Size != 3 || p.MinSize != 2 || p.PGs != 4 || p.PGTarget != 4 || p.AutoscaleMode != "off" {
			e.Errorf("got %+v", p)
		}
		if !contains(p.Flags, "hashpspool") || len(p.Applications) != 0 || p.StoredBytes != 0 {
			e.Errorf("got %+v", p)
		}
		e.eventually("the mgr to say how much fits", func() error {
			if p := e.poolNamed(name); p.AvailableBytes <= 0 {
				return notYet("got %+v", p)
			}
			return nil
		})
	})
	e.check("a pool of that name is ErrExists", func(e *env) {
		e.want(e.CreatePool(e.ctx, ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 4}), ceph.ErrExists)
	})
	e.check("a pool on a rule or profile that does not exist is ErrNotFound", func(e *env) {
		e.want(e.CreatePool(e.ctx, ceph.PoolSpec{Name: e.name("bad"), Type: ceph.Replicated, Rule: e.name("ghost"), PGs: 4}), ceph.ErrNotFound)
		e.want(e.CreatePool(e.ctx, ceph.PoolSpec{Name: e.name("bad"), Type: ceph.Erasure, ErasureProfile: e.name("ghost"), PGs: 4}), ceph.ErrNotFound)
	})
	e.check("more PGs than the OSDs may have are ErrInvalid", func(e *env) {
		e.want(e.CreatePool(e.ctx, ceph.PoolSpec{Name: e.name("bad"), Type: ceph.Replicated, PGs: 65536}), ceph.ErrInvalid)
	})
	e.check("an application is enabled once, a second one is ErrExists", func(e *env) {
		e.ok(e.EnableApplication(e.ctx, name, "rbd"))
		e.ok(e.EnableApplication(e.ctx, name, "rbd"))
		if p := e.poolNamed(name); !cmp.Equal(p.Applications, []string{"rbd"}) {
			e.Errorf("applications are %v", p.Applications)
		}
		e.want(e.EnableApplication(e.ctx, name, "rgw"), ceph.ErrExists)
		e.want(e.EnableApplication(e.ctx, e.name("ghost"), "rbd"), ceph.ErrNotFound)
	})
	e.check("a value is kept beside an application, and replaced", func(e *env) {
		for _, value := range []string{"one", "two"} {
			e.ok(e.SetApplicationValue(e.ctx, name, "rbd", "kept.by", value))
			if got := e.poolNamed(name).ApplicationValues["rbd/kept.by"]; got != value {
				e.Errorf("the value is %q, want %q", got, value)
			}
		}
		e.want(e.SetApplicationValue(e.ctx, name, "cephfs", "kept.by", "one"), ceph.ErrNotFound)
		e.want(e.SetApplicationValue(e.ctx, name, "rbd", "kept.by", strings.Repeat("x", 129)), ceph.ErrInvalid)
		e.want(e.SetApplicationValue(e.ctx, e.name("ghost"), "rbd", "kept.by", "one"), ceph.ErrNotFound)
	})
	e.check("a quota is set and lifted", func(e *env) {
		for _, q := range []ceph.PoolQuota{{Bytes: 1 << 30, Objects: 1000}, {Bytes: 1 << 20}, {}} {
			e.ok(e.SetPoolQuota(e.ctx, name, q))
			if got := e.poolNamed(name).Quota; got != q {
				e.Errorf("the quota is %+v, want %+v", got, q)
			}
		}
		e.want(e.SetPoolQuota(e.ctx, e.name("ghost"), ceph.PoolQuota{Bytes: 1}), ceph.ErrNotFound)
	})
	e.check("an erasure-coded pool has the size of its profile", erasurePoolCase)
}

// poolNamed reads a pool from a snapshot.
func (e *env) poolNamed(name string) ceph.Pool {
	e.Helper()
	p := find(e.snapshot().Pools, func(p ceph.Pool) bool { return p.Name == name })
	if p == nil {
		e.Fatalf("there is no pool %s", name)
	}
	return *p
}

func erasurePoolCase(e *env) {
	pool, profile := e.name("coded"), e.name("profile")
	e.later(func(ctx context.Context) error { return e.RemoveErasureProfile(ctx, profile) })
	e.later(func(ctx context.Context) error { return e.RemoveRule(ctx, pool) })
	e.later(func(ctx context.Context) error { return e.DeletePool(ctx, pool) })
	e.ok(e.SetErasureProfile(e.ctx, ceph.ErasureProfile{Name: profile, DataChunks: 2, CodingChunks: 1, Plugin: "jerasure", FailureDomain: "host"}))
	e.ok(e.CreatePool(e.ctx, ceph.PoolSpec{Name: pool, Type: ceph.Erasure, ErasureProfile: profile, PGs: 4, AutoscaleMode: "off", OverwritesOnECPool: true}))
	p := e.poolNamed(pool)
	if p.Type != ceph.Erasure || p.Size != 3 || p.MinSize != 2 || p.ErasureProfile != profile || !contains(p.Flags, "ec_overwrites") {
		e.Errorf("got %+v", p)
	}
	if r := e.rule(pool); r == nil || r.ID != p.RuleID {
		e.Errorf("its rule is %+v", r)
	}
	e.clean()
}

func poolOptionCases(e *env) {
	name := e.pool("tuned")
	e.check("size and min_size are set", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "size", "2"))
		e.ok(e.SetPoolOption(e.ctx, name, "min_size", "1"))
		if p := e.poolNamed(name); p.Size != 2 || p.MinSize != 1 {
			e.Errorf("got %+v", p)
		}
		e.ok(e.SetPoolOption(e.ctx, name, "size", "3"))
		e.ok(e.SetPoolOption(e.ctx, name, "min_size", "2"))
	})
	e.check("an option that a pool has only when set shows in Options", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "compression_mode", "aggressive"))
		e.ok(e.SetPoolOption(e.ctx, name, "compression_mode", "aggressive"))
		if got := e.poolNamed(name).Options["compression_mode"]; got != "aggressive" {
			e.Errorf("compression_mode is %q", got)
		}
	})
	e.check("the autoscale mode is set", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "pg_autoscale_mode", "warn"))
		if got := e.poolNamed(name).AutoscaleMode; got != "warn" {
			e.Errorf("the mode is %q", got)
		}
		e.ok(e.SetPoolOption(e.ctx, name, "pg_autoscale_mode", "off"))
	})
	e.check("pg_num is reached after a while", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "pg_num", "8"))
		e.eventually("eight PGs", func() error {
			if p := e.poolNamed(name); p.PGs != 8 || p.PGTarget != 8 {
				return notYet("%d PGs, target %d", p.PGs, p.PGTarget)
			}
			return nil
		})
		e.clean()
	})
	e.check("a flag is set and shows in Flags", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "nodelete", "true"))
		if p := e.poolNamed(name); !contains(p.Flags, "nodelete") {
			e.Errorf("flags are %v", p.Flags)
		}
		e.ok(e.SetPoolOption(e.ctx, name, "nodelete", "false"))
	})
	e.check("an option, value or pool that does not exist fails", func(e *env) {
		e.want(e.SetPoolOption(e.ctx, name, "nosuchoption", "1"), ceph.ErrInvalid)
		e.want(e.SetPoolOption(e.ctx, name, "size", "many"), ceph.ErrInvalid)
		e.want(e.SetPoolOption(e.ctx, name, "min_size", "9"), ceph.ErrInvalid)
		e.want(e.SetPoolOption(e.ctx, name, "crush_rule", e.name("ghost")), ceph.ErrNotFound)
		e.want(e.SetPoolOption(e.ctx, e.name("ghost"), "size", "2"), ceph.ErrNotFound)
	})
}

func singleCopyCases(e *env) {
	const option = "mon_allow_pool_size_one"
	name := e.pool("single")
	e.check("a single copy is ErrRefused", func(e *env) {
		e.want(e.SetPoolOption(e.ctx, name, "size", "1"), ceph.ErrRefused)
	})
	e.check("KeepSingleCopy keeps one, leaves the permission as it was, and one of no pool is ErrNotFound", func(e *env) {
		before := configValue(e, "mon", option)
		e.ok(e.KeepSingleCopy(e.ctx, name))
		e.ok(e.KeepSingleCopy(e.ctx, name))
		if p := e.poolNamed(name); p.Size != 1 || p.MinSize != 1 {
			e.Errorf("got %+v", p)
		}
		e.want(e.KeepSingleCopy(e.ctx, e.name("ghost")), ceph.ErrNotFound)
		if after := configValue(e, "mon", option); after == "true" && before != "true" {
			e.Errorf("%s was %q and is now %q", option, before, after)
		}
	})
	e.check("more copies are made again", func(e *env) {
		e.ok(e.SetPoolOption(e.ctx, name, "size", "3"))
		if p := e.poolNamed(name); p.Size != 3 || p.MinSize != 2 {
			e.Errorf("got %+v", p)
		}
		e.clean()
	})
}

func deletePoolCases(e *env) {
	e.check("DeletePool deletes, leaves pool deletion as it was, and one that does not exist is no error", func(e *env) {
		const option = "mon_allow_pool_delete"
		before := configValue(e, "mon", option)
		name := e.pool("gone")
		e.ok(e.DeletePool(e.ctx, name))
		e.ok(e.DeletePool(e.ctx, name))
		pools, err := e.Pools(e.ctx)
		e.ok(err)
		if p := find(pools, func(p ceph.Pool) bool { return p.Name == name }); p != nil {
			e.Errorf("still there: %+v", p)
		}
		if after := configValue(e, "mon", option); after == "true" && before != "true" {
			e.Errorf("%s was %q and is now %q", option, before, after)
		}
	})
	e.check("a pool that is protected from deletion is ErrRefused", func(e *env) {
		name := e.pool("kept")
		e.ok(e.SetPoolOption(e.ctx, name, "nodelete", "true"))
		e.want(e.DeletePool(e.ctx, name), ceph.ErrRefused)
		e.ok(e.SetPoolOption(e.ctx, name, "nodelete", "false"))
	})
}
