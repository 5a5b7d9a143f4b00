//go:build e2e

package operator

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// fill writes for some seconds to a pool of its own, and leaves what it wrote: at most 400 MiB.
func (c *ceph) fill(t *testing.T, pool string, seconds int) {
	t.Helper()
	c.ask(t, fmt.Sprintf(`ceph osd pool create %[1]s 32 32 replicated
ceph osd pool application enable %[1]s rados
rados -p %[1]s bench %[2]d write -b 4194304 -t 4 --max-objects 100 --no-cleanup`, pool, seconds))
}

// usage of an OSD.
type usage struct {
	ID      int32   `json:"id"`
	DataKiB int64   `json:"kb_used_data"`
	Percent float64 `json:"utilization"`
}

// settledUsage waits until what is used has stayed the same for a while, and returns it by OSD.
func (c *ceph) settledUsage(t *testing.T) map[int32]usage {
	t.Helper()
	last, since := map[int32]usage{}, time.Now()
	c.Eventually(t, "what OSDs use stays as it is", func() error {
		var df struct{ Nodes []usage }
		c.askJSON(t, "ceph osd df", &df)
		now := map[int32]usage{}
		for _, u := range df.Nodes {
			now[u.ID] = usage{u.ID, u.DataKiB, math.Round(u.Percent)}
		}
		if !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		if quiet := time.Since(since); quiet < 8*time.Second {
			return fmt.Errorf("for %v only: %v", quiet, now)
		}
		return nil
	})
	return last
}

// forecast drains an OSD while nobody writes, and sets what the plan had said beside what happened.
func (s *suite) forecast(t *testing.T) {
	s.fill(t, "forecast", 5)
	disk := s.awaitInService(t, s.disks[0])
	osd := disk.Status.OSDs[0].ID
	before := s.settledUsage(t)
	plan := s.operate(t, "forecast", v1alpha1.OperationDrain, disk.Name)
	start := time.Now()
	s.awaitOperation(t, "forecast", v1alpha1.OperationSucceeded)
	took := time.Since(start)
	moved, fullest := came(before, s.settledUsage(t), osd)
	if plan.Outcome == nil || plan.Outcome.BytesToMove == nil || plan.Outcome.FullestPercentAfter == nil || plan.Outcome.ETASeconds == nil {
		t.Fatalf("there was no forecast: %s", asJSON(t, plan))
	}
	said, percent := plan.Outcome.BytesToMove.AsApproximateFloat64(), float64(*plan.Outcome.FullestPercentAfter)
	t.Logf("forecast of a drain: %.0f MB in %d s, the fullest OSD at %.0f %%; what happened: %.0f MB in %.1f s, %.0f %%",
		said/1e6, *plan.Outcome.ETASeconds, percent, moved/1e6, took.Seconds(), fullest)
	if said < 1e6 || math.Abs(moved-said) > said/4+16e6 {
		t.Errorf("%.0f MB moved, the forecast was %.0f MB", moved/1e6, said/1e6)
	}
	if math.Abs(fullest-percent) > 5 {
		t.Errorf("the fullest OSD is at %.0f %%, the forecast was %.0f %%", fullest, percent)
	}
	s.ask(t, fmt.Sprintf("rados -p forecast cleanup >&2; ceph osd in %d", osd))
	s.awaitWhole(t)
}

// came returns how many bytes came to all OSDs but one, and how full the fullest of them is.
func came(before, after map[int32]usage, drained int32) (bytes, fullest float64) {
	for id, now := range after {
		if id != drained {
			bytes += float64(now.DataKiB-before[id].DataKiB) * 1024
			fullest = max(fullest, now.Percent)
		}
	}
	return bytes, fullest
}

// TestRemovalBesideHand prints how long it takes to remove an OSD with its data: for the operator, and for somebody who
// types the commands and knows them, in clusters of the same daemons. It is a long test.
func TestRemovalBesideHand(t *testing.T) {
	skipUnlessLong(t)
	p := installAll(t)
	hand := removedByHand(t, p)
	s := newSuiteOn(t, p, "byoperator", 2)
	s.fill(t, "bulk", 20)
	s.settledUsage(t)
	disk := s.awaitInService(t, s.disks[0])
	start := time.Now()
	s.operate(t, "removal", v1alpha1.OperationRemove, disk.Name)
	done := s.awaitOperation(t, "removal", v1alpha1.OperationSucceeded)
	operator := time.Since(start)
	s.verified(t, done)
	t.Logf("an OSD of six removed: by the operator %.1f s, erased and read back (%s); by hand %.1f s; ratio %.2f, the bar is 1.2",
		operator.Seconds(), s.watch.drained(start), hand.Seconds(), operator.Seconds()/hand.Seconds())
	t.Logf("steps: %s", s.steps(t, "removal", start))
	s.awaitWhole(t)
}

