package command

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Auth = (*Admin)(nil)

func onEntity(op, entity string, caps ceph.Caps) Request {
	return Request{
		Op: op, Target: Mon(), Subject: entity, Keyed: true,
		Args: Args{"entity": entity, "caps": capsList(caps)},
	}
}

func getOrCreateEntity(entity string, caps ceph.Caps) Request {
	return onEntity("auth get-or-create", entity, caps)
}

func setCaps(entity string, caps ceph.Caps) Request { return onEntity("auth caps", entity, caps) }

func getEntity(entity string) Request {
	return Request{
		Op: "auth get", Target: Mon(), Subject: entity, Keyed: true,
		Args: Args{"entity": entity},
	}
}

func listEntities() Request { return Request{Op: "auth ls", Target: Mon(), Keyed: true} }

func removeEntity(entity string) Request {
	return Request{Op: "auth rm", Target: Mon(), Subject: entity, Args: Args{"entity": entity}}
}

// addEntity adds a user with a given key. "auth import" would do so as well, but
// it overwrites the key of one that exists.
func addEntity(e ceph.Entity) Request {
	r := onEntity("auth add", e.Name, e.Caps)
	r.Input = fmt.Appendf(nil, "[%s]\n\tkey = %s\n", e.Name, e.Key.Reveal())
	return r
}

// capsList writes capabilities as Ceph takes them: service and capability in turn.
func capsList(caps ceph.Caps) []string {
	out := make([]string, 0, 2*len(caps))
	for _, service := range slices.Sorted(maps.Keys(caps)) {
		out = append(out, service, caps[service])
	}
	return out
}

type entityAnswer struct {
	Name *string    `json:"entity"`
	Key  *keyText   `json:"key"`
	Caps *ceph.Caps `json:"caps"`
}

// keyText reads a key straight into a Secret, so that nothing in between holds it.
type keyText struct{ ceph.Secret }

func (k *keyText) UnmarshalText(b []byte) error {
	k.Secret = ceph.NewSecret(string(b))
	return nil
}

func (e entityAnswer) entity() ceph.Entity {
	return ceph.Entity{Name: *e.Name, Key: e.Key.Secret, Caps: *e.Caps}
}

// askEntity asks for one user: Ceph answers with a list of one.
func (a *Admin) askEntity(ctx context.Context, r Request, name string) (ceph.Entity, error) {
	answer, err := ask[[]entityAnswer](ctx, a, r)
	if err != nil {
		return ceph.Entity{}, err
	}
	if len(answer) != 1 || *answer[0].Name != name || answer[0].Key.IsZero() {
		return ceph.Entity{}, r.malformed(nil, "is not the one user that was asked for")
	}
	return answer[0].entity(), nil
}

// EnsureEntity makes the user with these capabilities and returns it with its
// key. One that exists gets the capabilities and keeps its key.
func (a *Admin) EnsureEntity(ctx context.Context, entity string, caps ceph.Caps) (ceph.Entity, error) {
	e, err := a.askEntity(ctx, getOrCreateEntity(entity, caps), entity)
	if refused(err, "exists but cap", ceph.EINVAL) {
		e, err = a.Entity(ctx, entity)
	}
	if err != nil || maps.Equal(e.Caps, caps) {
		return e, err
	}
	if err := a.SetCaps(ctx, entity, caps); err != nil {
		return ceph.Entity{}, err
	}
	e.Caps = maps.Clone(caps)
	return e, nil
}

// Entity reads one user with its key. One that does not exist is ErrNotFound.
func (a *Admin) Entity(ctx context.Context, entity string) (ceph.Entity, error) {
	return a.askEntity(ctx, getEntity(entity), entity)
}

// Entities lists all users, sorted by name, without keys.
func (a *Admin) Entities(ctx context.Context) ([]ceph.Entity, error) {
	type listAnswer struct {
		Entities *[]entityAnswer `json:"auth_dump"`
	}
	answer, err := ask[listAnswer](ctx, a, listEntities())
	if err != nil {
		return nil, err
	}
	var out []ceph.Entity
	for _, e := range *answer.Entities {
		out = append(out, ceph.Entity{Name: *e.Name, Caps: *e.Caps})
	}
	slices.SortFunc(out, func(a, b ceph.Entity) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// ImportEntity makes the user with a key that the caller chose. One that exists
// with this key gets the capabilities; with another key it is ErrExists.
func (a *Admin) ImportEntity(ctx context.Context, e ceph.Entity) error {
	r := addEntity(e)
	if e.Key.IsZero() {
		return r.invalid("no key is given: Ceph would make one")
	}
	if strings.ContainsAny(e.Name+e.Key.Reveal(), "[]\r\n\t ") {
		return r.invalid("the name or the key does not fit into a keyring")
	}
	err := a.act(ctx, r)
	if refused(err, "exists but cap", ceph.EINVAL) { // and the key is the same: that is compared first
		return a.SetCaps(ctx, e.Name, e.Caps)
	}
	return err
}

// SetCaps replaces all capabilities of a user. One that does not exist is
// ErrNotFound.
func (a *Admin) SetCaps(ctx context.Context, entity string, caps ceph.Caps) error {
	return a.act(ctx, setCaps(entity, caps))
}

// RemoveEntity removes a user. One that does not exist is no error.
func (a *Admin) RemoveEntity(ctx context.Context, entity string) error {
	return a.act(ctx, removeEntity(entity))
}
