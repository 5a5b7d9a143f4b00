package sim

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// codes lists the checks of a health report.
func codes(s *ceph.Snapshot) []string {
	var all []string
	for _, c := range s.Health.Checks {
		all = append(all, c.Code)
	}
	return all
}

func state(s *ceph.Snapshot, part string) int {
	n := 0
	for _, c := range s.PGs.ByState {
		if slices.Contains(strings.Split(c.State, "+"), part) {
			n += c.Count
		}
	}
	return n
}

func TestAutoOutAndNoout(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"", "cluster", "host", "class"} {
		c := newCluster(t, Options{}, 5, 1)
		admin := c.Admin()
		who := map[string]string{"host": "n0", "class": "hdd"}[flag]
		switch {
		case flag == "cluster":
			_ = admin.SetOSDFlag(t.Context(), "noout")
		case who != "":
			if err := admin.SetGroupFlag(t.Context(), "noout", who); err != nil {
				t.Fatal(err)
			}
		}
		c.CrashOSD(0)
		c.Advance(time.Second)
		if o := mustSnapshot(t, c).OSDs[0]; o.Up || !o.In {
			t.Errorf("%q: a second after the crash up %t, in %t", flag, o.Up, o.In)
		}
		c.Advance(11 * time.Minute)
		if o := mustSnapshot(t, c).OSDs[0]; o.In != (flag != "") {
			t.Errorf("%q: after eleven minutes in %t", flag, o.In)
		}
		if err := c.StartOSD(0, OSDDaemon{}); err != nil {
			t.Fatal(err)
		}
		if o := mustSnapshot(t, c).OSDs[0]; !o.Up || !o.In {
			t.Errorf("%q: back up %t, in %t", flag, o.Up, o.In)
		}
	}
}

func TestDegradedRecoversInVirtualTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{RecoveryRate: 10 * mebibyte}, 4, 1)
	mustPool(t, c, ceph.PoolSpec{Name: "p", PGs: 16})
	if err := c.FillBytes("p", 40<<30); err != nil {
		t.Fatal(err)
	}
	c.CrashOSD(0)
	c.Advance(2 * time.Minute)
	s := mustSnapshot(t, c)
	if state(s, "degraded") == 0 || s.PGs.DegradedObjects == 0 || s.PGs.RecoveringBytesPerSec != 0 {
		t.Errorf("down: %+v", s.PGs)
	}
	for _, code := range []string{"OSD_DOWN", "OSD_HOST_DOWN", "PG_DEGRADED"} {
		if !slices.Contains(codes(s), code) {
			t.Errorf("%s is not raised: %v", code, codes(s))
		}
	}
	c.Advance(10 * time.Minute)
	s = mustSnapshot(t, c)
	if state(s, "backfilling") == 0 || s.PGs.RecoveringBytesPerSec == 0 {
		t.Errorf("out: %+v", s.PGs)
	}
	c.Advance(24 * time.Hour)
	if s = mustSnapshot(t, c); state(s, "clean") != s.PGs.Total || s.PGs.DegradedObjects != 0 {
		t.Errorf("a day later: %+v", s.PGs)
	}
}

func TestFullness(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 3, 1)
	mustPool(t, c, ceph.PoolSpec{Name: "p", PGs: 16})
	for _, step := range []struct {
		ratio float64
		code  string
	}{{0.86, "OSD_NEARFULL"}, {0.91, "OSD_BACKFILLFULL"}, {0.96, "OSD_FULL"}} {
		c.FillOSD(1, step.ratio)
		if s := mustSnapshot(t, c); !slices.Contains(codes(s), step.code) {
			t.Errorf("at %g: %v", step.ratio, codes(s))
		}
	}
	if err := c.FillBytes("p", 1<<20); !errors.Is(c.asError(err), ceph.ErrNoSpace) {
		t.Errorf("write to a full pool: %v", err)
	}
	if p := find(mustSnapshot(t, c).Pools, "p"); p.AvailableBytes != 0 || !slices.Contains(p.Flags, "full") {
		t.Errorf("got %+v", p)
	}
}

