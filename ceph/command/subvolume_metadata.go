package command

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

func listSubvolumeMetadata(ref ceph.SubvolumeRef) Request {
	return onSubvolume("fs subvolume metadata ls", ref)
}

func setSubvolumeMetadata(ref ceph.SubvolumeRef, key, value string) Request {
	r := onSubvolume("fs subvolume metadata set", ref)
	r.Args["key_name"], r.Args["value"] = key, value
	return r
}

func removeSubvolumeMetadata(ref ceph.SubvolumeRef, key string) Request {
	r := onSubvolume("fs subvolume metadata rm", ref)
	r.Args["key_name"] = key
	return r
}

// SubvolumeMetadata reads all keys of a subvolume's metadata.
func (a *Admin) SubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef) (map[string]string, error) {
	r := listSubvolumeMetadata(ref)
	if err := r.checkSubvolume(ref); err != nil {
		return nil, err
	}
	return ask[map[string]string](ctx, a, r)
}

// SetSubvolumeMetadata sets one key.
func (a *Admin) SetSubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef, key, value string) error {
	r := setSubvolumeMetadata(ref, key, value)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	if trouble := ceph.MetadataTrouble(key, value); trouble != "" {
		return r.invalid(trouble)
	}
	return a.act(ctx, r)
}

// RemoveSubvolumeMetadata removes one key. One that is not there is no error.
func (a *Admin) RemoveSubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef, key string) error {
	r := removeSubvolumeMetadata(ref, key)
	if err := r.checkSubvolume(ref); err != nil {
		return err
	}
	return gone(a.act(ctx, r))
}
