package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// stateActive is ceph.MDSActive as people are told it.
const stateActive = "active"

// The options of a filesystem that are declared.
const (
	optionMaxMDS  = "max_mds"
	optionFollows = "allow_standby_replay"
)

func mdsState(mds ceph.MDS) string { return strings.TrimPrefix(mds.State, "up:") }

// holders returns the servers that hold a rank, by rank, and followers those that replay along with one.
func holders(fs *ceph.Filesystem) (held, followers []ceph.MDS) {
	for _, mds := range fs.Ranks {
		switch {
		case mds.Rank < 0:
		case mds.State == ceph.MDSStandbyReplay:
			followers = append(followers, mds)
		default:
			held = append(held, mds)
		}
	}
	return held, followers
}

// rankState says in a word how a rank is.
func rankState(fs *ceph.Filesystem, rank int) string {
	held, _ := holders(fs)
	at := slices.IndexFunc(held, func(mds ceph.MDS) bool { return mds.Rank == rank })
	switch {
	case at >= 0:
		return mdsState(held[at])
	case slices.Contains(fs.Damaged, rank):
		return "damaged"
	case slices.Contains(fs.Failed, rank):
		return "failed"
	}
	return "held by nobody"
}

// active counts the ranks that are active.
func active(fs *ceph.Filesystem) int { return len(ActiveRanks(*fs)) }

// unsettled says why the number of ranks cannot change now; empty: it can.
func unsettled(fs *ceph.Filesystem) string {
	held, _ := holders(fs)
	for _, mds := range held {
		if mds.State != ceph.MDSActive {
			return fmt.Sprintf("rank %d is %s", mds.Rank, mdsState(mds))
		}
	}
	switch {
	case !fs.Joinable:
		return "the filesystem was stopped by hand"
	case len(fs.Damaged) > 0:
		return fmt.Sprintf("rank %d is damaged", fs.Damaged[0])
	case len(fs.Failed) > 0:
		return fmt.Sprintf("rank %d has failed", fs.Failed[0])
	case len(held) != fs.MaxMDS:
		return fmt.Sprintf("%d of %s are held", len(held), count(fs.MaxMDS, "rank"))
	}
	return ""
}

// ranks sets how many there are, one at a time and while all are active, and whether standbys follow them.
func (c *filesystemComputation) ranks() {
	follows := c.spec.MDS.Standby == v1alpha1.StandbyReplay
	if c.fs.StandbyReplay != follows {
		c.setOption(optionFollows, strconv.FormatBool(follows), strconv.FormatBool(follows), strconv.FormatBool(c.fs.StandbyReplay))
	}
	is, wanted := c.fs.MaxMDS, int(c.spec.MDS.Active)
	if is == wanted {
		return
	}
	next := is - 1
	if wanted > is {
		next = is + 1
	}
	why := unsettled(c.fs)
	if why == "" && next > is && len(c.snapshot.Standbys) == 0 {
		why = fmt.Sprintf("no metadata server stands by that could hold rank %d", is)
	}
	if why == "" {
		c.setOption(optionMaxMDS, strconv.Itoa(next), strconv.Itoa(wanted), strconv.Itoa(is))
		return
	}
	c.out.Changing = append(c.out.Changing, PoolDifference{c.fs.Name, optionMaxMDS, strconv.Itoa(wanted), strconv.Itoa(is)})
	c.out.Waiting = "ranks come and go one at a time, while all others are active: " + why
}

func (c *filesystemComputation) setOption(option, value, declared, live string) {
	difference := PoolDifference{c.fs.Name, option, declared, live}
	c.out.Changing = append(c.out.Changing, difference)
	c.add(SetFilesystem{c.fs.Name, option, value}, difference.String())
}