// asError types an error of the driver's hand as a client would see it.
func (c *Cluster) asError(err error) error { return wrap(call{op: "write"}, "", err) }

func find(pools []ceph.Pool, name string) ceph.Pool {
	for _, p := range pools {
		if p.Name == name {
			return p
		}
	}
	return ceph.Pool{}
}

func TestBackfillTooFull(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 4, 1)
	mustPool(t, c, ceph.PoolSpec{Name: "p", PGs: 16})
	if err := c.FillBytes("p", 10<<30); err != nil {
		t.Fatal(err)
	}
	c.FillOSD(1, 0.92)
	c.FillOSD(2, 0.92)
	c.FillOSD(3, 0.92)
	c.CrashOSD(0)
	c.Advance(time.Hour)
	if s := mustSnapshot(t, c); state(s, "backfill_toofull") == 0 || !slices.Contains(codes(s), "PG_BACKFILL_FULL") {
		t.Errorf("%+v, %v", s.PGs.ByState, codes(s))
	}
	for id := 1; id <= 3; id++ {
		c.FillOSD(id, 0.1)
	}
	c.Advance(time.Hour)
	if s := mustSnapshot(t, c); state(s, "clean") != s.PGs.Total {
		t.Errorf("with room: %+v", s.PGs.ByState)
	}
}

func TestQuorumAndMgr(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 3, 1)
	admin := c.Admin()
	c.StopMon("a")
	q, err := admin.QuorumStatus(t.Context())
	if err != nil || !slices.Equal(q.InQuorum, []string{"b", "c"}) || q.Leader != "b" {
		t.Errorf("two of three: %+v, %v", q, err)
	}
	c.StopMon("b")
	if _, err := admin.QuorumStatus(t.Context()); !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("one of three: %v", err)
	}
	if _, err := c.Client("client.admin", c.users["client.admin"].Key); !errors.Is(err, ceph.ErrUnreachable) {
		t.Errorf("connect without quorum: %v", err)
	}
	c.StartMon("a")
	c.StopMgr("x")
	if m := mustSnapshot(t, c).Mgr; m.Active != "y" || len(m.Standbys) != 0 {
		t.Errorf("after x stopped: %+v", m)
	}
	c.StopMgr("y")
	if _, err := admin.OSDOKToStop(t.Context(), 0); !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("without a mgr: %v", err)
	}
	if _, err := admin.Snapshot(t.Context()); !errors.Is(err, ceph.ErrAgain) {
		t.Errorf("snapshot without a mgr: %v", err)
	}
}

func TestFrozenStatsStay(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 3, 1)
	mustPool(t, c, ceph.PoolSpec{Name: "p", PGs: 16})
	before := mustSnapshot(t, c).Capacity
	c.FreezeStats()
	if err := c.FillBytes("p", 1<<30); err != nil {
		t.Fatal(err)
	}
	if got := mustSnapshot(t, c).Capacity.UsedBytes; got != before.UsedBytes {
		t.Errorf("frozen at %d, got %d", before.UsedBytes, got)
	}
	c.ThawStats()
	if got := mustSnapshot(t, c).Capacity.UsedBytes; got != before.UsedBytes+3<<30 {
		t.Errorf("thawed: %d, was %d", got, before.UsedBytes)
	}
}

func TestPowerOffNeedsTwoReporters(t *testing.T) {
	t.Parallel()
	for hosts, wait := range map[int]time.Duration{3: 21 * time.Second, 2: 16 * time.Minute} {
		c := newCluster(t, Options{}, hosts, 1)
		c.PowerOff("n0")
		c.Advance(wait / 2)
		if o := mustSnapshot(t, c).OSDs[0]; !o.Up {
			t.Errorf("%d hosts: down too early", hosts)
		}
		c.Advance(wait / 2)
		if o := mustSnapshot(t, c).OSDs[0]; o.Up {
			t.Errorf("%d hosts: still up after %s", hosts, wait)
		}
	}
}
