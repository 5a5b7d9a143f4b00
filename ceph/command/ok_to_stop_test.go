package command

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

const yesToStop = `{"ok_to_stop":true,"osds":[1],"num_ok_pgs":0,"num_not_ok_pgs":0}`

// pgList is an answer about the PGs of one OSD.
func pgList(pgs ...string) string {
	return `{"pg_ready":true,"pg_stats":[` + strings.Join(pgs, ",") + `]}`
}

func pgJSON(id, state, acting, complete string) string {
	return fmt.Sprintf(`{"pgid":%q,"state":%q,"up":[],"acting":[%s],"avail_no_missing":[%s],"stat_sum":{"num_objects":1,"num_bytes":1}}`,
		id, state, acting, complete)
}

func poolList(minSize int) string {
	return fmt.Sprintf(`[{"pool_id":4,"pool_name":"p","type":1,"size":3,"min_size":%d,"crush_rule":0,"pg_autoscale_mode":"off","pg_num":1,`+
		`"pg_num_target":1,"flags_names":"","quota_max_bytes":0,"quota_max_objects":0,"erasure_code_profile":"","options":{},"application_metadata":{}}]`, minSize)
}

// TestOKToStopIsChecked holds Ceph's yes against the PGs.
func TestOKToStopIsChecked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		pgs     string
		minSize int
		want    ceph.OKToStop
		kind    error
	}{
		{name: "enough are left", pgs: pgList(pgJSON("4.0", "active+clean", "1,2,0", "")), minSize: 2, want: ceph.OKToStop{OK: true, PGs: 1}},
		{name: "too few are left", pgs: pgList(pgJSON("4.0", "active+clean", "1,2,0", "")), minSize: 3, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "one is a hole", pgs: pgList(pgJSON("4.0", "active+undersized", "1,2147483647,0", "")), minSize: 2, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "one lacks objects", pgs: pgList(pgJSON("4.0", "active+degraded", "1,2,0", `"1","0"`)), minSize: 2, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "a shard lacks objects", pgs: pgList(pgJSON("4.0", "active+degraded", "1,2,0", `"1(0)","2(1)"`)), minSize: 2, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "shards have all", pgs: pgList(pgJSON("4.0", "active+degraded", "1,2,0", `"1(0)","2(1)","0(2)"`)), minSize: 2, want: ceph.OKToStop{OK: true, PGs: 1}},
		{name: "inactive already", pgs: pgList(pgJSON("4.0", "peering", "1,2,0", "")), minSize: 1, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "of no pool", pgs: pgList(pgJSON("9.0", "active+clean", "1,2,0", "")), minSize: 1, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "of no number", pgs: pgList(pgJSON("x", "active+clean", "1,2,0", "")), minSize: 1, want: ceph.OKToStop{PGs: 1, Inactive: 1}},
		{name: "of an unknown state", pgs: pgList(pgJSON("4.0", "unknown", "1,2,0", "")), minSize: 1, kind: ceph.ErrAgain},
		{name: "holds none", pgs: pgList(), minSize: 1, want: ceph.OKToStop{OK: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := &scripted{t: t, answers: []answer{
				{op: "osd ok-to-stop", output: yesToStop}, {op: "osd pool ls", output: poolList(tc.minSize)}, {op: "pg ls-by-osd", output: tc.pgs},
			}}
			got, err := newAdmin(c).OSDOKToStop(t.Context(), 1)
			c.allSent()
			if !errors.Is(err, tc.kind) {
				t.Fatalf("got %v, want %v", err, tc.kind)
			}
			if got.OK != tc.want.OK || got.PGs != tc.want.PGs || got.Inactive != tc.want.Inactive || (got.Explanation == "") == (err == nil && !got.OK) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestOKToStopOf20 asks about each OSD of PGs that all need it. The mgr of 20.2.4
// counts a PG only for the last of its acting set, and says yes to the others.
func TestOKToStopOf20(t *testing.T) {
	t.Parallel()
	const pg = "4.0"
	for id := range 3 {
		said := answer{op: "osd ok-to-stop", output: fmt.Sprintf(`{"ok_to_stop":true,"osds":[%d],"num_ok_pgs":0,"num_not_ok_pgs":0}`, id)}
		script := []answer{said, {op: "osd pool ls", output: poolList(3)}, {op: "pg ls-by-osd", output: pgList(pgJSON(pg, "active+clean", "1,2,0", ""))}}
		if id == 0 {
			script = []answer{{
				op: "osd ok-to-stop", errno: ceph.EBUSY, status: "unsafe to stop osd(s) at this time (1 PGs are or would become offline)",
				output: `{"ok_to_stop":false,"osds":[0],"num_ok_pgs":0,"num_not_ok_pgs":1,"bad_become_inactive":["4.0"]}`,
			}}
		}
		c := &scripted{t: t, answers: script}
		got, err := newAdmin(c).OSDOKToStop(t.Context(), id)
		if err != nil || got.OK || got.Inactive != 1 || got.PGs != 1 || got.Explanation == "" {
			t.Errorf("osd.%d: got %+v %v, want a no", id, got, err)
		}
		c.allSent()
	}
}

func TestOKToStopErrors(t *testing.T) {
	t.Parallel()
	down := answer{op: "pg ls-by-osd", errno: ceph.EAGAIN, status: "osd 1 is not up", output: `{"pg_ready":true}`}
	pools := answer{op: "osd pool ls", output: poolList(2)}
	yes := answer{op: "osd ok-to-stop", output: yesToStop}
	for _, tc := range []struct {
		name   string
		script []answer
		kind   error
	}{
		{"one that is down holds nothing", []answer{yes, pools, down, {op: "osd find", output: "{}"}}, nil},
		{"one that is not there", []answer{yes, pools, down, {op: "osd find", errno: ceph.ENOENT, status: "osd.1 does not exist"}}, ceph.ErrNotFound},
		{"PGs are unknown", []answer{{op: "osd ok-to-stop", errno: ceph.EAGAIN, status: "3 pgs have unknown state; cannot draw any conclusions"}}, ceph.ErrAgain},
		{"the mgr just started", []answer{{op: "osd ok-to-stop", status: staleWarning + "\n", output: yesToStop}}, ceph.ErrAgain},
		{"a no without JSON", []answer{{op: "osd ok-to-stop", errno: ceph.EBUSY, status: "unsafe"}}, ceph.ErrBusy},
		{"pools cannot be read", []answer{yes, {op: "osd pool ls", errno: ceph.EACCES, status: "access denied"}}, ceph.ErrPermission},
		{"PGs cannot be read", []answer{yes, pools, {op: "pg ls-by-osd", errno: ceph.EACCES, status: "access denied"}}, ceph.ErrPermission},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := &scripted{t: t, answers: tc.script}
			got, err := newAdmin(c).OSDOKToStop(t.Context(), 1)
			c.allSent()
			if !errors.Is(err, tc.kind) || got.OK != (tc.kind == nil) {
				t.Errorf("got %+v %v, want %v", got, err, tc.kind)
			}
		})
	}
}

// TestSafeToDestroyExplains asks a second time for the words of a no.
func TestSafeToDestroyExplains(t *testing.T) {
	t.Parallel()
	const words = "OSD(s) 0 have 25 pgs currently mapped to them."
	c := &scripted{t: t, answers: []answer{
		{op: "osd safe-to-destroy", output: `{"safe_to_destroy":[5],"active":[0],"missing_stats":[],"stored_pgs":[]}`},
		{op: "osd safe-to-destroy", errno: ceph.EBUSY, status: words + " "},
	}}
	got, err := newAdmin(c).OSDSafeToDestroy(t.Context(), 0, 5)
	c.allSent()
	if err != nil || got.Explanation != words || len(got.Safe) != 1 || len(got.Active) != 1 {
		t.Errorf("got %+v %v, want Ceph's words", got, err)
	}
	if !c.requests[1].Plain {
		t.Error("asked for JSON again")
	}
}
