package sim

import (
	"context"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

func rankedType(bucketType string) int { return slices.Index(crush.Types, bucketType) }

// CRUSHMap implements ceph.CRUSH.
func (k *Client) CRUSHMap(ctx context.Context) (ceph.CRUSHMap, error) {
	return ask(ctx, k, monRead("CRUSHMap", "osd crush dump"), "", func(c *Cluster) (ceph.CRUSHMap, error) {
		return c.crush.Export(), nil
	})
}

// changeCRUSH runs a change of the map; PGs are mapped anew after it.
func (k *Client) changeCRUSH(ctx context.Context, method, op, target string, act func(*Cluster) error) error {
	return k.do(ctx, monWrite(method, op), target, func(c *Cluster) error {
		if err := act(c); err != nil {
			return err
		}
		c.data.all = true
		c.osdmap.epoch++
		return nil
	})
}

// AddBucket implements ceph.CRUSH.
func (k *Client) AddBucket(ctx context.Context, name, bucketType string) error {
	return k.changeCRUSH(ctx, "AddBucket", "osd crush add-bucket", name, func(c *Cluster) error {
		return c.crush.AddBucket(name, bucketType)
	})
}

// MoveBucket implements ceph.CRUSH.
func (k *Client) MoveBucket(ctx context.Context, name string, loc ceph.Location) error {
	return k.changeCRUSH(ctx, "MoveBucket", "osd crush move", name, func(c *Cluster) error {
		return c.crush.MoveBucket(name, loc)
	})
}

// RemoveBucket implements ceph.CRUSH.
func (k *Client) RemoveBucket(ctx context.Context, name string) error {
	return k.changeCRUSH(ctx, "RemoveBucket", "osd crush rm", name, func(c *Cluster) error {
		delete(c.osdmap.groupFlags, name)
		if strings.HasPrefix(name, "osd.") {
			return refusal.New(ceph.EINVAL, "'%s' is an OSD", name)
		}
		return c.crush.RemoveBucket(name)
	})
}

// PlaceOSD implements ceph.CRUSH.
func (k *Client) PlaceOSD(ctx context.Context, id int, weight float64, loc ceph.Location) error {
	return k.changeCRUSH(ctx, "PlaceOSD", "osd crush add", osdNames([]int{id}), func(c *Cluster) error {
		if c.osd(id) == nil {
			return refusal.New(ceph.ENOENT, "unable to set item id %d name 'osd.%d' weight %g: does not exist", id, id, weight)
		}
		return c.crush.Place(id, weight, loc)
	})
}

// SetDeviceClass implements ceph.CRUSH.
func (k *Client) SetDeviceClass(ctx context.Context, class string, ids ...int) error {
	return k.changeCRUSH(ctx, "SetDeviceClass", "osd crush set-device-class", osdNames(ids), func(c *Cluster) error {
		for _, id := range ids {
			if c.osd(id) == nil {
				return refusal.New(ceph.ENOENT, "osd.%d does not exist. ", id)
			}
		}
		for _, id := range ids {
			c.crush.SetClass(id, class)
		}
		return nil
	})
}

// CreateReplicatedRule implements ceph.CRUSH.
func (k *Client) CreateReplicatedRule(ctx context.Context, rule ceph.ReplicatedRule) error {
	return k.do(ctx, monWrite("CreateReplicatedRule", "osd crush rule create-replicated"), rule.Name, func(c *Cluster) error {
		r := ceph.CRUSHRule{Name: rule.Name, Type: ceph.Replicated, Root: rule.Root, DeviceClass: rule.DeviceClass, FailureDomain: rule.FailureDomain}
		orDefault(&r.Root, "default")
		_, err := c.crush.AddRule(r)
		return err
	})
}

// CreateErasureRule implements ceph.CRUSH.
func (k *Client) CreateErasureRule(ctx context.Context, name, profile string) error {
	return k.do(ctx, monWrite("CreateErasureRule", "osd crush rule create-erasure"), name, func(c *Cluster) error {
		p, ok := c.profiles[profile]
		if !ok {
			return refusal.New(ceph.ENOENT, "unknown erasure code profile '%s'", profile)
		}
		if _, ok := c.crush.Rule(name); ok {
			return nil
		}
		_, err := c.crush.AddRule(ruleOfProfile(name, p))
		return err
	})
}

func ruleOfProfile(name string, p ceph.ErasureProfile) ceph.CRUSHRule {
	return ceph.CRUSHRule{Name: name, Type: ceph.Erasure, Root: p.Root, DeviceClass: p.DeviceClass, FailureDomain: p.FailureDomain}
}

// RemoveRule implements ceph.CRUSH.
func (k *Client) RemoveRule(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("RemoveRule", "osd crush rule rm"), name, func(c *Cluster) error {
		rule, ok := c.crush.Rule(name)
		if !ok {
			return nil
		}
		if slices.ContainsFunc(c.pools.sorted, func(p *pool) bool { return p.rule == rule.ID }) {
			return refusal.New(ceph.EBUSY, "crush rule '%s' is in use", name)
		}
		c.crush.RemoveRule(name)
		return nil
	})
}

