package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func osdOKToStop(ids []int) Request {
	r := onOSDs("osd ok-to-stop", ids)
	r.Target = Mgr()
	return r
}

func osdSafeToDestroy(ids []int) Request {
	r := onOSDs("osd safe-to-destroy", ids)
	r.Target = Mgr()
	return r
}

type okToStopAnswer struct {
	OK       *bool  `json:"ok_to_stop"`
	OSDs     *[]int `json:"osds"`
	OKPGs    *int   `json:"num_ok_pgs"`
	NotOKPGs *int   `json:"num_not_ok_pgs"`
}

func (o okToStopAnswer) check() error {
	for _, n := range []int{*o.OKPGs, *o.NotOKPGs} {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("a number of PGs of %d", n)
		}
	}
	return nil
}

// OSDOKToStop asks whether every PG stays available while these OSDs are down.
//
// A yes of Ceph is checked against the PGs themselves. The mgr of 20.2 counts a
// PG only if the last OSD of its acting set is among those asked for, and so
// says yes where it must not. An OSD that does not exist is ErrNotFound; a PG
// whose state is unknown makes the whole answer ErrAgain.
func (a *Admin) OSDOKToStop(ctx context.Context, ids ...int) (ceph.OKToStop, error) {
	r := osdOKToStop(ids)
	if err := r.checkIDs(ids); err != nil {
		return ceph.OKToStop{}, err
	}
	answer, said, err := askVerdict[okToStopAnswer](ctx, a, r)
	if err != nil {
		return ceph.OKToStop{}, err
	}
	verdict := ceph.OKToStop{
		OK: *answer.OK, OSDs: *answer.OSDs, Inactive: *answer.NotOKPGs,
		PGs: *answer.OKPGs + *answer.NotOKPGs, Explanation: said,
	}
	if !verdict.OK {
		return verdict, nil
	}
	return a.confirmStop(ctx, r, verdict, ids)
}

// askVerdict asks a question whose no is EBUSY with the same JSON as a yes. It
// returns Ceph's words as well.
func askVerdict[T any](ctx context.Context, a *Admin, r Request) (T, string, error) {
	reply, refusal := a.transport.Send(ctx, r)
	if refusal != nil && !refused(refusal, "", ceph.EBUSY) {
		var none T
		return none, "", refusal
	}
	if err := r.checkFresh(reply); err != nil {
		var none T
		return none, "", err
	}
	answer, err := decode[T](r, reply.Output)
	if err != nil && refusal != nil {
		return answer, "", refusal // a no without JSON
	}
	return answer, words(reply.Status), err
}

// confirmStop counts by itself what stopping the OSDs would make unavailable.
func (a *Admin) confirmStop(ctx context.Context, r Request, yes ceph.OKToStop, ids []int) (ceph.OKToStop, error) {
	minSize, err := a.minSizes(ctx)
	if err != nil {
		return ceph.OKToStop{}, err
	}
	pgs, err := a.pgsOfOSDs(ctx, ids)
	if err != nil {
		return ceph.OKToStop{}, err
	}
	var lost []string
	for id, pg := range pgs {
		if pg.has("unknown") {
			return ceph.OKToStop{}, r.fail(ceph.ErrAgain, "the state of pg "+id+" is unknown")
		}
		if !pg.survives(ids, minSize) {
			lost = append(lost, id)
		}
	}
	yes.PGs = max(yes.PGs, len(pgs))
	return overrule(yes, lost), nil
}

// overrule turns a yes into a no if PGs would be lost.
func overrule(yes ceph.OKToStop, lost []string) ceph.OKToStop {
	if len(lost) == 0 {
		return yes
	}
	yes.OK, yes.Inactive = false, len(lost)
	yes.Explanation = fmt.Sprintf("Ceph's ok-to-stop says yes, but by their acting sets %d PGs are or would become offline, such as %s",
		len(lost), slices.Min(lost))
	return yes
}

func (a *Admin) minSizes(ctx context.Context) (map[int64]int, error) {
	pools, err := ask[poolListAnswer](ctx, a, listPools())
	if err != nil {
		return nil, err
	}
	out := make(map[int64]int, len(pools))
	for _, p := range pools {
		out[*p.ID] = *p.MinSize
	}
	return out, nil
}

// pgsOfOSDs collects the PGs of several OSDs by id. One that is down holds none.
func (a *Admin) pgsOfOSDs(ctx context.Context, ids []int) (map[string]pgStat, error) {
	out := make(map[string]pgStat)
	for _, id := range ids {
		stats, err := a.pgStats(ctx, id)
		if refused(err, notUp, ceph.EAGAIN) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, s := range stats {
			out[*s.ID] = s
		}
	}
	return out, nil
}

// survives tells whether enough OSDs serve the PG when those are stopped. Of a
// degraded PG only those count that miss none of its objects, as in Ceph. A PG
// that is not active, or whose pool is gone, does not survive.
func (s pgStat) survives(stopped []int, minSize map[int64]int) bool {
	need, known := minSize[poolOfPG(*s.ID)]
	if !known || !s.has("active") {
		return false
	}
	holders := *s.Acting
	if s.has("degraded") {
		holders = s.complete()
	}
	left := 0
	for _, id := range holders {
		if id != noOSD && !slices.Contains(stopped, id) {
			left++
		}
	}
	return left >= need
}

// complete reads "3" of a replicated PG and "3(1)" of an erasure-coded one.
func (s pgStat) complete() []int {
	var out []int
	for _, holder := range s.AvailNoMissing {
		osd, _, _ := strings.Cut(holder, "(")
		if id, err := strconv.Atoi(osd); err == nil {
			out = append(out, id)
		}
	}
	return out
}

// poolOfPG reads the pool of a PG id such as 4.1f; -1 if it is none.
func poolOfPG(id string) int64 {
	pool, _, _ := strings.Cut(id, ".")
	n, err := strconv.ParseInt(pool, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

type safeToDestroyAnswer struct {
	Safe         *[]int `json:"safe_to_destroy"`
	Active       *[]int `json:"active"`
	MissingStats *[]int `json:"missing_stats"`
	StoredPGs    *[]int `json:"stored_pgs"`
}

// OSDSafeToDestroy asks which of these OSDs hold nothing that is needed. Ceph
// calls one that does not exist safe. While PGs are unknown the answer is
// ErrAgain.
func (a *Admin) OSDSafeToDestroy(ctx context.Context, ids ...int) (ceph.SafeToDestroy, error) {
	r := osdSafeToDestroy(ids)
	if err := r.checkIDs(ids); err != nil {
		return ceph.SafeToDestroy{}, err
	}
	answer, said, err := askVerdict[safeToDestroyAnswer](ctx, a, r)
	if err != nil {
		return ceph.SafeToDestroy{}, err
	}
	out := ceph.SafeToDestroy{
		Safe: *answer.Safe, Active: *answer.Active, StoredPGs: *answer.StoredPGs,
		MissingStats: *answer.MissingStats, Explanation: said,
	}
	if out.Explanation == "" && len(out.Active)+len(out.StoredPGs)+len(out.MissingStats) > 0 {
		out.Explanation = a.why(ctx, r)
	}
	return out, nil
}

// why asks again without JSON: with it, a mgr says no without words.
func (a *Admin) why(ctx context.Context, r Request) string {
	r.Plain = true
	_, err := a.transport.Send(ctx, r)
	var no *ceph.Error
	if errors.As(err, &no) && no.Errno != 0 {
		return no.Text
	}
	return ""
}
