package sim

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// noGroup is where subvolumes without a group lie.
const noGroup = "_nogroup"

type group struct {
	name       string
	pool       *pool
	subvolumes map[string]*subvolume
}

func newGroup(name string, p *pool) *group {
	return &group{name: name, pool: p, subvolumes: map[string]*subvolume{}}
}

type subvolume struct {
	ref     ceph.SubvolumeRef
	path    string
	size    int64
	used    int64
	pool    *pool
	created time.Time
	snaps   map[string]*fileSnap
	clone   *clone // nil: it was not cloned
	// metadata of the user. Neither snapshots nor clones have it.
	metadata map[string]string
	// retained: it was removed, and only its snapshots are left.
	retained bool
}

type fileSnap struct {
	used    int64
	size    int64 // the quota when it was made
	created time.Time
	clones  int // that are under way
}

func (s *subvolume) blob() string { return "cephfs " + s.ref.String() }

// served finds a filesystem that answers.
func (c *Cluster) served(name string) (*filesystem, error) {
	fs, ok := c.files.byName[name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "FS '%s' not found", name)
	}
	if !fs.serves() {
		return nil, &ceph.Error{Kind: ceph.ErrTimeout, Text: "no MDS is active for " + name}
	}
	return fs, nil
}

func (c *Cluster) group(ref ceph.GroupRef) (*group, error) {
	fs, err := c.served(ref.Filesystem)
	if err != nil {
		return nil, err
	}
	name := ref.Group
	orDefault(&name, noGroup)
	g, ok := fs.groups[name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "subvolume group '%s' does not exist", ref.Group)
	}
	return g, nil
}

func (c *Cluster) subvolume(ref ceph.SubvolumeRef) (*subvolume, error) {
	g, err := c.group(ref.GroupRef)
	if err != nil {
		return nil, err
	}
	s, ok := g.subvolumes[ref.Name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "subvolume '%s' does not exist", ref.Name)
	}
	return s, nil
}

// ready finds a subvolume that no clone is filling.
func (c *Cluster) ready(ref ceph.SubvolumeRef) (*subvolume, error) {
	s, err := c.filled(ref)
	if err == nil && s.retained {
		return nil, refusal.New(ceph.ENOENT, "subvolume '%s' is removed and has only snapshots retained", ref.Name)
	}
	return s, err
}

// filled finds a subvolume that no clone is filling, or what is retained of it.
func (c *Cluster) filled(ref ceph.SubvolumeRef) (*subvolume, error) {
	s, err := c.subvolume(ref)
	if err != nil {
		return nil, err
	}
	if !s.clone.done() {
		return nil, refusal.New(ceph.EAGAIN, "clone '%s' is not ready for operation", ref.Name)
	}
	return s, nil
}

// filePool finds the data pool that is named, or the fallback.
func (c *Cluster) filePool(fs *filesystem, name string, fallback *pool) (*pool, error) {
	if name == "" {
		return fallback, nil
	}
	p, ok := c.pools.byName[name]
	if !ok || !slices.Contains(fs.data, p.id) {
		return nil, refusal.New(ceph.EINVAL, "invalid pool layout '%s' -- need a valid data pool", name)
	}
	return p, nil
}

// CreateSubvolumeGroup implements ceph.Subvolumes.
func (k *Client) CreateSubvolumeGroup(ctx context.Context, ref ceph.GroupRef, dataPool string) error {
	return k.do(ctx, mgrWrite("CreateSubvolumeGroup", "fs subvolumegroup create"), ref.String(), func(c *Cluster) error {
		fs, err := c.served(ref.Filesystem)
		if err != nil {
			return err
		}
		p, err := c.filePool(fs, dataPool, c.poolByID(fs.data[0]))
		if err != nil {
			return err
		}
		if err := checkFileName(ref.Group); err != nil {
			return err
		}
		if _, ok := fs.groups[ref.Group]; !ok {
			fs.groups[ref.Group] = newGroup(ref.Group, p)
		}
		return nil
	})
}

// RemoveSubvolumeGroup implements ceph.Subvolumes.
func (k *Client) RemoveSubvolumeGroup(ctx context.Context, ref ceph.GroupRef) error {
	return k.do(ctx, mgrWrite("RemoveSubvolumeGroup", "fs subvolumegroup rm"), ref.String(), func(c *Cluster) error {
		fs, err := c.served(ref.Filesystem)
		if err != nil {
			return err
		}
		if g, ok := fs.groups[ref.Group]; ok && len(g.subvolumes) > 0 {
			return refusal.New(ceph.ENOTEMPTY, "error in rmdir /volumes/%s", ref.Group)
		}
		delete(fs.groups, ref.Group)
		return nil
	})
}

// ListSubvolumeGroups implements ceph.Subvolumes.
func (k *Client) ListSubvolumeGroups(ctx context.Context, filesystem string) ([]string, error) {
	return ask(ctx, k, mgrRead("ListSubvolumeGroups", "fs subvolumegroup ls"), filesystem, func(c *Cluster) ([]string, error) {
		fs, err := c.served(filesystem)
		if err != nil {
			return nil, err
		}
		names := slices.Sorted(maps.Keys(fs.groups))
		return slices.DeleteFunc(names, func(name string) bool { return name == noGroup }), nil
	})
}

