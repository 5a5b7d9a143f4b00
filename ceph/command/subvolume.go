package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Subvolumes = (*Admin)(nil)

func listGroups(filesystem string) Request {
	return Request{
		Op: "fs subvolumegroup ls", Target: Mgr(), Subject: filesystem,
		Args: Args{"vol_name": filesystem},
	}
}

func onGroup(op string, ref ceph.GroupRef) Request {
	return Request{
		Op: op, Target: Mgr(), Subject: ref.String(),
		Args: Args{"vol_name": ref.Filesystem, "group_name": ref.Group},
	}
}

func createGroup(ref ceph.GroupRef, dataPool string) Request {
	r := onGroup("fs subvolumegroup create", ref)
	if dataPool != "" {
		r.Args["pool_layout"] = dataPool
	}
	return r
}

func removeGroup(ref ceph.GroupRef) Request { return onGroup("fs subvolumegroup rm", ref) }

// listSubvolumes and those below leave the group out if it is the default one,
// which has no name.
func listSubvolumes(ref ceph.GroupRef) Request {
	r := onGroup("fs subvolume ls", ref)
	if ref.Group == "" {
		delete(r.Args, "group_name")
	}
	return r
}

func onSubvolume(op string, ref ceph.SubvolumeRef) Request {
	r := listSubvolumes(ref.GroupRef)
	r.Op, r.Subject = op, ref.String()
	r.Args["sub_name"] = ref.Name
	return r
}

// createSubvolume sends no mode that is not asked for: on a subvolume that exists
// Ceph would set it.
func createSubvolume(spec ceph.SubvolumeSpec) Request {
	r := onSubvolume("fs subvolume create", spec.SubvolumeRef)
	if spec.Size > 0 {
		r.Args["size"] = spec.Size
	}
	if spec.DataPool != "" {
		r.Args["pool_layout"] = spec.DataPool
	}
	if spec.Mode != "" {
		r.Args["mode"] = spec.Mode
	}
	return r
}

func subvolumeInfo(ref ceph.SubvolumeRef) Request { return onSubvolume("fs subvolume info", ref) }

// resizeSubvolume asks for the check that the new quota holds what is used.
func resizeSubvolume(ref ceph.SubvolumeRef, size int64) Request {
	r := onSubvolume("fs subvolume resize", ref)
	r.Args["no_shrink"] = true
	r.Args["new_size"] = strconv.FormatInt(size, 10)
	if size == 0 {
		r.Args["new_size"] = "inf"
	}
	return r
}

func removeSubvolume(ref ceph.SubvolumeRef) Request { return onSubvolume("fs subvolume rm", ref) }

func retireSubvolume(ref ceph.SubvolumeRef) Request {
	r := removeSubvolume(ref)
	r.Args["retain_snapshots"] = true
	return r
}

// volumeName matches what the CLI allows; a name sent past it with a slash in it
// makes the mgr's handler fail or work on another directory.
var volumeName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func (r Request) checkNames(names ...string) error {
	for _, n := range names {
		if !volumeName.MatchString(n) || n == "." || n == ".." {
			return r.invalid(fmt.Sprintf("%q is no name: letters, digits and _ . - are allowed", n))
		}
	}
	return nil
}

// check allows an empty group, which is the default one.
func (r Request) checkSubvolume(ref ceph.SubvolumeRef, more ...string) error {
	if ref.Group != "" {
		more = append(more, ref.Group)
	}
	return r.checkNames(append(more, ref.Name)...)
}

type namesAnswer []struct {
	Name *string `json:"name"`
}

func (n namesAnswer) sorted() []string {
	var out []string
	for _, one := range n {
		out = append(out, *one.Name)
	}
	slices.Sort(out)
	return out
}

func (a *Admin) names(ctx context.Context, r Request) ([]string, error) {
	answer, err := ask[namesAnswer](ctx, a, r)
	if err != nil {
		return nil, err
	}
	return answer.sorted(), nil
}

// gone turns "does not exist" of a removal into success. A filesystem that is
// not found stays an error: a wrong name must not look like a removal.
func gone(err error) error {
	if refused(err, "does not exist", ceph.ENOENT) {
		return nil
	}
	return err
}

// CreateSubvolumeGroup makes a group. One that exists is no error.
func (a *Admin) CreateSubvolumeGroup(ctx context.Context, ref ceph.GroupRef, dataPool string) error {
	r := createGroup(ref, dataPool)
	if err := r.checkNames(ref.Group); err != nil {
		return err
	}
	return a.act(ctx, r)
}

// RemoveSubvolumeGroup removes an empty group; one that is not empty is ErrBusy,
// one that does not exist is no error.
func (a *Admin) RemoveSubvolumeGroup(ctx context.Context, ref ceph.GroupRef) error {
	r := removeGroup(ref)
	if err := r.checkNames(ref.Group); err != nil {
		return err
	}
	return gone(a.act(ctx, r))
}

