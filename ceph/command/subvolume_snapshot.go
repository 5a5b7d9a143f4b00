package command

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func onSubvolumeSnapshot(op string, ref ceph.SubvolumeSnapshotRef) Request {
	r := onSubvolume(op, ref.SubvolumeRef)
	r.Subject = ref.String()
	r.Args["snap_name"] = ref.Snapshot
	return r
}

func createSubvolumeSnapshot(ref ceph.SubvolumeSnapshotRef) Request {
	return onSubvolumeSnapshot("fs subvolume snapshot create", ref)
}

func removeSubvolumeSnapshot(ref ceph.SubvolumeSnapshotRef) Request {
	return onSubvolumeSnapshot("fs subvolume snapshot rm", ref)
}

func listSubvolumeSnapshots(ref ceph.SubvolumeRef) Request {
	return onSubvolume("fs subvolume snapshot ls", ref)
}

func cloneSubvolume(from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) Request {
	r := onSubvolumeSnapshot("fs subvolume snapshot clone", from)
	r.Args["target_sub_name"] = to.Name
	if to.Group != "" {
		r.Args["target_group_name"] = to.Group
	}
	if to.DataPool != "" {
		r.Args["pool_layout"] = to.DataPool
	}
	return r
}

func onClone(op string, ref ceph.SubvolumeRef) Request {
	r := listSubvolumes(ref.GroupRef)
	r.Op, r.Subject = op, ref.String()
	r.Args["clone_name"] = ref.Name
	return r
}

func cloneStatus(ref ceph.SubvolumeRef) Request { return onClone("fs clone status", ref) }

func cancelClone(ref ceph.SubvolumeRef) Request { return onClone("fs clone cancel", ref) }

func subvolumeSnapshotInfo(ref ceph.SubvolumeSnapshotRef) Request {
	return onSubvolumeSnapshot("fs subvolume snapshot info", ref)
}

// CreateSubvolumeSnapshot snapshots a subvolume. One of that name is no error.
func (a *Admin) CreateSubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) error {
	r := createSubvolumeSnapshot(ref)
	if err := r.checkSubvolume(ref.SubvolumeRef, ref.Snapshot); err != nil {
		return err
	}
	return a.act(ctx, r)
}

type subvolumeSnapshotAnswer struct {
	Created *volumeStamp `json:"created_at"`
	Cloning *string      `json:"has_pending_clones"`
	Size    int64        `json:"size"`
}

// SubvolumeSnapshot reads a snapshot, also one of a subvolume that is retired.
// Created is right if the mgr's clock is in UTC: it does not say its zone.
func (a *Admin) SubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) (ceph.SubvolumeSnapshot, error) {
	r := subvolumeSnapshotInfo(ref)
	if err := r.checkSubvolume(ref.SubvolumeRef, ref.Snapshot); err != nil {
		return ceph.SubvolumeSnapshot{}, err
	}
	answer, err := ask[subvolumeSnapshotAnswer](ctx, a, r)
	if err != nil {
		return ceph.SubvolumeSnapshot{}, err
	}
	return ceph.SubvolumeSnapshot{
		SubvolumeSnapshotRef: ref, Size: answer.Size, Created: time.Time(*answer.Created), Cloning: *answer.Cloning == "yes",
	}, nil
}

// ListSubvolumeSnapshots lists the names, sorted.
func (a *Admin) ListSubvolumeSnapshots(ctx context.Context, ref ceph.SubvolumeRef) ([]string, error) {
	r := listSubvolumeSnapshots(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return nil, err
	}
	return a.names(ctx, r)
}

// RemoveSubvolumeSnapshot removes a snapshot. With clones under way it is
// ErrAgain; one that does not exist is no error.
func (a *Admin) RemoveSubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) error {
	r := removeSubvolumeSnapshot(ref)
	if err := r.checkSubvolume(ref.SubvolumeRef, ref.Snapshot); err != nil {
		return err
	}
	return gone(a.act(ctx, r))
}

// CloneSubvolume starts a full copy of a snapshot into a new subvolume of the
// same filesystem. One that was started before is no error; a subvolume of that
// name that is no clone, or one of another snapshot, is ErrExists. A clone that
// is complete no longer says what it was made from. Size and mode come from the
// source: asking for them is ErrInvalid, and ResizeSubvolume the way.
func (a *Admin) CloneSubvolume(ctx context.Context, from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	r := cloneSubvolume(from, to)
	if err := r.checkClone(from, to); err != nil {
		return err
	}
	err := a.act(ctx, r)
	if !errors.Is(err, ceph.ErrExists) {
		return err
	}
	same, statusErr := a.isCloneOf(ctx, to.SubvolumeRef, from)
	if statusErr != nil {
		return statusErr
	}
	if same {
		return nil
	}
	return err
}