// SetErasureProfile implements ceph.CRUSH.
func (k *Client) SetErasureProfile(ctx context.Context, p ceph.ErasureProfile) error {
	return k.do(ctx, monWrite("SetErasureProfile", "osd erasure-code-profile set"), p.Name, func(c *Cluster) error {
		orDefault(&p.Plugin, c.defaultPlugin())
		orDefault(&p.FailureDomain, "host")
		orDefault(&p.Root, "default")
		if err := checkProfile(p); err != nil {
			return err
		}
		if old, ok := c.profiles[p.Name]; ok && old != p {
			return refusal.New(ceph.EPERM, "will not override erasure code profile %s because the existing profile is different", p.Name).WithKind(ceph.ErrExists)
		}
		c.profiles[p.Name] = p
		return nil
	})
}

func (c *Cluster) defaultPlugin() string {
	if c.release.number >= 20 {
		return "isa"
	}
	return "jerasure"
}

func checkProfile(p ceph.ErasureProfile) error {
	switch {
	case p.DataChunks < 2:
		return refusal.New(ceph.EINVAL, "k=%d must be >= 2", p.DataChunks)
	case p.CodingChunks < 1:
		return refusal.New(ceph.EINVAL, "m=%d must be >= 1", p.CodingChunks)
	case p.DataChunks+p.CodingChunks > 32:
		return refusal.New(ceph.EINVAL, "k=%d and m=%d are too many for the simulator", p.DataChunks, p.CodingChunks)
	case !slices.Contains([]string{"jerasure", "isa", "lrc", "shec", "clay"}, p.Plugin):
		return refusal.New(ceph.EIO, "load dlopen(libec_%s.so): cannot open shared object file", p.Plugin)
	case rankedType(p.FailureDomain) < 0:
		return refusal.New(ceph.EINVAL, "unknown type %s", p.FailureDomain)
	}
	return nil
}

// ErasureProfile implements ceph.CRUSH.
func (k *Client) ErasureProfile(ctx context.Context, name string) (ceph.ErasureProfile, error) {
	return ask(ctx, k, monRead("ErasureProfile", "osd erasure-code-profile get"), name, func(c *Cluster) (ceph.ErasureProfile, error) {
		p, ok := c.profiles[name]
		if !ok {
			return p, refusal.New(ceph.ENOENT, "unknown erasure code profile '%s'", name)
		}
		return p, nil
	})
}

// RemoveErasureProfile implements ceph.CRUSH.
func (k *Client) RemoveErasureProfile(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("RemoveErasureProfile", "osd erasure-code-profile rm"), name, func(c *Cluster) error {
		if i := slices.IndexFunc(c.pools.sorted, func(p *pool) bool { return p.profile == name }); i >= 0 {
			return refusal.New(ceph.EBUSY, "pool '%s' is using the erasure code profile '%s'", c.pools.sorted[i].name, name)
		}
		delete(c.profiles, name)
		return nil
	})
}
