package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.OSDs = (*Admin)(nil)

func osdName(id int) string { return "osd." + strconv.Itoa(id) }

// osdNames returns osd.1,3,4: what a command on several OSDs acts on.
func osdNames(ids []int) string { return "osd." + strings.Join(decimal(ids), ",") }

func decimal(ids []int) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strconv.Itoa(id)
	}
	return out
}

// newOSD sends the key as input: arguments end up in the mons' audit log.
func newOSD(req ceph.NewOSD) (Request, error) {
	r := Request{
		Op: "osd new", Target: Mon(), Subject: "uuid " + req.UUID, Keyed: true,
		Args: Args{"uuid": req.UUID},
	}
	if req.ID != nil {
		r.Args["id"] = *req.ID
	}
	if req.Secret.IsZero() {
		return r, nil
	}
	input, err := json.Marshal(map[string]string{"cephx_secret": req.Secret.Reveal()})
	if err != nil {
		return r, r.invalid("the key cannot be encoded")
	}
	r.Input = input
	return r, nil
}

// onOSDs is a command on a list of OSDs. Ceph takes the ids as text.
func onOSDs(op string, ids []int) Request {
	return Request{Op: op, Target: Mon(), Subject: osdNames(ids), Args: Args{"ids": decimal(ids)}}
}

// removeOSD is "osd purge-actual" or "osd destroy-actual". The CLI's "osd purge"
// is a mgr command that asks whether that is safe and then sends this one to the
// mons; sent directly it works without a mgr.
func removeOSD(op string, id int) Request {
	return Request{
		Op: op, Target: Mon(), Subject: osdName(id),
		Args: Args{"id": id, "yes_i_really_mean_it": true},
	}
}

func requireOSDRelease(release string) Request {
	return Request{Op: "osd require-osd-release", Target: Mon(), Subject: release, Args: Args{"release": release}}
}

func findOSD(id int) Request {
	return Request{Op: "osd find", Target: Mon(), Subject: osdName(id), Args: Args{"id": id}}
}

// NewOSD reserves an id for a uuid and stores its key. Repeating it with the
// same uuid and key returns the same id; a uuid or an id that belongs to another
// OSD, or to one with another key or with none, is ErrExists.
func (a *Admin) NewOSD(ctx context.Context, req ceph.NewOSD) (int, error) {
	r, err := newOSD(req)
	if err != nil {
		return 0, err
	}
	type newAnswer struct {
		ID *int `json:"osdid"`
	}
	answer, err := ask[newAnswer](ctx, a, r)
	if err != nil {
		return 0, rekind(err, ceph.ErrExists, "already in use", ceph.EINVAL)
	}
	if *answer.ID < 0 {
		return 0, r.malformed(nil, "has a negative id")
	}
	return *answer.ID, nil
}

// OSDOut marks OSDs out, so that their data moves away. One that does not exist
// is ErrNotFound; the others are marked all the same.
func (a *Admin) OSDOut(ctx context.Context, ids ...int) error {
	return a.onOSDs(ctx, onOSDs("osd out", ids), ids)
}

// OSDIn marks OSDs in. One that does not exist is ErrNotFound; the others are
// marked all the same.
func (a *Admin) OSDIn(ctx context.Context, ids ...int) error {
	return a.onOSDs(ctx, onOSDs("osd in", ids), ids)
}

// OSDDown marks OSDs down. One that runs comes back by itself; one that does not
// exist is ErrNotFound, and the others are marked all the same.
func (a *Admin) OSDDown(ctx context.Context, ids ...int) error {
	return a.onOSDs(ctx, onOSDs("osd down", ids), ids)
}

func (a *Admin) onOSDs(ctx context.Context, r Request, ids []int) error {
	if err := r.checkIDs(ids); err != nil {
		return err
	}
	return a.mustExist(ctx, r)
}

func (r Request) checkIDs(ids []int) error {
	if len(ids) == 0 {
		return r.invalid("no OSD is named")
	}
	for _, id := range ids {
		if id < 0 {
			return r.invalid(fmt.Sprintf("%d is no OSD id", id))
		}
	}
	return nil
}

// mustExist does a command that reports what does not exist in words only: it
// succeeds for the rest.
func (a *Admin) mustExist(ctx context.Context, r Request) error {
	said, err := a.do(ctx, r)
	if err == nil && strings.Contains(said, "does not exist") {
		return r.fail(ceph.ErrNotFound, said)
	}
	return err
}

// PurgeOSD removes the OSD's id, its key and its CRUSH entry for good. An OSD
// that is up is ErrBusy; one that does not exist is no error.
func (a *Admin) PurgeOSD(ctx context.Context, id int) error {
	r := removeOSD("osd purge-actual", id)
	if err := r.checkIDs([]int{id}); err != nil {
		return err
	}
	return a.act(ctx, r)
}

// DestroyOSD removes the OSD's key and marks the id as free to be reused by
// NewOSD. An OSD that is up is ErrBusy, one that does not exist ErrNotFound, one
// that is destroyed no error.
func (a *Admin) DestroyOSD(ctx context.Context, id int) error {
	r := removeOSD("osd destroy-actual", id)
	if err := r.checkIDs([]int{id}); err != nil {
		return err
	}
	return a.mustExist(ctx, r)
}

// RequireOSDRelease finishes an upgrade: older OSDs may not start any more.
// Going back is ErrRefused, a release that the mons do not know ErrInvalid.
func (a *Admin) RequireOSDRelease(ctx context.Context, release string) error {
	return a.act(ctx, requireOSDRelease(release))
}
