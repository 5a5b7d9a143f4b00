package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// mdsBatch takes one MDS: those that stand by before those that follow a rank before those that hold one. A filesystem that
// is not well stops its own MDSs and no others.
func (c *computation) mdsBatch(of []change) ([]change, *v1alpha1.Refusal) {
	inOrder := slices.SortedFunc(slices.Values(of), func(a, b change) int {
		return cmp.Or(cmp.Compare(c.mdsRoles[a.id().Name].order(), c.mdsRoles[b.id().Name].order()), compareDaemons(a.id(), b.id()))
	})
	var waits *v1alpha1.Refusal
	for _, ch := range inOrder {
		refusal := c.mdsWaits(ch)
		if refusal == nil {
			refusal = c.denial([]change{ch})
		}
		if refusal == nil {
			return []change{ch}, oneAtATime(ch)
		}
		waits = cmp.Or(waits, refusal)
	}
	return nil, waits
}

// mdsWaits returns why an MDS may not be restarted now; nil: it may.
func (c *computation) mdsWaits(ch change) *v1alpha1.Refusal {
	role := c.mdsRoles[ch.id().Name]
	fs := c.cephFS(cmp.Or(role.filesystem, ch.daemon.Filesystem))
	if fs == nil {
		return nil
	}
	if text := RanksNotActive(*fs); text != "" {
		return holdRollout("a restart waits until all ranks of filesystem %s are active: %s", fs.Name, text)
	}
	if role.holds() && c.filesystem(fs.Name).wantsStandby() && !c.hasStandby(*fs, role.rank) {
		return holdRollout("a restart waits for a server that stands by for rank %d of filesystem %s", role.rank, fs.Name)
	}
	return nil
}

func (f ClusterFilesystem) wantsStandby() bool {
	return f.Name != "" && f.MDS.Standby != v1alpha1.StandbyNone
}

// hasStandby says that somebody takes over a rank: who follows it, or one of the filesystem's own that stands by.
func (c *computation) hasStandby(fs ceph.Filesystem, rank int) bool {
	follows := func(mds ceph.MDS) bool { return mds.Rank == rank && mds.State == ceph.MDSStandbyReplay }
	own := func(mds ceph.MDS) bool { return c.mdsFiles[mds.Name] == fs.Name }
	return slices.ContainsFunc(fs.Ranks, follows) || slices.ContainsFunc(c.snapshot.Standbys, own)
}

// RankOf returns the rank that an MDS holds in a filesystem; false: it holds none.
func RankOf(fs ceph.Filesystem, name string) (rank int, holds bool) {
	for _, mds := range fs.Ranks {
		if mds.Name == name && mds.State != ceph.MDSStandbyReplay {
			return mds.Rank, true
		}
	}
	return 0, false
}

// ActiveRanks lists the ranks that serve.
func ActiveRanks(fs ceph.Filesystem) []int {
	var ranks []int
	for _, mds := range fs.Ranks {
		if mds.State == ceph.MDSActive {
			ranks = append(ranks, mds.Rank)
		}
	}
	return ranks
}

// RanksNotActive says which of the ranks that a filesystem is to have do not serve; empty: all do.
func RanksNotActive(fs ceph.Filesystem) string {
	var parts []string
	for _, rank := range fs.Damaged {
		parts = append(parts, fmt.Sprintf("rank %d is damaged", rank))
	}
	held := map[int]bool{}
	for _, mds := range fs.Ranks {
		if mds.State == ceph.MDSStandbyReplay {
			continue
		}
		held[mds.Rank] = true
		if mds.State != ceph.MDSActive {
			parts = append(parts, fmt.Sprintf("rank %d is %s", mds.Rank, mds.State))
		}
	}
	for rank := range fs.MaxMDS {
		if !held[rank] && !slices.Contains(fs.Damaged, rank) {
			parts = append(parts, fmt.Sprintf("rank %d has no server", rank))
		}
	}
	return some(parts)
}
