package sim

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// allCaps is what client.admin may do.
var allCaps = ceph.Caps{"mon": "allow *", "mgr": "allow *", "osd": "allow *", "mds": "allow *"}

func (c *Cluster) seedUsers() {
	for _, e := range c.opts.Keyring {
		c.addUser(e)
	}
	if _, ok := c.users["client.admin"]; !ok {
		c.addUser(ceph.Entity{Name: "client.admin", Caps: allCaps})
	}
}

// addUser makes a user, with a new key if it brings none.
func (c *Cluster) addUser(e ceph.Entity) *ceph.Entity {
	if e.Key.IsZero() {
		e.Key = c.chance.key("key "+e.Name, c.clock.now.Unix())
	}
	e.Caps = maps.Clone(e.Caps)
	c.users[e.Name] = &e
	return &e
}

// EnsureEntity implements ceph.Auth.
func (k *Client) EnsureEntity(ctx context.Context, entity string, caps ceph.Caps) (ceph.Entity, error) {
	return ask(ctx, k, authWrite("EnsureEntity", "auth get-or-create"), entity, func(c *Cluster) (ceph.Entity, error) {
		if err := checkUser(entity, caps); err != nil {
			return ceph.Entity{}, err
		}
		user, ok := c.users[entity]
		if !ok {
			user = c.addUser(ceph.Entity{Name: entity})
		}
		user.Caps = maps.Clone(caps)
		return copyEntity(user), nil
	})
}

// Entity implements ceph.Auth.
func (k *Client) Entity(ctx context.Context, entity string) (ceph.Entity, error) {
	return ask(ctx, k, authRead("Entity", "auth get"), entity, func(c *Cluster) (ceph.Entity, error) {
		user, err := c.user(entity)
		if err != nil {
			return ceph.Entity{}, err
		}
		return copyEntity(user), nil
	})
}

// Entities implements ceph.Auth.
func (k *Client) Entities(ctx context.Context) ([]ceph.Entity, error) {
	return ask(ctx, k, authRead("Entities", "auth ls"), "", func(c *Cluster) ([]ceph.Entity, error) {
		all := make([]ceph.Entity, 0, len(c.users))
		for _, name := range slices.Sorted(maps.Keys(c.users)) {
			all = append(all, ceph.Entity{Name: name, Caps: maps.Clone(c.users[name].Caps)})
		}
		return all, nil
	})
}

// ImportEntity implements ceph.Auth.
func (k *Client) ImportEntity(ctx context.Context, e ceph.Entity) error {
	return k.do(ctx, authWrite("ImportEntity", "auth import"), e.Name, func(c *Cluster) error {
		if err := checkUser(e.Name, e.Caps); err != nil {
			return err
		}
		if e.Key.IsZero() {
			return refusal.New(ceph.EINVAL, "the entity has no key")
		}
		if old, ok := c.users[e.Name]; ok && !old.Key.Equal(e.Key) {
			return refusal.New(ceph.EEXIST, "entity %s exists but key does not match", e.Name)
		}
		c.addUser(e)
		return nil
	})
}

// SetCaps implements ceph.Auth.
func (k *Client) SetCaps(ctx context.Context, entity string, caps ceph.Caps) error {
	return k.do(ctx, authWrite("SetCaps", "auth caps"), entity, func(c *Cluster) error {
		user, err := c.user(entity)
		if err != nil {
			return err
		}
		if err := checkUser(entity, caps); err != nil {
			return err
		}
		user.Caps = maps.Clone(caps)
		return nil
	})
}

// RemoveEntity implements ceph.Auth.
func (k *Client) RemoveEntity(ctx context.Context, entity string) error {
	return k.do(ctx, authWrite("RemoveEntity", "auth rm"), entity, func(c *Cluster) error {
		delete(c.users, entity)
		return nil
	})
}

// The mon asks more of those who read or write users than of other readers and writers.
func authRead(method, op string) call {
	return call{method: method, op: op, via: viaMon, need: read | execute}
}

func authWrite(method, op string) call {
	return call{method: method, op: op, via: viaMon, need: everything}
}

func (c *Cluster) user(entity string) (*ceph.Entity, error) {
	user, ok := c.users[entity]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "failed to find %s in keyring", entity)
	}
	return user, nil
}

func copyEntity(e *ceph.Entity) ceph.Entity {
	return ceph.Entity{Name: e.Name, Key: e.Key, Caps: maps.Clone(e.Caps)}
}

var entityTypes = []string{"client", "osd", "mon", "mgr", "mds", "auth"}

func checkUser(name string, caps ceph.Caps) error {
	kind, id := cutEntity(name)
	if !slices.Contains(entityTypes, kind) || id == "" {
		return refusal.New(ceph.EINVAL, "bad entity name")
	}
	for service, text := range caps {
		if !slices.Contains([]string{"mon", "mgr", "osd", "mds"}, service) {
			return refusal.New(ceph.EINVAL, "unknown cap type '%s'", service)
		}
		if !validCaps(service, text) {
			return refusal.New(ceph.EINVAL, "%s capability parse failed, stopped at '%s' of '%s'", service, text, text)
		}
	}
	return nil
}

// cutEntity splits client.node-1 into client and node-1.
func cutEntity(name string) (kind, id string) {
	kind, id, _ = strings.Cut(name, ".")
	return kind, id
}
