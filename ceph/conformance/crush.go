package conformance

import (
	"context"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

func crushCases(e *env) {
	rack, other := e.name("rack"), e.name("other")
	e.later(func(ctx context.Context) error { return e.RemoveBucket(ctx, rack) })
	e.later(func(ctx context.Context) error { return e.RemoveBucket(ctx, other) })
	e.check("the map has types, devices and rules in order", crushShape)
	e.check("AddBucket makes a bucket; one of that name and type is no error", func(e *env) {
		e.ok(e.AddBucket(e.ctx, rack, "rack"))
		e.ok(e.AddBucket(e.ctx, rack, "rack"))
		if b := e.bucket(rack); b == nil || b.Type != "rack" || b.ID >= 0 {
			e.Errorf("got %+v", b)
		}
	})
	e.check("a bucket of that name and another type is ErrExists", func(e *env) {
		e.want(e.AddBucket(e.ctx, rack, "host"), ceph.ErrExists)
	})
	e.check("a bucket of a type that does not exist is ErrInvalid", func(e *env) {
		e.want(e.AddBucket(e.ctx, e.name("x"), "shelf"), ceph.ErrInvalid)
	})
	e.check("MoveBucket moves it, and again is no error", func(e *env) {
		loc := ceph.Location{{Type: "root", Name: "default"}}
		e.ok(e.MoveBucket(e.ctx, rack, loc))
		e.ok(e.MoveBucket(e.ctx, rack, loc))
		if b := e.bucket("default"); !slices.ContainsFunc(b.Items, func(i ceph.CRUSHItem) bool { return i.ID == e.bucket(rack).ID }) {
			e.Errorf("default has %v, not %s", b.Items, rack)
		}
	})
	e.check("MoveBucket of a bucket that does not exist is ErrNotFound", func(e *env) {
		e.want(e.MoveBucket(e.ctx, e.name("ghost"), ceph.Location{{Type: "root", Name: "default"}}), ceph.ErrNotFound)
	})
	e.check("RemoveBucket of one that holds something is ErrBusy", func(e *env) {
		e.ok(e.AddBucket(e.ctx, other, "host"))
		e.ok(e.MoveBucket(e.ctx, other, ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: rack}}))
		e.want(e.RemoveBucket(e.ctx, rack), ceph.ErrBusy)
	})
	e.check("RemoveBucket removes an empty one, and one that does not exist is no error", func(e *env) {
		e.ok(e.RemoveBucket(e.ctx, other))
		e.ok(e.RemoveBucket(e.ctx, rack))
		e.ok(e.RemoveBucket(e.ctx, rack))
		if b := e.bucket(rack); b != nil {
			e.Errorf("still there: %+v", b)
		}
	})
	e.check("PlaceOSD puts an OSD where it is told, making buckets", placeCase)
	e.check("PlaceOSD of an OSD that does not exist is ErrNotFound", func(e *env) {
		e.want(e.PlaceOSD(e.ctx, 999, 1, ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: e.name("h")}}), ceph.ErrNotFound)
	})
	e.check("SetDeviceClass takes away the class that an OSD has", classCase)
}

func crushShape(e *env) {
	m, err := e.CRUSHMap(e.ctx)
	e.ok(err)
	if len(m.Types) < 12 || m.Types[0] != "osd" || m.Types[1] != "host" || m.Types[len(m.Types)-1] != "root" {
		e.Errorf("types are %v", m.Types)
	}
	if m.Buckets[0].ID != -1 || m.Buckets[0].Name != "default" || m.Buckets[0].Type != "root" {
		e.Errorf("the first bucket is %+v", m.Buckets[0])
	}
	for _, b := range m.Buckets {
		if slices.Contains([]byte(b.Name), '~') {
			e.Errorf("%s is a shadow of a device class", b.Name)
		}
	}
	sorted(e, "devices", m.Devices, func(a, b ceph.CRUSHDevice) bool { return a.ID < b.ID })
	rule := find(m.Rules, func(r ceph.CRUSHRule) bool { return r.Name == "replicated_rule" })
	if rule == nil || rule.Type != ceph.Replicated || rule.Root != "default" {
		e.Errorf("replicated_rule is %+v", rule)
	}
}

