package sim

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

type fileState struct {
	byName  map[string]*filesystem
	daemons []*mds // in the order in which they stand by
	last    int
}

func newFileState() fileState { return fileState{byName: map[string]*filesystem{}} }

type filesystem struct {
	id            int
	name          string
	metadata      int64
	data          []int64
	maxMDS        int
	standbyReplay bool
	standbyWanted int // -1: one, if there ever was a standby
	joinable      bool
	ranks         map[int]*mds // nil: failed
	followers     map[int]*mds // standby-replay
	groups        map[string]*group
	mounts        []*FileHandle
	cloning       int
}

// filesystems lists all by name.
func (c *Cluster) filesystems() []*filesystem {
	all := make([]*filesystem, 0, len(c.files.byName))
	for _, name := range slices.Sorted(maps.Keys(c.files.byName)) {
		all = append(all, c.files.byName[name])
	}
	return all
}

func (c *Cluster) filesystem(name string) (*filesystem, error) {
	fs, ok := c.files.byName[name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "Filesystem not found: '%s'", name)
	}
	return fs, nil
}

// filesystemOn finds the filesystem that uses a pool, nil if none does.
func (c *Cluster) filesystemOn(pool int64) *filesystem {
	for _, fs := range c.filesystems() {
		if fs.metadata == pool || slices.Contains(fs.data, pool) {
			return fs
		}
	}
	return nil
}

// Filesystems implements ceph.Filesystems.
func (k *Client) Filesystems(ctx context.Context) ([]ceph.Filesystem, error) {
	return ask(ctx, k, monRead("Filesystems", "fs dump"), "", func(c *Cluster) ([]ceph.Filesystem, error) {
		return c.exportFilesystems(), nil
	})
}

func (c *Cluster) exportFilesystems() []ceph.Filesystem {
	all := []ceph.Filesystem{}
	for _, fs := range c.filesystems() {
		all = append(all, fs.export())
	}
	return all
}

func (fs *filesystem) export() ceph.Filesystem {
	out := ceph.Filesystem{
		ID: fs.id, Name: fs.name, MetadataPool: fs.metadata, DataPools: slices.Clone(fs.data), MaxMDS: fs.maxMDS,
		StandbyReplay: fs.standbyReplay, Joinable: fs.joinable,
	}
	for _, rank := range slices.Sorted(maps.Keys(fs.ranks)) {
		if m := fs.ranks[rank]; m != nil {
			out.Ranks = append(out.Ranks, m.export())
		} else {
			out.Failed = append(out.Failed, rank)
		}
		if m := fs.followers[rank]; m != nil {
			out.Ranks = append(out.Ranks, m.export())
		}
	}
	return out
}

// CreateFilesystem implements ceph.Filesystems.
func (k *Client) CreateFilesystem(ctx context.Context, name, metadataPool, dataPool string) error {
	return k.do(ctx, monWrite("CreateFilesystem", "fs new"), name, func(c *Cluster) error {
		metadata, err := c.pool(metadataPool)
		if err != nil {
			return err
		}
		data, err := c.pool(dataPool)
		if err != nil {
			return err
		}
		if fs, ok := c.files.byName[name]; ok {
			if fs.metadata == metadata.id && fs.data[0] == data.id {
				return nil
			}
			return refusal.New(ceph.EINVAL, "filesystem already exists with name '%s'", name).WithKind(ceph.ErrExists)
		}
		if err := c.checkFilePools(metadata, data); err != nil {
			return err
		}
		c.createFilesystem(name, metadata, data)
		return nil
	})
}

func (c *Cluster) checkFilePools(metadata, data *pool) error {
	switch {
	case metadata == data:
		return refusal.New(ceph.EINVAL, "metadata and data pool are the same")
	case metadata.kind == ceph.Erasure:
		return refusal.New(ceph.EINVAL, "pool '%s' (id '%d') is an erasure-coded pool. Use of an EC pool for CephFS metadata is not supported.", metadata.name, metadata.id)
	case data.kind == ceph.Erasure:
		return refusal.New(ceph.EINVAL, "pool '%s' (id '%d') is an erasure-coded pool. Use of an EC pool for the default data pool is discouraged", data.name, data.id)
	case metadata.objects > 0:
		return refusal.New(ceph.EINVAL, "pool '%s' already contains some objects. Use an empty pool instead.", metadata.name)
	}
	for _, p := range []*pool{metadata, data} {
		if apps := enabled(p.apps); len(apps) > 0 && !p.apps["cephfs"] {
			return refusal.New(ceph.EINVAL, "pool '%s' (id '%d') has a non-CephFS application enabled.", p.name, p.id)
		}
		if fs := c.filesystemOn(p.id); fs != nil {
			return refusal.New(ceph.EINVAL, "pool '%s' (id '%d') is already in use by filesystem '%s'", p.name, p.id, fs.name)
		}
	}
	return nil
}

