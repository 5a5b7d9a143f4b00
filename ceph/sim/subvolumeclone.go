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
	started time.Time
	finish  *event
}

const (
	clonePending  = "pending"
	cloneRunning  = "in-progress"
	cloneComplete = "complete"
)

// maxClones is how many clones the mgr copies at a time (max_concurrent_clones).
const maxClones = 4

func (cl *clone) underWay() bool { return cl != nil && cl.state != cloneComplete }

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
			s.snaps[ref.Snapshot] = &fileSnap{used: s.used}
		}
		return nil
	})
}

// ListSubvolumeSnapshots implements ceph.Subvolumes.
func (k *Client) ListSubvolumeSnapshots(ctx context.Context, ref ceph.SubvolumeRef) ([]string, error) {
	return ask(ctx, k, mgrRead("ListSubvolumeSnapshots", "fs subvolume snapshot ls"), ref.String(), func(c *Cluster) ([]string, error) {
		s, err := c.ready(ref)
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
		return nil
	})
}

// CloneSubvolume implements ceph.Subvolumes.
func (k *Client) CloneSubvolume(ctx context.Context, from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	return k.do(ctx, mgrWrite("CloneSubvolume", "fs subvolume snapshot clone"), to.SubvolumeRef.String(), func(c *Cluster) error {
		source, err := c.ready(from.SubvolumeRef)
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
		return c.startClone(g, source, snap, from, to)
	})
}

// cloneAgain answers a repeated request for a clone.
func (s *subvolume) cloneAgain(from ceph.SubvolumeSnapshotRef) error {
	if s.clone != nil && s.clone.from == from {
		return nil
	}
	return refusal.New(ceph.EEXIST, "subvolume '%s' exists", s.ref.Name)
}

func (c *Cluster) startClone(g *group, source *subvolume, snap *fileSnap, from ceph.SubvolumeSnapshotRef, to ceph.SubvolumeSpec) error {
	if to.Size == 0 {
		to.Size = source.size
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
	fs.cloning--
	s.clone.state = cloneComplete
	s.used = s.clone.bytes
	c.setBlob(s.pool, s.blob(), s.used)
	if snap := fs.snapshot(s.clone.from); snap != nil {
		snap.clones--
	}
	c.pumpClones(fs)
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
		s, err := c.subvolume(ref)
		if err != nil {
			return ceph.CloneStatus{}, err
		}
		if s.clone == nil {
			return ceph.CloneStatus{}, refusal.New(ceph.EOPNOTSUPP, "operation 'clone_status' is not allowed on subvolume '%s' of type 'subvolume'", ref.Name).WithKind(ceph.ErrInvalid)
		}
		return ceph.CloneStatus{State: s.clone.state, Percent: c.percent(s.clone)}, nil
	})
}

// percent is how far a clone is. Ceph before 20 does not say.
func (c *Cluster) percent(cl *clone) int {
	switch {
	case cl.state == cloneComplete:
		return 100
	case cl.state == clonePending || c.release.number < 20:
		return -1
	}
	total := c.cloneTime(cl.bytes)
	return int(100 * float64(c.clock.now.Sub(cl.started)) / float64(total))
}