// bucket reads a bucket, nil if there is none of the name.
func (e *env) bucket(name string) *ceph.Bucket {
	e.Helper()
	m, err := e.CRUSHMap(e.ctx)
	e.ok(err)
	return find(m.Buckets, func(b ceph.Bucket) bool { return b.Name == name })
}

// spare reserves an OSD id that no daemon uses, and purges it in the end.
func (e *env) spare() int {
	e.Helper()
	id, err := e.NewOSD(e.ctx, ceph.NewOSD{UUID: e.uuid()})
	e.ok(err)
	e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, id) })
	return id
}

func placeCase(e *env) {
	id, host, rack := e.spare(), e.name("host"), e.name("placed")
	e.later(func(ctx context.Context) error { return e.RemoveBucket(ctx, rack) })
	e.later(func(ctx context.Context) error { return e.RemoveBucket(ctx, host) })
	e.later(func(ctx context.Context) error { return e.PurgeOSD(ctx, id) })
	loc := ceph.Location{{Type: "rack", Name: rack}, {Type: "host", Name: host}}
	e.ok(e.PlaceOSD(e.ctx, id, 0.5, loc))
	e.ok(e.PlaceOSD(e.ctx, id, 0.25, loc))
	b := e.bucket(host)
	if b == nil || len(b.Items) != 1 || b.Items[0] != (ceph.CRUSHItem{ID: id, Weight: 0.25}) || b.Weight != 0.25 {
		e.Errorf("the host is %+v", b)
	}
	if r := e.bucket(rack); r == nil || r.Weight != 0.25 {
		e.Errorf("the rack is %+v", r)
	}
	if o := e.osd(id); o.CRUSHWeight != 0.25 {
		e.Errorf("the snapshot says %+v", o)
	}
}

func classCase(e *env) {
	id := e.spare()
	for _, class := range []string{"cf-fast", "cf-slow", "cf-slow"} {
		e.ok(e.SetDeviceClass(e.ctx, class, id))
		m, err := e.CRUSHMap(e.ctx)
		e.ok(err)
		if d := find(m.Devices, func(d ceph.CRUSHDevice) bool { return d.ID == id }); d == nil || d.Class != class {
			e.Errorf("the device is %+v, want class %s", d, class)
		}
	}
	e.want(e.SetDeviceClass(e.ctx, "cf-fast", 999), ceph.ErrNotFound)
}

func ruleCases(e *env) {
	name := e.name("rule")
	e.later(func(ctx context.Context) error { return e.RemoveRule(ctx, name) })
	rule := ceph.ReplicatedRule{Name: name, FailureDomain: "osd"}
	e.check("CreateReplicatedRule makes a rule; one that places alike is no error", func(e *env) {
		e.ok(e.CreateReplicatedRule(e.ctx, rule))
		e.ok(e.CreateReplicatedRule(e.ctx, rule))
		got := e.rule(name)
		if got == nil || got.Type != ceph.Replicated || got.Root != "default" || got.FailureDomain != "osd" || got.DeviceClass != "" {
			e.Errorf("got %+v", got)
		}
	})
	e.check("a rule of that name that places otherwise is ErrExists", func(e *env) {
		e.want(e.CreateReplicatedRule(e.ctx, ceph.ReplicatedRule{Name: name, FailureDomain: "host"}), ceph.ErrExists)
	})
	e.check("a rule of a device class keeps root and class apart", func(e *env) {
		class, byClass, id := e.name("class"), e.name("byclass"), e.spare()
		e.ok(e.SetDeviceClass(e.ctx, class, id))
		e.later(func(ctx context.Context) error { return e.RemoveRule(ctx, byClass) })
		e.ok(e.CreateReplicatedRule(e.ctx, ceph.ReplicatedRule{Name: byClass, Root: "default", FailureDomain: "host", DeviceClass: class}))
		if got := e.rule(byClass); got == nil || got.Root != "default" || got.DeviceClass != class || got.FailureDomain != "host" {
			e.Errorf("got %+v", got)
		}
	})
	e.check("a rule on a root, type or class that does not exist fails", func(e *env) {
		bad := e.name("bad")
		e.want(e.CreateReplicatedRule(e.ctx, ceph.ReplicatedRule{Name: bad, Root: "nowhere", FailureDomain: "host"}), ceph.ErrNotFound)
		e.want(e.CreateReplicatedRule(e.ctx, ceph.ReplicatedRule{Name: bad, FailureDomain: "shelf"}), ceph.ErrInvalid)
		e.want(e.CreateReplicatedRule(e.ctx, ceph.ReplicatedRule{Name: bad, FailureDomain: "host", DeviceClass: "nosuchclass"}), ceph.ErrInvalid)
	})
	e.check("RemoveRule of one that a pool uses is ErrBusy", func(e *env) {
		pool := e.pool("user")
		e.ok(e.SetPoolOption(e.ctx, pool, "crush_rule", name))
		e.want(e.RemoveRule(e.ctx, name), ceph.ErrBusy)
		e.ok(e.DeletePool(e.ctx, pool))
	})
	e.check("RemoveRule removes, and one that does not exist is no error", func(e *env) {
		e.ok(e.RemoveRule(e.ctx, name))
		e.ok(e.RemoveRule(e.ctx, name))
		if got := e.rule(name); got != nil {
			e.Errorf("still there: %+v", got)
		}
	})
}