// ListSubvolumeGroups lists the groups of a filesystem, sorted.
func (a *Admin) ListSubvolumeGroups(ctx context.Context, filesystem string) ([]string, error) {
	return a.names(ctx, listGroups(filesystem))
}

// CreateSubvolume makes a subvolume. One of that name is no error: it gets the
// size, the data pool and the mode that are asked for, and keeps what is not.
func (a *Admin) CreateSubvolume(ctx context.Context, spec ceph.SubvolumeSpec) error {
	r := createSubvolume(spec)
	if err := r.checkSubvolume(spec.SubvolumeRef); err != nil {
		return err
	}
	if spec.Size < 0 {
		return r.invalid("the size is negative")
	}
	return a.act(ctx, r)
}

// subvolumeAnswer lacks a path and what follows from it when the subvolume is
// removed and only its snapshots are retained.
type subvolumeAnswer struct {
	State    *string     `json:"state"`
	Type     *string     `json:"type"`
	Path     string      `json:"path"`
	Quota    quota       `json:"bytes_quota"`
	Used     int64       `json:"bytes_used"`
	DataPool string      `json:"data_pool"`
	Created  volumeStamp `json:"created_at"`
}

func (s subvolumeAnswer) check() error {
	if s.Path == "" && *s.State != ceph.SubvolumeRetained {
		return fmt.Errorf("no path")
	}
	return nil
}

// quota is a number of bytes, or the word infinite for none.
type quota int64

func (q *quota) UnmarshalJSON(b []byte) error {
	if string(b) == `"infinite"` {
		*q = 0
		return nil
	}
	return json.Unmarshal(b, (*int64)(q))
}

// Subvolume reads a subvolume. One that a clone still fills is ErrAgain. Created
// is right if the mgr's clock is in UTC: it does not say its zone.
func (a *Admin) Subvolume(ctx context.Context, ref ceph.SubvolumeRef) (ceph.Subvolume, error) {
	answer, err := a.subvolume(ctx, ref)
	if err != nil {
		return ceph.Subvolume{}, err
	}
	return ceph.Subvolume{
		SubvolumeRef: ref, Path: answer.Path, Size: int64(answer.Quota), Used: answer.Used,
		DataPool: answer.DataPool, State: *answer.State, Created: time.Time(answer.Created),
	}, nil
}

func (a *Admin) subvolume(ctx context.Context, ref ceph.SubvolumeRef) (subvolumeAnswer, error) {
	r := subvolumeInfo(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return subvolumeAnswer{}, err
	}
	return ask[subvolumeAnswer](ctx, a, r)
}

// ListSubvolumes lists the names in a group, sorted.
func (a *Admin) ListSubvolumes(ctx context.Context, ref ceph.GroupRef) ([]string, error) {
	return a.names(ctx, listSubvolumes(ref))
}

// ResizeSubvolume sets the quota in bytes, 0 for none. Below what is used it is
// ErrInvalid.
func (a *Admin) ResizeSubvolume(ctx context.Context, ref ceph.SubvolumeRef, size int64) error {
	r := resizeSubvolume(ref, size)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	if size < 0 {
		return r.invalid("the size is negative")
	}
	return a.act(ctx, r)
}

// RemoveSubvolume removes a subvolume. With snapshots it is ErrBusy, while a
// clone fills it ErrAgain; one that does not exist is no error. A clone that
// failed or was canceled is removed by force: Ceph wants no less.
func (a *Admin) RemoveSubvolume(ctx context.Context, ref ceph.SubvolumeRef) error {
	r := removeSubvolume(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	err := gone(a.act(ctx, r))
	if errors.Is(err, ceph.ErrAgain) && a.isDeadClone(ctx, ref) {
		r.Args["force"] = true
		err = gone(a.act(ctx, r))
	}
	return rekind(err, ceph.ErrBusy, "only snapshots retained", ceph.ENOENT)
}

// RetireSubvolume removes what is in a subvolume and keeps its snapshots. One
// without snapshots is removed; one that is retired, or does not exist, is no error.
func (a *Admin) RetireSubvolume(ctx context.Context, ref ceph.SubvolumeRef) error {
	r := retireSubvolume(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	err := gone(a.act(ctx, r))
	if refused(err, "only snapshots retained", ceph.ENOENT) {
		return nil
	}
	return err
}

func (a *Admin) isDeadClone(ctx context.Context, ref ceph.SubvolumeRef) bool {
	state, err := a.cloneState(ctx, ref)
	return err == nil && (*state.State == ceph.CloneFailed || *state.State == ceph.CloneCanceled)
}