func (c *Cluster) createFilesystem(name string, metadata, data *pool) {
	c.files.last++
	metadata.apps["cephfs"], data.apps["cephfs"] = true, true
	c.files.byName[name] = &filesystem{
		id: c.files.last, name: name, metadata: metadata.id, data: []int64{data.id}, maxMDS: 1, joinable: true, standbyWanted: -1,
		ranks: map[int]*mds{}, followers: map[int]*mds{}, groups: map[string]*group{noGroup: newGroup("", data)},
	}
	c.assignRanks()
}

// AddDataPool implements ceph.Filesystems.
func (k *Client) AddDataPool(ctx context.Context, name, pool string) error {
	return k.do(ctx, monWrite("AddDataPool", "fs add_data_pool"), name, func(c *Cluster) error {
		fs, err := c.filesystem(name)
		if err != nil {
			return err
		}
		p, err := c.pool(pool)
		if err != nil {
			return err
		}
		if slices.Contains(fs.data, p.id) {
			return nil
		}
		if c.filesystemOn(p.id) != nil {
			return refusal.New(ceph.EINVAL, "pool '%s' is already in use by CephFS", pool)
		}
		if p.kind == ceph.Erasure && !p.flags["ec_overwrites"] {
			return refusal.New(ceph.EINVAL, "pool '%s' (id '%d') is an erasure-coded pool, with no overwrite support", p.name, p.id)
		}
		fs.data = append(fs.data, p.id)
		p.apps["cephfs"] = true
		return nil
	})
}

// SetFilesystemOption implements ceph.Filesystems.
func (k *Client) SetFilesystemOption(ctx context.Context, name, option, value string) error {
	return k.do(ctx, monWrite("SetFilesystemOption", "fs set"), name, func(c *Cluster) error {
		fs, err := c.filesystem(name)
		if err != nil {
			return err
		}
		if err := fs.set(option, value); err != nil {
			return err
		}
		c.assignRanks()
		return nil
	})
}

// passiveOptions are those that change nothing that the simulator shows.
var passiveOptions = map[string]func(string) bool{
	"max_file_size": isInt, "allow_new_snaps": isBool, "session_timeout": isInt, "session_autoclose": isInt,
	"balancer": func(string) bool { return true }, "refuse_client_session": isBool, "allow_dirfrags": isBool, "inline_data": isBool,
}

func (fs *filesystem) set(option, value string) error {
	if valid, ok := passiveOptions[option]; ok {
		if !valid(value) {
			return refusal.New(ceph.EINVAL, "invalid value '%s' of %s", value, option)
		}
		return nil
	}
	switch option {
	case "max_mds", "standby_count_wanted":
		return fs.setCount(option, value)
	case "allow_standby_replay", "joinable":
		return fs.setSwitch(option, value)
	}
	return refusal.New(ceph.EINVAL, "Invalid command: %s is not an option of a filesystem", option)
}

func (fs *filesystem) setCount(option, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || option == "max_mds" && (n < 1 || n > 256) {
		return refusal.New(ceph.EINVAL, "invalid value '%s' of %s", value, option)
	}
	if option == "max_mds" {
		fs.maxMDS = n
	} else {
		fs.standbyWanted = n
	}
	return nil
}

func (fs *filesystem) setSwitch(option, value string) error {
	if !isBool(value) {
		return refusal.New(ceph.EINVAL, "value must be false|no|0 or true|yes|1")
	}
	on := value == "true" || value == "yes" || value == "1"
	if option == "joinable" {
		fs.joinable = on
	} else {
		fs.standbyReplay = on
	}
	return nil
}

// FailFilesystem implements ceph.Filesystems.
func (k *Client) FailFilesystem(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("FailFilesystem", "fs fail"), name, func(c *Cluster) error {
		fs, err := c.filesystem(name)
		if err != nil {
			return err
		}
		fs.joinable = false
		for _, rank := range slices.Sorted(maps.Keys(fs.ranks)) {
			c.standBy(fs.ranks[rank])
			c.standBy(fs.followers[rank])
		}
		c.assignRanks()
		return nil
	})
}

// RemoveFilesystem implements ceph.Filesystems.
func (k *Client) RemoveFilesystem(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("RemoveFilesystem", "fs rm"), name, func(c *Cluster) error {
		fs, ok := c.files.byName[name]
		if !ok {
			return nil
		}
		for _, m := range fs.ranks {
			if m != nil {
				return refusal.New(ceph.EINVAL, "all MDS daemons must be inactive/failed before removing filesystem. See `ceph fs fail`.").WithKind(ceph.ErrBusy)
			}
		}
		delete(c.files.byName, name)
		return nil
	})
}