// rule reads a rule, nil if there is none of the name.
func (e *env) rule(name string) *ceph.CRUSHRule {
	e.Helper()
	m, err := e.CRUSHMap(e.ctx)
	e.ok(err)
	return find(m.Rules, func(r ceph.CRUSHRule) bool { return r.Name == name })
}

func profileCases(e *env) {
	p := ceph.ErasureProfile{Name: e.name("profile"), DataChunks: 2, CodingChunks: 1, Plugin: "jerasure", FailureDomain: "host", Root: "default"}
	e.later(func(ctx context.Context) error { return e.RemoveErasureProfile(ctx, p.Name) })
	e.check("SetErasureProfile makes a profile, again is no error, and it reads back", func(e *env) {
		e.ok(e.SetErasureProfile(e.ctx, p))
		e.ok(e.SetErasureProfile(e.ctx, p))
		got, err := e.ErasureProfile(e.ctx, p.Name)
		e.ok(err)
		e.same("profile", p, got)
	})
	e.check("one of that name that differs is ErrExists", func(e *env) {
		other := p
		other.FailureDomain = "osd"
		e.want(e.SetErasureProfile(e.ctx, other), ceph.ErrExists)
	})
	e.check("a profile that cannot be is ErrInvalid", func(e *env) {
		e.want(e.SetErasureProfile(e.ctx, ceph.ErasureProfile{Name: e.name("bad"), DataChunks: 1, CodingChunks: 1, Plugin: "jerasure"}), ceph.ErrInvalid)
	})
	e.check("CreateErasureRule makes a rule; one of that name is no error", func(e *env) {
		rule := e.name("rule")
		e.later(func(ctx context.Context) error { return e.RemoveRule(ctx, rule) })
		e.ok(e.CreateErasureRule(e.ctx, rule, p.Name))
		e.ok(e.CreateErasureRule(e.ctx, rule, p.Name))
		if got := e.rule(rule); got == nil || got.Type != ceph.Erasure || got.FailureDomain != "host" || got.Root != "default" {
			e.Errorf("got %+v", got)
		}
		e.want(e.CreateErasureRule(e.ctx, e.name("bad"), e.name("ghost")), ceph.ErrNotFound)
	})
	e.check("RemoveErasureProfile of one that a pool uses is ErrBusy", func(e *env) {
		pool := e.name("coded")
		e.later(func(ctx context.Context) error { return e.RemoveRule(ctx, pool) })
		e.later(func(ctx context.Context) error { return e.DeletePool(ctx, pool) })
		e.ok(e.CreatePool(e.ctx, ceph.PoolSpec{Name: pool, Type: ceph.Erasure, ErasureProfile: p.Name, PGs: 4, AutoscaleMode: "off"}))
		e.want(e.RemoveErasureProfile(e.ctx, p.Name), ceph.ErrBusy)
	})
	e.check("RemoveErasureProfile removes, and one that does not exist is no error", func(e *env) {
		e.ok(e.RemoveErasureProfile(e.ctx, p.Name))
		e.ok(e.RemoveErasureProfile(e.ctx, p.Name))
		_, err := e.ErasureProfile(e.ctx, p.Name)
		e.want(err, ceph.ErrNotFound)
	})
}
