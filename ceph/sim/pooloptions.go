package sim

import (
	"context"
	"slices"
	"strconv"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// poolFlags are the properties that are a flag of the pool.
var poolFlags = map[string]string{
	"nodelete": "nodelete", "nopgchange": "nopgchange", "nosizechange": "nosizechange", "noscrub": "noscrub",
	"nodeep-scrub": "nodeep-scrub", "write_fadvise_dontneed": "write_fadvise_dontneed", "allow_ec_overwrites": "ec_overwrites", "bulk": "bulk",
}

// poolOptions are the properties that a pool has only when they are set, with a check of their value.
var poolOptions = map[string]func(string) bool{
	"compression_mode":           oneOf("none", "passive", "aggressive", "force", "unset"),
	"compression_algorithm":      oneOf("none", "lz4", "snappy", "zlib", "zstd", "unset"),
	"compression_required_ratio": isFloat,
	"compression_max_blob_size":  isInt,
	"compression_min_blob_size":  isInt,
	"csum_type":                  isInt,
	"csum_max_block":             isInt,
	"csum_min_block":             isInt,
	"deep_scrub_interval":        isFloat,
	"fast_read":                  isBool,
	"pg_autoscale_bias":          isFloat,
	"pg_num_max":                 isInt,
	"pg_num_min":                 isInt,
	"recovery_op_priority":       isInt,
	"recovery_priority":          isInt,
	"scrub_max_interval":         isFloat,
	"scrub_min_interval":         isFloat,
	"scrub_priority":             isInt,
	"target_size_bytes":          isInt,
	"target_size_ratio":          isFloat,
}

func oneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

// SetPoolOption implements ceph.Pools.
func (k *Client) SetPoolOption(ctx context.Context, name, option, value string) error {
	return k.do(ctx, monWrite("SetPoolOption", "osd pool set"), name, func(c *Cluster) error {
		p, err := c.pool(name)
		if err != nil {
			return err
		}
		if err := c.setPoolOption(p, option, value); err != nil {
			return err
		}
		c.osdmap.epoch++
		return nil
	})
}

func (c *Cluster) setPoolOption(p *pool, option, value string) error {
	if flag, ok := poolFlags[option]; ok {
		return setPoolFlag(p, option, flag, value)
	}
	if valid, ok := poolOptions[option]; ok {
		if !valid(value) {
			return refusal.New(ceph.EINVAL, "error parsing value '%s' of %s", value, option)
		}
		p.options[option] = value
		if value == "unset" {
			delete(p.options, option)
		}
		return nil
	}
	set, ok := map[string]func(*pool, string) error{
		"size": c.setSize, "min_size": c.setMinSize, "crush_rule": c.setRule,
		"pg_num": c.setPGNum, "pgp_num": c.setPGNum, "pg_autoscale_mode": c.setScaling,
	}[option]
	if !ok {
		return refusal.New(ceph.EINVAL, "Invalid command: %s is not a property of a pool", option)
	}
	return set(p, value)
}

func setPoolFlag(p *pool, option, flag, value string) error {
	if !isBool(value) {
		return refusal.New(ceph.EINVAL, "expecting value 'true', 'false', '0', or '1'")
	}
	on := value == "true" || value == "1" || value == "yes"
	if flag == "ec_overwrites" {
		if p.kind != ceph.Erasure {
			return refusal.New(ceph.EINVAL, "ec overwrites can only be enabled for an erasure coded pool")
		}
		if !on && p.flags[flag] {
			return refusal.New(ceph.EINVAL, "ec overwrites cannot be disabled once enabled")
		}
	}
	p.flags[flag] = on
	return nil
}

func parseCount(option, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0, refusal.New(ceph.EINVAL, "error parsing int value '%s' of %s", value, option)
	}
	return n, nil
}

func (c *Cluster) setSize(p *pool, value string) error {
	n, err := parseCount("size", value)
	if err != nil {
		return err
	}
	if p.flags["nosizechange"] {
		return refusal.New(ceph.EPERM, "pool size change is disabled; you must unset nosizechange flag for the pool first")
	}
	if p.kind == ceph.Erasure {
		return refusal.New(ceph.EOPNOTSUPP, "can not change the size of an erasure-coded pool")
	}
	if err := c.checkSize(n); err != nil {
		return err
	}
	p.size = n
	p.minSize = min(n, c.intOption("global", "osd_pool_default_min_size", n-n/2))
	c.replace(p)
	return nil
}

func (c *Cluster) setMinSize(p *pool, value string) error {
	n, err := parseCount("min_size", value)
	if err != nil {
		return err
	}
	least := 1
	if p.kind == ceph.Erasure {
		least = int(p.chunks)
	}
	if n < least || n > p.size {
		return refusal.New(ceph.EINVAL, "pool min_size must be between %d and size, which is set to %d", least, p.size)
	}
	p.minSize = n
	c.replace(p)
	return nil
}

func (c *Cluster) setRule(p *pool, value string) error {
	rule, ok := c.crush.Rule(value)
	if !ok {
		return refusal.New(ceph.ENOENT, "crush rule %s does not exist", value)
	}
	if rule.Type != p.kind {
		return refusal.New(ceph.EINVAL, "crush rule %d type does not match pool", rule.ID)
	}
	p.rule = rule.ID
	c.replace(p)
	return nil
}

// replace lets all PGs of a pool be mapped and peered anew.
func (c *Cluster) replace(p *pool) { p.moved, c.data.any = true, true }

func (c *Cluster) setPGNum(p *pool, value string) error {
	n, err := parseCount("pg_num", value)
	if err != nil {
		return err
	}
	if p.flags["nopgchange"] {
		return refusal.New(ceph.EPERM, "pool pg_num change is disabled; you must unset nopgchange flag for the pool first")
	}
	if err := c.checkPGCount(p, n); err != nil {
		return err
	}
	p.pgTarget = n
	return nil
}

func (c *Cluster) setScaling(p *pool, value string) error {
	if !slices.Contains([]string{"on", "off", "warn"}, value) {
		return refusal.New(ceph.EINVAL, "specified invalid mode %s", value)
	}
	p.scaling = value
	return nil
}