// CreateSubvolume implements ceph.Subvolumes.
func (k *Client) CreateSubvolume(ctx context.Context, spec ceph.SubvolumeSpec) error {
	return k.do(ctx, mgrWrite("CreateSubvolume", "fs subvolume create"), spec.SubvolumeRef.String(), func(c *Cluster) error {
		g, err := c.group(spec.GroupRef)
		if err != nil {
			return err
		}
		if old, ok := g.subvolumes[spec.Name]; ok {
			return c.again(old, spec)
		}
		_, err = c.createSubvolume(g, spec)
		return err
	})
}

// again answers a repeated creation: a size that is named is set, and what is retained of one gets a new content.
func (c *Cluster) again(s *subvolume, spec ceph.SubvolumeSpec) error {
	if !s.clone.done() {
		return refusal.New(ceph.EAGAIN, "clone '%s' is not ready for operation", spec.Name)
	}
	if s.retained {
		s.retained, s.clone, s.path, s.created, s.size = false, nil, c.subvolumePath(spec.SubvolumeRef), c.clock.now, 0
	}
	if spec.Size > 0 {
		s.size = spec.Size
	}
	return nil
}

func (c *Cluster) createSubvolume(g *group, spec ceph.SubvolumeSpec) (*subvolume, error) {
	p, err := c.filePool(c.files.byName[spec.Filesystem], spec.DataPool, g.pool)
	if err != nil {
		return nil, err
	}
	if err := checkFileName(spec.Name); err != nil {
		return nil, err
	}
	if spec.Size < 0 {
		return nil, refusal.New(ceph.EINVAL, "invalid size %d", spec.Size)
	}
	if _, err := strconv.ParseUint(spec.Mode, 8, 32); err != nil && spec.Mode != "" {
		return nil, refusal.New(ceph.EINVAL, "invalid mode '%s'", spec.Mode)
	}
	s := &subvolume{
		ref: spec.SubvolumeRef, size: spec.Size, pool: p, created: c.clock.now, snaps: map[string]*fileSnap{},
		path: c.subvolumePath(spec.SubvolumeRef), metadata: map[string]string{},
	}
	g.subvolumes[spec.Name] = s
	return s, nil
}

// subvolumePath is where the content of a subvolume lies; that of one that is made again lies elsewhere.
func (c *Cluster) subvolumePath(ref ceph.SubvolumeRef) string {
	dir := ref.Group
	orDefault(&dir, noGroup)
	return "/volumes/" + dir + "/" + ref.Name + "/" + c.chance.uuid("subvolume")
}

// checkFileName allows what is safe in every call of the mgr.
func checkFileName(name string) error {
	const runes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if name == "" || name == "." || name == ".." || strings.Trim(name, runes) != "" {
		return refusal.New(ceph.EINVAL, "invalid name '%s'", name)
	}
	return nil
}

// Subvolume implements ceph.Subvolumes.
func (k *Client) Subvolume(ctx context.Context, ref ceph.SubvolumeRef) (ceph.Subvolume, error) {
	return ask(ctx, k, mgrRead("Subvolume", "fs subvolume info"), ref.String(), func(c *Cluster) (ceph.Subvolume, error) {
		s, err := c.filled(ref)
		if err != nil {
			return ceph.Subvolume{}, err
		}
		if s.retained {
			return ceph.Subvolume{SubvolumeRef: s.ref, State: ceph.SubvolumeRetained}, nil
		}
		return ceph.Subvolume{
			SubvolumeRef: s.ref, Path: s.path, Size: s.size, Used: s.used, DataPool: s.pool.name, State: ceph.SubvolumeComplete, Created: s.created,
		}, nil
	})
}

// ListSubvolumes implements ceph.Subvolumes.
func (k *Client) ListSubvolumes(ctx context.Context, ref ceph.GroupRef) ([]string, error) {
	return ask(ctx, k, mgrRead("ListSubvolumes", "fs subvolume ls"), ref.String(), func(c *Cluster) ([]string, error) {
		g, err := c.group(ref)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(g.subvolumes)), nil
	})
}

// ResizeSubvolume implements ceph.Subvolumes.
func (k *Client) ResizeSubvolume(ctx context.Context, ref ceph.SubvolumeRef, size int64) error {
	return k.do(ctx, mgrWrite("ResizeSubvolume", "fs subvolume resize"), ref.String(), func(c *Cluster) error {
		s, err := c.ready(ref)
		if err != nil {
			return err
		}
		if size < 0 || size > 0 && size < s.used {
			return refusal.New(ceph.EINVAL, "Can't resize the subvolume. The new size '%d' would be lesser than the current used size '%d'", size, s.used)
		}
		s.size = size
		return nil
	})
}

// WriteSubvolume writes bytes into a subvolume as a mount would, or deletes
// them if the number is negative.
func (c *Cluster) WriteSubvolume(ref ceph.SubvolumeRef, bytes int64) error {
	defer c.enter()()
	s, err := c.ready(ref)
	if err != nil {
		return err
	}
	used := max(0, s.used+bytes)
	if bytes > 0 && s.size > 0 && used > s.size {
		return refusal.New(ceph.EDQUOT, "the quota of %s is %d bytes", ref, s.size)
	}
	if bytes > 0 {
		if err := c.writable(s.pool); err != nil {
			return err
		}
	}
	s.used = used
	c.setBlob(s.pool, s.blob(), used)
	return nil
}
