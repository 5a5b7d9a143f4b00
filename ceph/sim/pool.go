package sim

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

type poolState struct {
	byName map[string]*pool
	sorted []*pool // by id
	last   int64
}

func newPoolState() poolState { return poolState{byName: map[string]*pool{}} }

type pool struct {
	id       int64
	name     string
	kind     ceph.PoolType
	size     int
	minSize  int
	rule     int
	profile  string
	chunks   int64 // into which an object is cut: 1 for replicas, k for shards
	pgTarget int
	scaling  string // autoscale mode
	apps     map[string]bool
	values   map[string]string // kept beside the applications
	options  map[string]string
	flags    map[string]bool
	quota    ceph.PoolQuota

	pgs     []*pg
	blobs   map[string]int64 // what was written, by name, in bytes
	bytes   int64            // what users stored
	objects int64
	raw     int64 // what it takes on OSDs
	moved   bool  // PGs have to be mapped anew
	deleted bool

	images imageState
}

func (p *pool) hash(seed int) uint64 { return crush.Hash(uint64(p.id), uint64(seed)) }

// pool finds a pool by name.
func (c *Cluster) pool(name string) (*pool, error) {
	p, ok := c.pools.byName[name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "unrecognized pool '%s'", name)
	}
	return p, nil
}

func (c *Cluster) poolByID(id int64) *pool {
	i, ok := slices.BinarySearchFunc(c.pools.sorted, id, func(p *pool, id int64) int { return int(p.id - id) })
	if !ok {
		return nil
	}
	return c.pools.sorted[i]
}

// Pools implements ceph.Pools.
func (k *Client) Pools(ctx context.Context) ([]ceph.Pool, error) {
	return ask(ctx, k, mgrRead("Pools", "osd pool ls detail"), "", func(c *Cluster) ([]ceph.Pool, error) {
		return c.exportPools(c.mgrStats()), nil
	})
}

// CreatePool implements ceph.Pools.
func (k *Client) CreatePool(ctx context.Context, spec ceph.PoolSpec) error {
	return k.do(ctx, monWrite("CreatePool", "osd pool create"), spec.Name, func(c *Cluster) error {
		if strings.HasPrefix(spec.Name, ".") {
			return refusal.New(ceph.EINVAL, "pool names beginning with . are not allowed")
		}
		_, err := c.createPool(spec)
		return err
	})
}

func (c *Cluster) createPool(spec ceph.PoolSpec) (*pool, error) {
	if spec.Name == "" || strings.ContainsAny(spec.Name, "/ ") {
		return nil, refusal.New(ceph.EINVAL, "invalid pool name '%s'", spec.Name)
	}
	if _, ok := c.pools.byName[spec.Name]; ok {
		return nil, refusal.New(ceph.EEXIST, "pool '%s' already exists", spec.Name)
	}
	p := &pool{
		name: spec.Name, kind: spec.Type, pgTarget: spec.PGs, scaling: spec.AutoscaleMode,
		apps: map[string]bool{}, values: map[string]string{}, options: map[string]string{}, flags: map[string]bool{"hashpspool": true},
		blobs: map[string]int64{}, images: newImageState(),
	}
	if err := c.shape(p, spec); err != nil {
		return nil, err
	}
	c.pools.last++
	p.id = c.pools.last
	c.pools.byName[p.name] = p
	c.pools.sorted = append(c.pools.sorted, p)
	c.growPGs(p)
	c.osdmap.epoch++
	return p, nil
}

// shape fills in size, rule and PG count, with Ceph's defaults.
func (c *Cluster) shape(p *pool, spec ceph.PoolSpec) error {
	orDefault(&p.pgTarget, c.intOption("global", "osd_pool_default_pg_num", 32))
	orDefault(&p.scaling, c.option("global", "osd_pool_default_pg_autoscale_mode", "on"))
	if !slices.Contains([]string{"on", "off", "warn"}, p.scaling) {
		return refusal.New(ceph.EINVAL, "specified invalid mode %s", p.scaling)
	}
	var err error
	switch spec.Type {
	case ceph.Erasure:
		err = c.shapeErasure(p, spec)
	case ceph.Replicated, "":
		p.kind = ceph.Replicated
		err = c.shapeReplicated(p, spec)
	default:
		err = refusal.New(ceph.EINVAL, "unknown pool type '%s'", spec.Type)
	}
	if err != nil {
		return err
	}
	if spec.MinSize > p.size {
		return refusal.New(ceph.EINVAL, "pool min_size must be between 1 and size, which is set to %d", p.size)
	}
	if spec.MinSize > 0 {
		p.minSize = spec.MinSize
	}
	return c.checkPGCount(p, p.pgTarget)
}

