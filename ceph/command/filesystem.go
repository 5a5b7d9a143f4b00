package command

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.Filesystems = (*Admin)(nil)

func fsDump() Request { return Request{Op: "fs dump", Target: Mon()} }

func listFilesystems() Request { return Request{Op: "fs ls", Target: Mon()} }

func createFilesystem(name, metadataPool, dataPool string) Request {
	return Request{
		Op: "fs new", Target: Mon(), Subject: name,
		Args: Args{"fs_name": name, "metadata": metadataPool, "data": dataPool},
	}
}

func addDataPool(filesystem, pool string) Request {
	return Request{
		Op: "fs add_data_pool", Target: Mon(), Subject: filesystem,
		Args: Args{"fs_name": filesystem, "pool": pool},
	}
}

func setFilesystemOption(filesystem, option, value string) Request {
	return Request{
		Op: "fs set", Target: Mon(), Subject: filesystem,
		Args: Args{"fs_name": filesystem, "var": option, "val": value},
	}
}

// failFilesystem confirms: from 19 on Ceph asks whether that is meant while an
// MDS is unhealthy, because its recovery would take long.
func failFilesystem(name string) Request {
	return Request{
		Op: "fs fail", Target: Mon(), Subject: name,
		Args: Args{"fs_name": name, "yes_i_really_mean_it": true},
	}
}

func removeFilesystem(name string) Request {
	return Request{
		Op: "fs rm", Target: Mon(), Subject: name,
		Args: Args{"fs_name": name, "yes_i_really_mean_it": true},
	}
}

func failMDS(who string) Request {
	return Request{Op: "mds fail", Target: Mon(), Subject: "mds " + who, Args: Args{"role_or_gid": who}}
}

type fsDumpAnswer struct {
	Standbys    *[]mdsAnswer `json:"standbys"`
	Filesystems *[]struct {
		ID     *int          `json:"id"`
		MDSMap *mdsMapAnswer `json:"mdsmap"`
	} `json:"filesystems"`
}

type mdsMapAnswer struct {
	Name         *string               `json:"fs_name"`
	Flags        *int64                `json:"flags"`
	MaxMDS       *int                  `json:"max_mds"`
	MetadataPool *int64                `json:"metadata_pool"`
	DataPools    *[]int64              `json:"data_pools"`
	Failed       *[]int                `json:"failed"`
	Damaged      *[]int                `json:"damaged"`
	Info         *map[string]mdsAnswer `json:"info"` // by gid
}

type mdsAnswer struct {
	Name      *string     `json:"name"`
	Rank      *int        `json:"rank"`
	State     *string     `json:"state"`
	Addresses *addressVec `json:"addrs"`
}

// Bits of an MDS map's flags. Releases before 18 do not spell them out.
const (
	flagNotJoinable   = 1 << 0
	flagStandbyReplay = 1 << 5
)

func (m mdsAnswer) mds() ceph.MDS {
	return ceph.MDS{Name: *m.Name, Rank: *m.Rank, State: *m.State, Addresses: m.Addresses.addresses()}
}

func (f fsDumpAnswer) filesystems() []ceph.Filesystem {
	var out []ceph.Filesystem
	for _, fs := range *f.Filesystems {
		out = append(out, fs.MDSMap.filesystem(*fs.ID))
	}
	slices.SortFunc(out, func(a, b ceph.Filesystem) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (m mdsMapAnswer) filesystem(id int) ceph.Filesystem {
	out := ceph.Filesystem{
		ID: id, Name: *m.Name, MetadataPool: *m.MetadataPool, DataPools: *m.DataPools, MaxMDS: *m.MaxMDS,
		StandbyReplay: *m.Flags&flagStandbyReplay != 0,
		Joinable:      *m.Flags&flagNotJoinable == 0,
		Failed:        slices.Sorted(slices.Values(*m.Failed)),
		Damaged:       slices.Sorted(slices.Values(*m.Damaged)),
	}
	for _, mds := range *m.Info {
		out.Ranks = append(out.Ranks, mds.mds())
	}
	slices.SortFunc(out.Ranks, byRank)
	return out
}

// byRank puts who follows a rank in standby-replay behind who holds it.
func byRank(a, b ceph.MDS) int {
	follows := func(m ceph.MDS) bool { return m.State == ceph.MDSStandbyReplay }
	if a.Rank == b.Rank && follows(a) != follows(b) {
		if follows(a) {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Name, b.Name))
}

func (f fsDumpAnswer) standbys() []ceph.MDS {
	var out []ceph.MDS
	for _, mds := range *f.Standbys {
		out = append(out, mds.mds())
	}
	slices.SortFunc(out, byRank)
	return out
}

// Filesystems lists all, sorted by name, with their ranks.
func (a *Admin) Filesystems(ctx context.Context) ([]ceph.Filesystem, error) {
	answer, err := ask[fsDumpAnswer](ctx, a, fsDump())
	if err != nil {
		return nil, err
	}
	return answer.filesystems(), nil
}

// CreateFilesystem makes a filesystem on two pools that exist. One of that name
// on the same pools is no error, on others ErrExists. A pool that is not empty,
// has another application or belongs to another filesystem is ErrInvalid.
func (a *Admin) CreateFilesystem(ctx context.Context, name, metadataPool, dataPool string) error {
	err := a.act(ctx, createFilesystem(name, metadataPool, dataPool))
	return rekind(err, ceph.ErrExists, "already exists with name", ceph.EINVAL)
}

// AddDataPool adds a data pool. One that the filesystem has is no error; from 18
// on Ceph refuses that in the words that it has for the pool of another one.
func (a *Admin) AddDataPool(ctx context.Context, filesystem, pool string) error {
	err := a.act(ctx, addDataPool(filesystem, pool))
	if !refused(err, "already used by filesystem", ceph.EINVAL) {
		return err
	}
	type listAnswer []struct {
		Name      *string   `json:"name"`
		DataPools *[]string `json:"data_pools"`
	}
	list, listErr := ask[listAnswer](ctx, a, listFilesystems())
	if listErr != nil {
		return listErr
	}
	for _, fs := range list {
		if *fs.Name == filesystem && slices.Contains(*fs.DataPools, pool) {
			return nil
		}
	}
	return err
}

// SetFilesystemOption sets one property as "fs set" names it (max_mds,
// allow_standby_replay, ...). What Ceph asks to confirm is ErrRefused.
func (a *Admin) SetFilesystemOption(ctx context.Context, filesystem, option, value string) error {
	return a.act(ctx, setFilesystemOption(filesystem, option, value))
}

// FailFilesystem takes all ranks down, so that it can be removed.
func (a *Admin) FailFilesystem(ctx context.Context, name string) error {
	return a.act(ctx, failFilesystem(name))
}

// RemoveFilesystem forgets a failed filesystem; its pools stay. One whose ranks
// run is ErrBusy; one that does not exist is no error.
func (a *Admin) RemoveFilesystem(ctx context.Context, name string) error {
	err := a.act(ctx, removeFilesystem(name))
	return rekind(err, ceph.ErrBusy, "must be inactive/failed", ceph.EINVAL)
}

// FailMDS makes a standby take over from a rank (fs:0) or daemon. One that does
// not run is no error; one that Ceph asks to confirm, because its recovery would
// take long, is ErrRefused.
func (a *Admin) FailMDS(ctx context.Context, who string) error {
	return a.act(ctx, failMDS(who))
}
