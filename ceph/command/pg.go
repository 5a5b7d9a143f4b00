package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

var _ ceph.PGs = (*Admin)(nil)

// pgsOfOSD names the OSD by number: a 20.2 mgr never answers when an argument
// is of another JSON type than it expects.
func pgsOfOSD(id int) Request {
	return Request{Op: "pg ls-by-osd", Target: Mgr(), Subject: osdName(id), Args: Args{"osd": id}}
}

// pgsAnswer has no list when the OSD has no PG.
type pgsAnswer struct {
	Ready *bool    `json:"pg_ready"`
	Stats []pgStat `json:"pg_stats"`
}

func (a pgsAnswer) ready() bool { return *a.Ready }

type pgStat struct {
	ID     *string `json:"pgid"`
	State  *string `json:"state"`
	Up     *[]int  `json:"up"`
	Acting *[]int  `json:"acting"`
	Sum    *struct {
		Objects *int64 `json:"num_objects"`
		Bytes   *int64 `json:"num_bytes"`
	} `json:"stat_sum"`
	// AvailNoMissing lists who has all of a degraded PG, as osd or osd(shard).
	AvailNoMissing []string `json:"avail_no_missing"`
}

// noOSD is how Ceph writes a place of an up or acting set that nobody holds.
const noOSD = 0x7fffffff

func (s pgStat) pg() ceph.PG {
	return ceph.PG{
		ID: *s.ID, State: *s.State, Up: withHoles(*s.Up), Acting: withHoles(*s.Acting),
		Objects: *s.Sum.Objects, Bytes: *s.Sum.Bytes,
	}
}

// withHoles writes -1 for a place that nobody holds. Places matter: in an
// erasure-coded PG each has its own chunk.
func withHoles(osds []int) []int {
	out := make([]int, len(osds))
	for i, id := range osds {
		if out[i] = id; id == noOSD {
			out[i] = -1
		}
	}
	return out
}

// PGsOfOSD lists the PGs whose up or acting set has the OSD, in Ceph's order; a
// place that nobody holds is -1. An OSD that is down is ErrAgain: what it still
// stores is not known. One that does not exist is ErrNotFound.
func (a *Admin) PGsOfOSD(ctx context.Context, id int) ([]ceph.PG, error) {
	stats, err := a.pgStats(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []ceph.PG
	for _, s := range stats {
		out = append(out, s.pg())
	}
	return out, nil
}

func (a *Admin) pgStats(ctx context.Context, id int) ([]pgStat, error) {
	r := pgsOfOSD(id)
	if err := r.checkIDs([]int{id}); err != nil {
		return nil, err
	}
	reply, err := a.transport.Send(ctx, r)
	if refused(err, notUp, ceph.EAGAIN) {
		return nil, a.downOrAbsent(ctx, r, id, err)
	}
	if err != nil {
		return nil, err
	}
	answer, err := decodeFresh[pgsAnswer](r, reply)
	if err != nil {
		return nil, err
	}
	return answer.Stats, nil
}

// decodeFresh decodes an answer that says whether the mgr knows all PGs, and is ErrAgain if it does not.
func decodeFresh[T interface{ ready() bool }](r Request, reply Reply) (T, error) {
	var none T
	if err := r.checkFresh(reply); err != nil {
		return none, err
	}
	answer, err := decode[T](r, reply.Output)
	if err != nil {
		return none, err
	}
	if !answer.ready() {
		return none, r.fail(ceph.ErrAgain, staleWarning)
	}
	return answer, nil
}

// checkFresh refuses an answer about PGs that a mgr gives before all OSDs have
// reported to it: what it does not know it takes to be fine.
func (r Request) checkFresh(reply Reply) error {
	if strings.HasPrefix(reply.Status, staleWarning) {
		return r.fail(ceph.ErrAgain, staleWarning)
	}
	return nil
}

// notUp is what a mgr says of an OSD that is down, and of one that does not exist.
const notUp = "is not up"

func (a *Admin) downOrAbsent(ctx context.Context, r Request, id int, down error) error {
	err := a.act(ctx, findOSD(id))
	if errors.Is(err, ceph.ErrNotFound) {
		return r.fail(ceph.ErrNotFound, fmt.Sprintf("%s does not exist", osdName(id)))
	}
	if err != nil {
		return err
	}
	return down
}

func pgStates() Request { return Request{Op: "pg stat", Target: Mgr()} }

type pgStatesAnswer struct {
	Ready   *bool `json:"pg_ready"`
	Summary *struct {
		ByState *[]struct {
			State *string `json:"name"`
			Count *int    `json:"num"`
		} `json:"num_pg_by_state"`
	} `json:"pg_summary"`
}

func (a pgStatesAnswer) ready() bool { return *a.Ready }

// PGStates counts the PGs by state, as the mgr knows them. It is ErrAgain until all OSDs have reported to the mgr.
func (a *Admin) PGStates(ctx context.Context) ([]ceph.PGStateCount, error) {
	r := pgStates()
	reply, err := a.transport.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	answer, err := decodeFresh[pgStatesAnswer](r, reply)
	if err != nil {
		return nil, err
	}
	var out []ceph.PGStateCount
	for _, in := range *answer.Summary.ByState {
		out = append(out, ceph.PGStateCount{State: *in.State, Count: *in.Count})
	}
	slices.SortFunc(out, byCount)
	return out, nil
}

// byCount puts what most PGs are in first.
func byCount(a, b ceph.PGStateCount) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.State, b.State))
}

// has tells whether a PG is in a state such as degraded: its own is a list such
// as active+undersized+degraded.
func (s pgStat) has(state string) bool {
	for one := range strings.SplitSeq(*s.State, "+") {
		if one == state {
			return true
		}
	}
	return false
}
