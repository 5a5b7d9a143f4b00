package conformance

import (
	"context"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func authCases(e *env) {
	name := "client." + e.name("user")
	e.later(func(ctx context.Context) error { return e.RemoveEntity(ctx, name) })
	caps := ceph.Caps{"mon": "allow r", "osd": "allow rw pool=x"}
	var key ceph.Secret
	e.check("EnsureEntity makes the user and returns its key", func(e *env) {
		got, err := e.EnsureEntity(e.ctx, name, caps)
		e.ok(err)
		e.isUser(got, name, caps)
		key = got.Key
	})
	e.check("one that exists gets the capabilities and keeps its key", func(e *env) {
		more := ceph.Caps{"mon": "allow r", "mgr": "allow r"}
		got, err := e.EnsureEntity(e.ctx, name, more)
		e.ok(err)
		e.isUser(got, name, more)
		if !got.Key.Equal(key) {
			e.Error("the key changed")
		}
	})
	e.check("Entity reads it with its key", func(e *env) {
		got, err := e.Entity(e.ctx, name)
		e.ok(err)
		if got.Name != name || !got.Key.Equal(key) {
			e.Errorf("got %+v", got)
		}
	})
	e.check("SetCaps replaces all capabilities", func(e *env) {
		e.ok(e.SetCaps(e.ctx, name, caps))
		got, err := e.Entity(e.ctx, name)
		e.ok(err)
		e.isUser(got, name, caps)
	})
	e.check("Entities is sorted and shows no key", func(e *env) {
		all, err := e.Entities(e.ctx)
		e.ok(err)
		sorted(e, "users", all, func(a, b ceph.Entity) bool { return a.Name < b.Name })
		if u := find(all, func(u ceph.Entity) bool { return u.Name == name }); u == nil || !u.Key.IsZero() {
			e.Errorf("%s is listed as %+v", name, u)
		}
	})
	e.check("capabilities that do not parse are ErrInvalid", func(e *env) {
		e.want(e.SetCaps(e.ctx, name, ceph.Caps{"mon": "please let me"}), ceph.ErrInvalid)
	})
	e.check("RemoveEntity removes, and is no error for one that does not exist", func(e *env) {
		e.ok(e.RemoveEntity(e.ctx, name))
		e.ok(e.RemoveEntity(e.ctx, name))
		_, err := e.Entity(e.ctx, name)
		e.want(err, ceph.ErrNotFound)
		e.want(e.SetCaps(e.ctx, name, caps), ceph.ErrNotFound)
	})
	e.check("ImportEntity takes the caller's key, and refuses another", importCase)
}

func (e *env) isUser(got ceph.Entity, name string, caps ceph.Caps) {
	e.Helper()
	if got.Name != name || got.Key.IsZero() {
		e.Errorf("got %s, key missing: %t", got.Name, got.Key.IsZero())
	}
	if diff := cmp.Diff(caps, got.Caps); diff != "" {
		e.Errorf("capabilities (-want +got):\n%s", diff)
	}
}

func importCase(e *env) {
	name := "client." + e.name("imported")
	e.later(func(ctx context.Context) error { return e.RemoveEntity(ctx, name) })
	entity := ceph.Entity{Name: name, Key: ceph.NewSecret("AQAAlmRnAAAAABAAOx8V4S4nPTZkGKkE8YNBqQ=="), Caps: ceph.Caps{"mon": "allow r"}}
	e.ok(e.ImportEntity(e.ctx, entity))
	e.ok(e.ImportEntity(e.ctx, entity))
	got, err := e.Entity(e.ctx, name)
	e.ok(err)
	if !got.Key.Equal(entity.Key) {
		e.Error("the key is another")
	}
	entity.Key = ceph.NewSecret("AQBRlmRnAAAAABAA1x8V4S4nPTZkGKkE8YNBqQ==")
	e.want(e.ImportEntity(e.ctx, entity), ceph.ErrExists)
}

func capsCases(e *env) {
	// A user without any capability for OSDs gets no ticket for them: reef's
	// librados waits for one until its deadline. So this one may use another pool.
	reader := e.user("reader", ceph.Caps{"mon": "allow r", "mgr": "allow r", "osd": "allow r pool=" + e.name("another")})
	e.check("a user may do what its capabilities allow", func(e *env) {
		_, err := reader.QuorumStatus(e.ctx)
		e.ok(err)
		_, err = reader.Snapshot(e.ctx)
		e.ok(err)
	})
	e.check("a call that the capabilities do not allow is ErrPermission", func(e *env) {
		e.want(reader.SetOSDFlag(e.ctx, "noout"), ceph.ErrPermission)
		_, err := reader.EnsureEntity(e.ctx, "client."+e.name("other"), ceph.Caps{"mon": "allow r"})
		e.want(err, ceph.ErrPermission)
	})
	e.check("an image in a pool that the capabilities do not name is ErrPermission", func(e *env) {
		pool := e.pool("closed")
		_, err := reader.ListImages(e.ctx, pool)
		e.want(err, ceph.ErrPermission)
	})
}
