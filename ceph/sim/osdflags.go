package sim

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// clusterFlags are what "osd set" takes; full is set by Ceph itself.
var clusterFlags = []string{
	"full", "pause", "noup", "nodown", "noout", "noin", "nobackfill", "norebalance", "norecover",
	"noscrub", "nodeep-scrub", "notieragent", "nosnaptrim", "pglog_hardlimit", "noautoscale",
}

var groupFlags = []string{"noup", "nodown", "noin", "noout"}

// SetOSDFlag implements ceph.OSDs.
func (k *Client) SetOSDFlag(ctx context.Context, flag string) error {
	return k.do(ctx, monWrite("SetOSDFlag", "osd set"), flag, func(c *Cluster) error { return c.setFlag(flag, true) })
}

// UnsetOSDFlag implements ceph.OSDs.
func (k *Client) UnsetOSDFlag(ctx context.Context, flag string) error {
	return k.do(ctx, monWrite("UnsetOSDFlag", "osd unset"), flag, func(c *Cluster) error { return c.setFlag(flag, false) })
}

func (c *Cluster) setFlag(flag string, on bool) error {
	if !slices.Contains(clusterFlags, flag) {
		return refusal.New(ceph.EINVAL, "Invalid command: %s not in %s", flag, strings.Join(clusterFlags, "|"))
	}
	if flag == "pause" {
		c.osdmap.flags["pauserd"], c.osdmap.flags["pausewr"] = on, on
	} else {
		c.osdmap.flags[flag] = on
	}
	c.flagsChanged()
	return nil
}

// flagsChanged lets happen what a flag held back.
func (c *Cluster) flagsChanged() {
	c.osdmap.epoch++
	c.recovery.stale = true
	c.bootWaiting()
}

// SetGroupFlag implements ceph.OSDs.
func (k *Client) SetGroupFlag(ctx context.Context, flag string, who ...string) error {
	return k.setGroup(ctx, monWrite("SetGroupFlag", "osd set-group"), flag, who, true)
}

// UnsetGroupFlag implements ceph.OSDs.
func (k *Client) UnsetGroupFlag(ctx context.Context, flag string, who ...string) error {
	return k.setGroup(ctx, monWrite("UnsetGroupFlag", "osd unset-group"), flag, who, false)
}

func (k *Client) setGroup(ctx context.Context, cl call, flag string, who []string, on bool) error {
	return k.do(ctx, cl, flag+" "+strings.Join(who, ","), func(c *Cluster) error {
		if !slices.Contains(groupFlags, flag) {
			return refusal.New(ceph.EINVAL, "unrecognized flag '%s', must be one of (noup|nodown|noin|noout)", flag)
		}
		var sets []map[string]bool
		for _, name := range who {
			set, err := c.flagSet(name)
			if err != nil {
				return err
			}
			sets = append(sets, set)
		}
		for _, set := range sets {
			set[flag] = on
		}
		c.flagsChanged()
		return nil
	})
}

// flagSet finds the flags of an OSD, a CRUSH bucket or a device class.
func (c *Cluster) flagSet(name string) (map[string]bool, error) {
	if id, err := strconv.Atoi(strings.TrimPrefix(name, "osd.")); err == nil {
		if o := c.osd(id); o != nil {
			return o.flags, nil
		}
		return nil, refusal.New(ceph.ENOENT, "osd.%d does not exist", id)
	}
	_, isBucket := c.crush.Bucket(name)
	if !isBucket && !c.crush.HasClass(name) {
		return nil, refusal.New(ceph.EINVAL, "unable to parse osd id or crush node or device class: \"%s\"", name).WithKind(ceph.ErrNotFound)
	}
	set, ok := c.osdmap.groupFlags[name]
	if !ok {
		set = map[string]bool{}
		c.osdmap.groupFlags[name] = set
	}
	return set, nil
}

// flagged tells whether a flag holds for an OSD: cluster-wide, its own, its
// class's or that of a bucket above it.
func (c *Cluster) flagged(o *osd, flag string) bool {
	if c.osdmap.flags[flag] || o.flags[flag] {
		return true
	}
	if len(c.osdmap.groupFlags) == 0 {
		return false
	}
	if c.osdmap.groupFlags[c.crush.Class(o.id)][flag] {
		return true
	}
	return slices.ContainsFunc(c.crush.Location(o.id), func(l ceph.LocationLevel) bool {
		return c.osdmap.groupFlags[l.Name][flag]
	})
}