func (c *Cluster) shapeReplicated(p *pool, spec ceph.PoolSpec) error {
	p.chunks, p.size = 1, spec.Size
	orDefault(&p.size, c.intOption("global", "osd_pool_default_size", 3))
	if err := c.checkSize(p.size); err != nil {
		return err
	}
	p.minSize = min(p.size, c.intOption("global", "osd_pool_default_min_size", p.size-p.size/2))
	rule, err := c.ruleFor(spec.Rule, ceph.Replicated)
	p.rule = rule.ID
	return err
}

func (c *Cluster) checkSize(size int) error {
	if size < 1 || size > 10 {
		return refusal.New(ceph.EINVAL, "pool size must be between 1 and 10")
	}
	if size == 1 && !c.boolOption("mon", "mon_allow_pool_size_one", false) {
		return refusal.New(ceph.EPERM, "configuring pool size as 1 is disabled by default.")
	}
	return nil
}

// ruleFor finds the named rule, or the first of the type.
func (c *Cluster) ruleFor(name string, t ceph.PoolType) (ceph.CRUSHRule, error) {
	rule, ok := c.crush.Rule(name)
	if name == "" {
		rule, ok = c.crush.FirstRule(t)
	}
	if !ok {
		return rule, refusal.New(ceph.ENOENT, "specified rule %s doesn't exist", name)
	}
	if rule.Type != t {
		return rule, refusal.New(ceph.EINVAL, "rule %s is not of type %s", name, t)
	}
	return rule, nil
}

func (c *Cluster) shapeErasure(p *pool, spec ceph.PoolSpec) error {
	p.profile = spec.ErasureProfile
	orDefault(&p.profile, "default")
	profile, ok := c.profiles[p.profile]
	if !ok {
		return refusal.New(ceph.ENOENT, "specified erasure code profile %s doesn't exist", p.profile)
	}
	p.chunks, p.size = int64(profile.DataChunks), profile.DataChunks+profile.CodingChunks
	p.minSize = profile.DataChunks + min(1, profile.CodingChunks-1)
	if spec.OverwritesOnECPool {
		p.flags["ec_overwrites"] = true
	}
	rule, err := c.erasureRule(spec, profile)
	p.rule = rule.ID
	return err
}

// erasureRule is the named rule, or one of the pool's name made from the profile.
func (c *Cluster) erasureRule(spec ceph.PoolSpec, profile ceph.ErasureProfile) (ceph.CRUSHRule, error) {
	if spec.Rule != "" {
		return c.ruleFor(spec.Rule, ceph.Erasure)
	}
	if rule, ok := c.crush.Rule(spec.Name); ok {
		return rule, nil
	}
	if _, err := c.crush.AddRule(ruleOfProfile(spec.Name, profile)); err != nil {
		return ceph.CRUSHRule{}, err
	}
	rule, _ := c.crush.Rule(spec.Name)
	return rule, nil
}

// checkPGCount is mon_max_pg_per_osd, which a new or larger pool must respect.
func (c *Cluster) checkPGCount(p *pool, pgs int) error {
	if pgs < 1 || pgs > 65536 {
		return refusal.New(ceph.ERANGE, "'pg_num' must be greater than 0 and less than or equal to 65536 (you may adjust 'mon max pool pg num' for higher values)")
	}
	limit := c.intOption("global", "mon_max_pg_per_osd", 250)
	in := 0
	for _, o := range c.allOSDs() {
		if o.in() {
			in++
		}
	}
	if in == 0 {
		return nil
	}
	projected := pgs * p.size
	for _, other := range c.pools.sorted {
		if other != p {
			projected += other.pgTarget * other.size
		}
	}
	if projected > limit*max(3, in) {
		return refusal.New(ceph.ERANGE, "pg_num %d size %d for this pool would result in %d cumulative PGs per OSD (%d total PG replicas on %d 'in' root OSDs by crush rule) which exceeds the mon_max_pg_per_osd value of %d",
			pgs, p.size, projected/max(1, in), projected, in, limit)
	}
	return nil
}

