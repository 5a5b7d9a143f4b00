package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// clone is the copying of a snapshot into a subvolume.
type clone struct {
	from    ceph.SubvolumeSnapshotRef
	bytes   int64
	state   string
	failure string // why it failed
	started time.Time
	finish  *event
}

const (
	clonePending = "pending"
	cloneRunning = "in-progress"
)

// maxClones is how many clones the mgr copies at a time (max_concurrent_clones).
const maxClones = 4

func (cl *clone) underWay() bool {
	return cl != nil && (cl.state == clonePending || cl.state == cloneRunning)
}

// done tells whether what was to be copied is there.
func (cl *clone) done() bool { return cl == nil || cl.state == ceph.CloneComplete }

// CreateSubvolumeSnapshot implements ceph.Subvolumes.
func (k *Client) CreateSubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) error {
	return k.do(ctx, mgrWrite("CreateSubvolumeSnapshot", "fs subvolume snapshot create"), ref.String(), func(c *Cluster) error {
		s, err := c.ready(ref.SubvolumeRef)
		if err != nil {
			return err
		}
		if err := checkFileName(ref.Snapshot); err != nil {
			return err
		}
		if _, ok := s.snaps[ref.Snapshot]; !ok {
			s.snaps[ref.Snapshot] = &fileSnap{used: s.used, size: s.size, created: c.clock.now}
		}
		return nil
	})
}

// SubvolumeSnapshot implements ceph.Subvolumes.
func (k *Client) SubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) (ceph.SubvolumeSnapshot, error) {
	return ask(ctx, k, mgrRead("SubvolumeSnapshot", "fs subvolume snapshot info"), ref.String(), func(c *Cluster) (ceph.SubvolumeSnapshot, error) {
		s, err := c.filled(ref.SubvolumeRef)
		if err != nil {
			return ceph.SubvolumeSnapshot{}, err
		}
		snap, ok := s.snaps[ref.Snapshot]
		if !ok {
			return ceph.SubvolumeSnapshot{}, refusal.New(ceph.ENOENT, "snapshot '%s' does not exist", ref.Snapshot)
		}
		return ceph.SubvolumeSnapshot{SubvolumeSnapshotRef: ref, Size: snap.used, Created: snap.created, Cloning: snap.clones > 0}, nil
	})
}

// ListSubvolumeSnapshots implements ceph.Subvolumes.
func (k *Client) ListSubvolumeSnapshots(ctx context.Context, ref ceph.SubvolumeRef) ([]string, error) {
	return ask(ctx, k, mgrRead("ListSubvolumeSnapshots", "fs subvolume snapshot ls"), ref.String(), func(c *Cluster) ([]string, error) {
		s, err := c.filled(ref)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(s.snaps)), nil
	})
}

// RemoveSubvolumeSnapshot implements ceph.Subvolumes.
func (k *Client) RemoveSubvolumeSnapshot(ctx context.Context, ref ceph.SubvolumeSnapshotRef) error {
	return k.do(ctx, mgrWrite("RemoveSubvolumeSnapshot", "fs subvolume snapshot rm"), ref.String(), func(c *Cluster) error {
		g, err := c.group(ref.GroupRef)
		if err != nil {
			return err
		}
		s, ok := g.subvolumes[ref.Name]
		if !ok {
			return nil
		}
		snap, ok := s.snaps[ref.Snapshot]
		if ok && snap.clones > 0 {
			return refusal.New(ceph.EAGAIN, "snapshot '%s' has pending clones", ref.Snapshot)
		}
		delete(s.snaps, ref.Snapshot)
		if s.retained && len(s.snaps) == 0 {
			delete(g.subvolumes, ref.Name) // as Ceph does with the last
		}
		return nil
	})
}

// CloneSubvolume implements ceph.Subvolumes.
func (k *Client) CloneSubvolume(ctx context.Context, from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	return k.do(ctx, mgrWrite("CloneSubvolume", "fs subvolume snapshot clone"), to.SubvolumeRef.String(), func(c *Cluster) error {
		source, err := c.filled(from.SubvolumeRef)
		if err != nil {
			return err
		}
		snap, ok := source.snaps[from.Snapshot]
		if !ok {
			return refusal.New(ceph.ENOENT, "snapshot '%s' does not exist", from.Snapshot)
		}
		if from.Filesystem != to.Filesystem {
			return refusal.New(ceph.EINVAL, "the clone has to be in the filesystem of its source")
		}
		g, err := c.group(to.GroupRef)
		if err != nil {
			return err
		}
		if old, ok := g.subvolumes[to.Name]; ok {
			return old.cloneAgain(from)
		}
		return c.startClone(g, snap, from, to)
	})
}

// cloneAgain answers a repeated request for a clone.
func (s *subvolume) cloneAgain(from ceph.SubvolumeSnapshotRef) error {
	if s.clone != nil && s.clone.from == from {
		return nil
	}
	return refusal.New(ceph.EEXIST, "subvolume '%s' exists", s.ref.Name)
}

