package sim

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// NewOSD implements ceph.OSDs.
func (k *Client) NewOSD(ctx context.Context, req ceph.NewOSD) (int, error) {
	return ask(ctx, k, monWrite("NewOSD", "osd new"), req.UUID, func(c *Cluster) (int, error) {
		return c.newOSD(req)
	})
}

func (c *Cluster) newOSD(req ceph.NewOSD) (int, error) {
	if !isUUID(req.UUID) {
		return 0, refusal.New(ceph.EINVAL, "invalid uuid '%s'", req.UUID)
	}
	if o := c.osdOfUUID(req.UUID); o != nil {
		return c.sameOSD(o, req)
	}
	id := c.freeOSDID()
	if req.ID != nil {
		id = *req.ID
		if err := c.reusable(id); err != nil {
			return 0, err
		}
	}
	if err := c.reserveUser(id, req.Secret); err != nil {
		return 0, err
	}
	if old := c.osd(id); old != nil {
		c.forget(old)
	}
	c.addOSD(id, req.UUID)
	return id, nil
}

// sameOSD answers a repeated request.
func (c *Cluster) sameOSD(o *osd, req ceph.NewOSD) (int, error) {
	if req.ID != nil && *req.ID != o.id {
		return 0, refusal.New(ceph.EEXIST, "uuid %s already in use for different id %d", req.UUID, o.id)
	}
	if err := c.reserveUser(o.id, req.Secret); err != nil {
		return 0, err
	}
	return o.id, nil
}

// reusable tells whether a new OSD may have the id: nobody has it, or it was destroyed.
func (c *Cluster) reusable(id int) error {
	if id < 0 {
		return refusal.New(ceph.EINVAL, "invalid osd id %d", id)
	}
	if o := c.osd(id); o != nil && !o.destroyed {
		return refusal.New(ceph.EEXIST, "id %d already in use and does not match uuid", id)
	}
	return nil
}

// reserveUser stores the OSD's key. An OSD without a secret gets no user.
func (c *Cluster) reserveUser(id int, key ceph.Secret) error {
	if key.IsZero() {
		return nil
	}
	name := fmt.Sprintf("osd.%d", id)
	if user, ok := c.users[name]; ok && !user.Key.Equal(key) || !ok && c.osd(id) != nil && !c.osd(id).destroyed {
		return refusal.New(ceph.EEXIST, "entity %s exists but key does not match", name)
	}
	c.addUser(ceph.Entity{Name: name, Key: key, Caps: osdCaps})
	return nil
}

func (c *Cluster) osdOfUUID(uuid string) *osd {
	for _, o := range c.osds {
		if o != nil && o.uuid == uuid && !o.destroyed {
			return o
		}
	}
	return nil
}

func isUUID(s string) bool {
	groups := strings.Split(s, "-")
	if len(s) != 36 || len(groups) != 5 {
		return false
	}
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != n || strings.Trim(groups[i], "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return true
}

// OSDOut implements ceph.OSDs.
func (k *Client) OSDOut(ctx context.Context, ids ...int) error {
	return k.eachOSD(ctx, monWrite("OSDOut", "osd out"), ids, func(c *Cluster, o *osd) { c.setWeight(o, 0) })
}

// OSDIn implements ceph.OSDs.
func (k *Client) OSDIn(ctx context.Context, ids ...int) error {
	return k.eachOSD(ctx, monWrite("OSDIn", "osd in"), ids, func(c *Cluster, o *osd) {
		if !o.in() || o.autoOut {
			c.setWeight(o, 1)
		}
	})
}

// OSDDown implements ceph.OSDs.
func (k *Client) OSDDown(ctx context.Context, ids ...int) error {
	return k.eachOSD(ctx, monWrite("OSDDown", "osd down"), ids, func(c *Cluster, o *osd) {
		c.markDown(o)
		c.after(downAgain, func() { c.boot(o) })
	})
}

// eachOSD acts on the OSDs that exist, and then tells of those that do not.
func (k *Client) eachOSD(ctx context.Context, cl call, ids []int, act func(*Cluster, *osd)) error {
	return k.do(ctx, cl, osdNames(ids), func(c *Cluster) error {
		if len(ids) == 0 {
			return refusal.New(ceph.EINVAL, "no OSD is named")
		}
		var missing error
		for _, id := range ids {
			if o := c.osd(id); o != nil {
				act(c, o)
			} else {
				missing = refusal.New(ceph.ENOENT, "osd.%d does not exist. ", id)
			}
		}
		return missing
	})
}

// osdNames prints osd.1,osd.2 for an error.
func osdNames(ids []int) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, "osd."+strconv.Itoa(id))
	}
	return strings.Join(names, ",")
}

// PurgeOSD implements ceph.OSDs.
func (k *Client) PurgeOSD(ctx context.Context, id int) error {
	return k.do(ctx, monWrite("PurgeOSD", "osd purge"), osdNames([]int{id}), func(c *Cluster) error {
		o := c.osd(id)
		if o == nil {
			return nil
		}
		if o.up {
			return refusal.New(ceph.EBUSY, "osd.%d is not `down`.", id)
		}
		c.forget(o)
		c.crush.RemoveDevice(id)
		delete(c.users, o.name())
		return nil
	})
}

// DestroyOSD implements ceph.OSDs.
func (k *Client) DestroyOSD(ctx context.Context, id int) error {
	return k.do(ctx, monWrite("DestroyOSD", "osd destroy"), osdNames([]int{id}), func(c *Cluster) error {
		o := c.osd(id)
		if o == nil {
			return refusal.New(ceph.ENOENT, "osd.%d does not exist", id)
		}
		if o.up {
			return refusal.New(ceph.EBUSY, "osd.%d is not `down`.", id)
		}
		c.destroy(o)
		return nil
	})
}

// destroy takes the key and what the disk held; the id stays in CRUSH for the successor.
func (c *Cluster) destroy(o *osd) {
	c.dropCopies(int32(o.id))
	o.running, o.destroyed, o.fresh = false, true, false
	o.uuid = ""
	delete(c.users, o.name())
	c.touch(o)
}

// RequireOSDRelease implements ceph.OSDs.
func (k *Client) RequireOSDRelease(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("RequireOSDRelease", "osd require-osd-release"), name, func(c *Cluster) error {
		wanted, ok := releaseNumber(name)
		if !ok {
			return refusal.New(ceph.EINVAL, "unrecognized release %s", name)
		}
		if now, _ := releaseNumber(c.osdmap.requireRelease); wanted < now {
			return refusal.New(ceph.EPERM, "require_osd_release cannot be lowered once it has been set")
		}
		if wanted > c.mons.minRelease {
			return refusal.New(ceph.EINVAL, "not all mons run %s", name)
		}
		for _, o := range c.allOSDs() {
			if o.up && majorOf(o.daemon.Version) < wanted {
				return refusal.New(ceph.EPERM, "not all up OSDs have CEPH_FEATURE_SERVER_%s feature", strings.ToUpper(name))
			}
		}
		c.osdmap.requireRelease = name
		c.osdmap.epoch++
		return nil
	})
}