// steps of an operation as the operator logged them, in seconds after start.
func (s *suite) steps(t *testing.T, operation string, start time.Time) string {
	t.Helper()
	var steps []string
	for line := range strings.Lines(s.Kubectl(t, "-n", s.namespace, "logs", "-l", "app.kubernetes.io/component=operator", "--timestamps", "--tail=-1")) {
		stamp, text, _ := strings.Cut(line, " ")
		var said struct{ Msg, Name, Step string }
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if json.Unmarshal([]byte(text), &said) == nil && err == nil && said.Name == operation && said.Msg == "did step" {
			steps = append(steps, fmt.Sprintf("%s %.1f", said.Step, at.Sub(start).Seconds()))
		}
	}
	return strings.Join(steps, ", ")
}

// drained says when data had moved, and when that was the last time.
func (w *watch) drained(start time.Time) string {
	first, last := time.Duration(0), time.Duration(0)
	for _, x := range w.since(start) {
		switch clean := x.PGs > 0 && x.States["active+clean"] == x.PGs; {
		case clean:
			last = x.at.Sub(start)
		case first == 0:
			first = x.at.Sub(start)
		}
	}
	return fmt.Sprintf("PGs unclean from %.1f s, and for the last time clean from %.1f s on", first.Seconds(), last.Seconds())
}

// allClean succeeds when the mgr knows all PGs to be active+clean. Ceph 20.2.4 says that an OSD can be destroyed as soon as no PG
// is mapped to it, also while PGs that have left it lack copies: who removes it by hand and loses nothing waits for both.
const allClean = `ceph pg stat --format json 2>/dev/null | python3 -c '
import json, sys
states = json.load(sys.stdin)["pg_summary"]["num_pg_by_state"]
sys.exit(any(s["name"] != "active+clean" for s in states))'`

// removedByHand removes an OSD with Ceph's own commands, and returns how long that took.
func removedByHand(t *testing.T, p *product.Product) time.Duration {
	t.Helper()
	disks := addDisks(t, p, 2)
	for _, d := range disks {
		p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	}
	begin := time.Now()
	c := byHand(t, p, "byhand", 2, disks)
	t.Cleanup(func() {
		if err := c.remove(); t.Failed() && err != nil {
			t.Error(err)
		}
	})
	w := c.watch(t)
	w.awaitHealthy(t, c, begin, len(nodes), 2, len(disks))
	c.fill(t, "bulk", 20)
	c.settledUsage(t)
	start := time.Now()
	c.ask(t, "ceph osd out 0; until ceph osd safe-to-destroy 0 >&2; do sleep 1; done")
	answered := time.Since(start)
	c.ask(t, "until "+allClean+"; do sleep 1; done")
	t.Logf("by hand: safe to destroy after %.1f s, PGs clean after %.1f s (%s)", answered.Seconds(), time.Since(start).Seconds(), w.drained(start))
	c.Kubectl(t, "-n", c.namespace, "delete", "deployment", manifest.OSDName(c.name, 0))
	c.Kubectl(t, "-n", c.namespace, "wait", "--for=delete", "pods", "-l", manifest.LabelDaemon+"="+manifest.OSDDaemon(0)+
		","+v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(c.namespace, c.name), "--timeout=150s")
	c.ask(t, "until ceph osd purge 0 --yes-i-really-mean-it >&2; do sleep 1; done")
	c.Exec(t, disks[0].Node, "sh", "-ec", "wipefs -aq "+disks[0].Path+"; dd if=/dev/zero of="+disks[0].Path+" bs=1M count=16 conv=fsync status=none")
	took := time.Since(start)
	w.stop()
	if err := c.remove(); err != nil {
		t.Fatal(err)
	}
	for _, d := range disks {
		p.Local(t, "disk", "remove", d.ID)
	}
	return took
}