func (c *Cluster) startClone(g *group, snap *fileSnap, from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	if to.Size == 0 {
		to.Size = snap.size
	}
	s, err := c.createSubvolume(g, to)
	if err != nil {
		return err
	}
	snap.clones++
	s.clone = &clone{from: from, bytes: snap.used, state: clonePending}
	c.pumpClones(c.files.byName[from.Filesystem])
	return nil
}

// pumpClones lets as many clones run as may.
func (c *Cluster) pumpClones(fs *filesystem) {
	for _, name := range slices.Sorted(maps.Keys(fs.groups)) {
		g := fs.groups[name]
		for _, sub := range slices.Sorted(maps.Keys(g.subvolumes)) {
			if s := g.subvolumes[sub]; s.clone != nil && s.clone.state == clonePending && fs.cloning < maxClones {
				c.runClone(fs, s)
			}
		}
	}
}

func (c *Cluster) runClone(fs *filesystem, s *subvolume) {
	fs.cloning++
	s.clone.state, s.clone.started = cloneRunning, c.clock.now
	s.clone.finish = c.after(c.cloneTime(s.clone.bytes), func() { c.endClone(fs, s) })
}

// cloneTime is how long a clone takes: the mgr needs a second to see it.
func (c *Cluster) cloneTime(bytes int64) time.Duration {
	return time.Second + time.Duration(float64(bytes)/float64(c.opts.CloneRate)*float64(time.Second))
}

func (c *Cluster) endClone(fs *filesystem, s *subvolume) {
	s.used = s.clone.bytes
	c.setBlob(s.pool, s.blob(), s.used)
	c.leaveClone(fs, s, ceph.CloneComplete)
}

// leaveClone ends a clone under way in a state, and lets its snapshot go.
func (c *Cluster) leaveClone(fs *filesystem, s *subvolume, state string) {
	if s.clone.state == cloneRunning {
		fs.cloning--
		s.clone.finish.cancel()
	}
	s.clone.state = state
	if snap := fs.snapshot(s.clone.from); snap != nil {
		snap.clones--
	}
	c.pumpClones(fs)
}

// CancelClone implements ceph.Subvolumes.
func (k *Client) CancelClone(ctx context.Context, ref ceph.SubvolumeRef) error {
	return k.do(ctx, mgrWrite("CancelClone", "fs clone cancel"), ref.String(), func(c *Cluster) error {
		s, err := c.cloned(ref, "clone_cancel")
		if err == nil && s.clone.underWay() {
			c.leaveClone(c.files.byName[ref.Filesystem], s, ceph.CloneCanceled)
		}
		return err
	})
}

// FailClone makes a clone under way fail, with these words.
func (c *Cluster) FailClone(ref ceph.SubvolumeRef, why string) error {
	defer c.enter()()
	s, err := c.cloned(ref, "clone_fail")
	if err == nil && s.clone.underWay() {
		s.clone.failure = why
		c.leaveClone(c.files.byName[ref.Filesystem], s, ceph.CloneFailed)
	}
	return err
}

// cloned finds a subvolume that was made as a clone.
func (c *Cluster) cloned(ref ceph.SubvolumeRef, op string) (*subvolume, error) {
	s, err := c.subvolume(ref)
	if err == nil && s.retained {
		return c.ready(ref) // says so
	}
	if err == nil && s.clone == nil {
		return nil, refusal.New(ceph.EOPNOTSUPP, "operation '%s' is not allowed on subvolume '%s' of type 'subvolume'", op, ref.Name).WithKind(ceph.ErrInvalid)
	}
	return s, err
}

// snapshot finds a snapshot, also while no MDS serves.
func (fs *filesystem) snapshot(ref ceph.SubvolumeSnapshotRef) *fileSnap {
	name := ref.Group
	orDefault(&name, noGroup)
	if g, ok := fs.groups[name]; ok && g.subvolumes[ref.Name] != nil {
		return g.subvolumes[ref.Name].snaps[ref.Snapshot]
	}
	return nil
}

// CloneStatus implements ceph.Subvolumes.
func (k *Client) CloneStatus(ctx context.Context, ref ceph.SubvolumeRef) (ceph.CloneStatus, error) {
	return ask(ctx, k, mgrRead("CloneStatus", "fs clone status"), ref.String(), func(c *Cluster) (ceph.CloneStatus, error) {
		s, err := c.cloned(ref, "clone_status")
		if err != nil {
			return ceph.CloneStatus{}, err
		}
		status := ceph.CloneStatus{State: s.clone.state, Percent: c.percent(s.clone), Error: s.clone.failure}
		if !s.clone.done() {
			status.Source = s.clone.from
		}
		return status, nil
	})
}

// percent is how far a clone is. Ceph before 20 does not say.
func (c *Cluster) percent(cl *clone) int {
	switch {
	case cl.state == ceph.CloneComplete:
		return 100
	case cl.state != cloneRunning || c.release.number < 20:
		return -1
	}
	total := c.cloneTime(cl.bytes)
	return int(100 * float64(c.clock.now.Sub(cl.started)) / float64(total))
}