// DeletePool implements ceph.Pools.
func (k *Client) DeletePool(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("DeletePool", "osd pool rm"), name, func(c *Cluster) error {
		p, ok := c.pools.byName[name]
		if !ok {
			return nil
		}
		if fs := c.filesystemOn(p.id); fs != nil {
			return refusal.New(ceph.EBUSY, "pool '%s' is in use by CephFS", name)
		}
		if p.flags["nodelete"] {
			return refusal.New(ceph.EPERM, "pool deletion is disabled; you must unset nodelete flag for the pool first")
		}
		c.deletePool(p)
		return nil
	})
}

func (c *Cluster) deletePool(p *pool) {
	c.shrinkPGs(p, 0)
	p.deleted = true
	delete(c.pools.byName, p.name)
	c.pools.sorted = slices.DeleteFunc(c.pools.sorted, func(o *pool) bool { return o == p })
	c.recovery.stale = true
	c.osdmap.epoch++
}

// EnableApplication implements ceph.Pools.
func (k *Client) EnableApplication(ctx context.Context, name, application string) error {
	return k.do(ctx, monWrite("EnableApplication", "osd pool application enable"), name, func(c *Cluster) error {
		p, err := c.pool(name)
		if err != nil {
			return err
		}
		if application == "" {
			return refusal.New(ceph.EINVAL, "application name must be provided")
		}
		if apps := enabled(p.apps); len(apps) > 0 && !p.apps[application] {
			return refusal.New(ceph.EPERM, "Are you SURE? Pool '%s' already has an enabled application", name).WithKind(ceph.ErrExists)
		}
		p.apps[application] = true
		return nil
	})
}

// maxApplicationText is how long a key or a value beside an application may be.
const maxApplicationText = 128

// SetApplicationValue implements ceph.Pools.
func (k *Client) SetApplicationValue(ctx context.Context, name, application, key, value string) error {
	return k.do(ctx, monWrite("SetApplicationValue", "osd pool application set"), name, func(c *Cluster) error {
		p, err := c.pool(name)
		switch {
		case err != nil:
			return err
		case !p.apps[application]:
			return refusal.New(ceph.ENOENT, "application '%s' is not enabled on pool '%s'", application, name)
		case key == "" || len(key) > maxApplicationText || len(value) > maxApplicationText:
			return refusal.New(ceph.EINVAL, "key or value of application '%s' is empty or too long", application)
		}
		p.values[application+"/"+key] = value
		return nil
	})
}

// KeepSingleCopy implements ceph.Pools.
func (k *Client) KeepSingleCopy(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("KeepSingleCopy", "osd pool set"), name, func(c *Cluster) error {
		p, err := c.pool(name)
		switch {
		case err != nil:
			return err
		case p.kind == ceph.Erasure:
			return refusal.New(ceph.EOPNOTSUPP, "can not change the size of an erasure-coded pool")
		case p.flags["nosizechange"]:
			return refusal.New(ceph.EPERM, "pool size change is disabled; you must unset nosizechange flag for the pool first")
		}
		p.size, p.minSize = 1, 1
		c.replace(p)
		c.osdmap.epoch++
		return nil
	})
}

// SetPoolQuota implements ceph.Pools.
func (k *Client) SetPoolQuota(ctx context.Context, name string, q ceph.PoolQuota) error {
	return k.do(ctx, monWrite("SetPoolQuota", "osd pool set-quota"), name, func(c *Cluster) error {
		p, err := c.pool(name)
		if err != nil {
			return err
		}
		if q.Bytes < 0 || q.Objects < 0 {
			return refusal.New(ceph.EINVAL, "error parsing value '%s'", strconv.FormatInt(min(q.Bytes, q.Objects), 10))
		}
		p.quota = q
		return nil
	})
}
