package sim

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// RemoveSubvolume implements ceph.Subvolumes.
func (k *Client) RemoveSubvolume(ctx context.Context, ref ceph.SubvolumeRef) error {
	return k.removeSubvolume(ctx, "RemoveSubvolume", ref, func(*Cluster, *subvolume) error {
		return refusal.New(ceph.ENOTEMPTY, "subvolume '%s' has snapshots", ref.Name)
	})
}

// RetireSubvolume implements ceph.Subvolumes.
func (k *Client) RetireSubvolume(ctx context.Context, ref ceph.SubvolumeRef) error {
	return k.removeSubvolume(ctx, "RetireSubvolume", ref, func(c *Cluster, s *subvolume) error {
		s.retained, s.used, s.metadata = true, 0, map[string]string{}
		c.setBlob(s.pool, s.blob(), 0)
		return nil
	})
}

// removeSubvolume removes a subvolume, or does what is to be done to one that has snapshots.
func (k *Client) removeSubvolume(ctx context.Context, method string, ref ceph.SubvolumeRef, snapped func(*Cluster, *subvolume) error) error {
	return k.do(ctx, mgrWrite(method, "fs subvolume rm"), ref.String(), func(c *Cluster) error {
		g, err := c.group(ref.GroupRef)
		if err != nil {
			return err
		}
		s, ok := g.subvolumes[ref.Name]
		switch {
		case !ok:
			return nil
		case s.clone.underWay():
			return refusal.New(ceph.EAGAIN, "clone in-progress -- please cancel the clone and retry")
		case len(s.snaps) > 0:
			return snapped(c, s)
		}
		c.setBlob(s.pool, s.blob(), 0)
		delete(g.subvolumes, ref.Name)
		return nil
	})
}