func (r Request) checkClone(from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	if from.Filesystem != to.Filesystem {
		return r.invalid("a clone stays in the filesystem of its snapshot, " + from.Filesystem)
	}
	if to.Size != 0 || to.Mode != "" {
		return r.invalid("a clone takes size and mode from its source: resize it when it is complete")
	}
	if err := r.checkSubvolume(to.SubvolumeRef); err != nil {
		return err
	}
	return r.checkSubvolume(from.SubvolumeRef, from.Snapshot)
}

func (a *Admin) isCloneOf(ctx context.Context, clone ceph.SubvolumeRef, from ceph.SubvolumeSnapshotRef) (bool, error) {
	state, err := a.cloneState(ctx, clone)
	if errors.Is(err, ceph.ErrInvalid) {
		return false, nil // a subvolume that is no clone
	}
	if err != nil {
		return false, err
	}
	known := state.Source != cloneSource{}
	return !known || state.Source == cloneSource{Group: from.Group, Subvolume: from.Name, Snapshot: from.Snapshot}, nil
}

type cloneAnswer struct {
	Status *cloneState `json:"status"`
}

// cloneState has a source until the clone is complete, and a failure if it
// failed. Only 20 reports progress.
type cloneState struct {
	State   *string     `json:"state"`
	Source  cloneSource `json:"source"`
	Failure struct {
		Message string `json:"error_msg"`
	} `json:"failure"`
	Progress struct {
		Percent percent `json:"percentage cloned"`
	} `json:"progress_report"`
}

// cloneSource has no group if that is the default one.
type cloneSource struct {
	Group     string `json:"group"`
	Subvolume string `json:"subvolume"`
	Snapshot  string `json:"snapshot"`
}

func (s cloneState) status(filesystem string) ceph.CloneStatus {
	out := ceph.CloneStatus{State: *s.State, Percent: -1, Error: s.Failure.Message}
	if s.Source.Subvolume != "" {
		group := ceph.GroupRef{Filesystem: filesystem, Group: s.Source.Group}
		out.Source = ceph.SubvolumeSnapshotRef{SubvolumeRef: ceph.SubvolumeRef{GroupRef: group, Name: s.Source.Subvolume}, Snapshot: s.Source.Snapshot}
	}
	switch {
	case *s.State == ceph.CloneComplete:
		out.Percent = 100
	case s.Progress.Percent.said:
		out.Percent = s.Progress.Percent.done
	}
	return out
}

// percent reads "33.3%".
type percent struct {
	done int
	said bool
}

func (p *percent) UnmarshalText(b []byte) error {
	f, err := strconv.ParseFloat(strings.TrimSuffix(string(b), "%"), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return fmt.Errorf("no percentage: %q", b)
	}
	*p = percent{done: int(f), said: true}
	return nil
}

// CloneStatus tells how far a clone is. A subvolume that is none is ErrInvalid,
// one that does not exist ErrNotFound.
func (a *Admin) CloneStatus(ctx context.Context, ref ceph.SubvolumeRef) (ceph.CloneStatus, error) {
	state, err := a.cloneState(ctx, ref)
	if err != nil {
		return ceph.CloneStatus{}, err
	}
	return state.status(ref.Filesystem), nil
}

// CancelClone ends a clone under way. One that has ended, in whatever way, is no
// error; one that Ceph cannot cancel at this moment is ErrAgain.
func (a *Admin) CancelClone(ctx context.Context, ref ceph.SubvolumeRef) error {
	r := cancelClone(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	err := a.act(ctx, r)
	if refused(err, "clone finished", ceph.EINVAL) {
		return nil
	}
	err = rekind(err, ceph.ErrAgain, "error canceling clone", ceph.EINVAL)
	return rekind(err, ceph.ErrInvalid, "is not allowed on subvolume", ceph.EOPNOTSUPP)
}

func (a *Admin) cloneState(ctx context.Context, ref ceph.SubvolumeRef) (cloneState, error) {
	r := cloneStatus(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return cloneState{}, err
	}
	answer, err := ask[cloneAnswer](ctx, a, r)
	if err != nil {
		return cloneState{}, rekind(err, ceph.ErrInvalid, "is not allowed on subvolume", ceph.EOPNOTSUPP)
	}
	return *answer.Status, nil
}
