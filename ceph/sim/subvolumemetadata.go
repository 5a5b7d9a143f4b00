package sim

import (
	"context"
	"maps"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// SubvolumeMetadata implements ceph.Subvolumes.
func (k *Client) SubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef) (map[string]string, error) {
	return ask(ctx, k, mgrRead("SubvolumeMetadata", "fs subvolume metadata ls"), ref.String(), func(c *Cluster) (map[string]string, error) {
		s, err := c.ready(ref)
		if err != nil {
			return nil, err
		}
		return maps.Clone(s.metadata), nil
	})
}

// SetSubvolumeMetadata implements ceph.Subvolumes.
func (k *Client) SetSubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef, key, value string) error {
	return k.do(ctx, mgrWrite("SetSubvolumeMetadata", "fs subvolume metadata set"), ref.String(), func(c *Cluster) error {
		if trouble := ceph.MetadataTrouble(key, value); trouble != "" {
			return refusal.New(ceph.EINVAL, "%s", trouble)
		}
		s, err := c.ready(ref)
		if err != nil {
			return err
		}
		s.metadata[key] = value
		return nil
	})
}

// RemoveSubvolumeMetadata implements ceph.Subvolumes.
func (k *Client) RemoveSubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef, key string) error {
	return k.do(ctx, mgrWrite("RemoveSubvolumeMetadata", "fs subvolume metadata rm"), ref.String(), func(c *Cluster) error {
		g, err := c.group(ref.GroupRef)
		if err != nil {
			return err
		}
		if _, there := g.subvolumes[ref.Name]; !there {
			return nil
		}
		s, err := c.ready(ref)
		if err != nil {
			return err
		}
		delete(s.metadata, key)
		return nil
	})
}
