package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
)

// fleet is a simulated Ceph of 5,000 OSDs on 500 hosts in 25 racks, with a StorageDisk for each OSD. One pool keeps its
// copies on different hosts, another in different racks.
type fleet struct {
	*testing.T
	ceph *sim.Cluster
	in   OperationObserved
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{T: t, ceph: c}
	for h := range 500 {
		loc := ceph.Location{{Type: "root", Name: "default"}, {Type: "rack", Name: fmt.Sprintf("r%d", h%25)}}
		_, err := c.AddHost(sim.Host{Name: fmt.Sprintf("n%d", h), Location: loc, OSDs: 10, Size: 8 << 40})
		f.must(err)
	}
	f.must(c.Admin().CreateReplicatedRule(t.Context(), ceph.ReplicatedRule{Name: "racks", FailureDomain: "rack"}))
	for _, pool := range []ceph.PoolSpec{
		{Name: "blocks", PGs: 16384, AutoscaleMode: "off"}, {Name: "files", PGs: 4096, AutoscaleMode: "off", Rule: "racks"},
	} {
		f.must(c.Admin().CreatePool(t.Context(), pool))
	}
	f.must(c.FillBytes("blocks", 4000<<40))
	f.must(c.FillBytes("files", 500<<40))
	f.in = OperationObserved{Found: true, Cluster: ClusterKey{"ns", "main"}, FSID: c.FSID(), PGs: map[int32][]ceph.PG{}}
	f.look()
	for _, osd := range f.in.Ceph.Snapshot.OSDs {
		f.in.Disks = append(f.in.Disks, fleetDisk(osd, c.FSID()))
	}
	return f
}

func fleetDisk(osd ceph.OSD, fsid string) *v1alpha1.StorageDisk {
	disk := &v1alpha1.StorageDisk{}
	disk.Name = fmt.Sprintf("wwn-%d", osd.ID)
	disk.Status.Node = fmt.Sprintf("n%d", osd.ID/10)
	disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}
	disk.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "s"}
	disk.Status.OSDs = []v1alpha1.DiskOSD{{ID: int32(osd.ID), Role: v1alpha1.OSDRoleData, UUID: osd.UUID}}
	return disk
}

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fleet) look() *ceph.Snapshot {
	s, err := f.ceph.Admin().Snapshot(f.Context())
	f.must(err)
	f.in.Ceph = CephFacts{Reach: ReachAnswering, Fresh: true, Snapshot: s}
	return s
}

func (f *fleet) pgs(id int32) []ceph.PG {
	pgs, err := f.ceph.Admin().PGsOfOSD(f.Context(), int(id))
	f.must(err)
	return pgs
}

// plan plans an operation, with the PGs that it wants to know.
func (f *fleet) plan(spec v1alpha1.StorageOperationSpec) OperationDraft {
	f.in.Spec = spec
	for _, id := range OperationOSDs(f.in) {
		f.in.PGs[id] = f.pgs(id)
	}
	return ComputeOperation(f.in)
}

// moving adds up what the simulator moves of the PGs of OSDs.
func (f *fleet) moving(ids []int32) (bytes float64) {
	seen := map[string]bool{}
	for _, id := range ids {
		for _, pg := range f.pgs(id) {
			for _, osd := range pg.Up {
				if !seen[pg.ID] && !slices.Contains(pg.Acting, osd) {
					bytes += float64(pg.Bytes)
				}
			}
			seen[pg.ID] = true
		}
	}
	return bytes
}

func outOf(draft OperationDraft) (ids []int32) {
	for _, target := range draft.Targets {
		ids = append(ids, target.OSDs...)
	}
	return ids
}

func ints(ids []int32) (all []int) {
	for _, id := range ids {
		all = append(all, int(id))
	}
	return all
}

// What is forecast is what the simulator does when the OSDs are marked out: the bytes within a tenth, and the fullest OSD
// within three percent of its size. No copy is missing on the way.
func TestOperationForecast(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	draft := f.plan(v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Node: "n7"})
	if got := draft.Plan.Blockers; len(got) > 0 || len(draft.Targets) != 10 {
		t.Fatalf("%d targets, blockers %+v", len(draft.Targets), got)
	}
	ids, outcome := outOf(draft), draft.Plan.Outcome
	f.must(f.ceph.Admin().OSDOut(t.Context(), ints(ids)...))
	moves, forecast := f.moving(ids), outcome.BytesToMove.AsApproximateFloat64()
	if forecast < 0.9*moves || forecast > 1.1*moves {
		t.Errorf("forecast %g bytes, and %g move", forecast, moves)
	}
	f.drained(ids)
	fullest := 0.0
	for _, osd := range f.look().OSDs {
		if osd.In {
			fullest = max(fullest, 100*float64(osd.UsedBytes)/float64(osd.TotalBytes))
		}
	}
	if d := fullest - float64(*outcome.FullestPercentAfter); d < -3 || d > 3 {
		t.Errorf("forecast that the fullest OSD has %d%%, and it has %.1f%%", *outcome.FullestPercentAfter, fullest)
	}
	t.Logf("forecast %g bytes of %g, fullest %d%% of %.1f%%, %d s", forecast, moves, *outcome.FullestPercentAfter, fullest, *outcome.ETASeconds)
}

// drained lets time pass until the OSDs are empty, and sees that no PG lacks a copy meanwhile.
func (f *fleet) drained(ids []int32) {
	f.Helper()
	for range 200 {
		f.ceph.Advance(10 * time.Minute)
		clean := true
		for _, state := range f.look().PGs.ByState {
			if strings.Contains(state.State, "undersized") || !strings.Contains(state.State, "active") {
				f.Fatalf("%d PGs are %s", state.Count, state.State)
			}
			clean = clean && strings.HasPrefix(state.State, "active+clean")
		}
		if clean {
			for _, id := range ids {
				if left := f.pgs(id); len(left) > 0 {
					f.Errorf("osd.%d still has %d PGs", id, len(left))
				}
			}
			return
		}
	}
	f.Fatal("never clean again")
}

// No plan takes disks of two failure domains away together, whatever is asked for, and each disk alone may go.
func TestOperationKeepsToOneDomain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		a, b := random.IntN(5000), random.IntN(5000)
		kind := []v1alpha1.OperationType{v1alpha1.OperationRemove, v1alpha1.OperationReplace}[random.IntN(2)]
		spec := v1alpha1.StorageOperationSpec{Type: kind, Disks: []string{f.in.Disks[a].Name, f.in.Disks[b].Name}}
		if a == b {
			spec.Disks = spec.Disks[:1]
		}
		blockers := f.plan(spec).Plan.Blockers
		several := slices.ContainsFunc(blockers, func(r v1alpha1.Refusal) bool { return r.Reason == BlockerSeveralDomains })
		if want := f.in.Disks[a].Status.Node != f.in.Disks[b].Status.Node; several != want {
			t.Errorf("disks of %s and %s: blockers %+v", f.in.Disks[a].Status.Node, f.in.Disks[b].Status.Node, blockers)
		}
	}
}

// A dead OSD may be replaced exactly as long as every PG is served without it, however many others are down, and nothing moves
// for it. One that lives may not while anything is not clean.
func TestReplaceOfDeadNeedsEveryPG(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	random := rand.New(rand.NewPCG(3, 4))
	dead := random.IntN(5000)
	allowed, refused := 0, 0
	for _, down := range []int{1, 2, 5, 1000} {
		for range down {
			f.ceph.CrashOSD(dead)
			dead = random.IntN(5000)
		}
		f.ceph.Advance(time.Minute)
		active := true
		for _, state := range f.look().PGs.ByState {
			active = active && strings.Contains(state.State, "active") && !strings.Contains(state.State, "stale")
		}
		for i := range f.in.Ceph.Snapshot.OSDs {
			if osd := f.in.Ceph.Snapshot.OSDs[i]; !osd.Up {
				dead = osd.ID
			}
		}
		draft := f.plan(v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{f.in.Disks[dead].Name}})
		if may := len(draft.Plan.Blockers) == 0; may != active {
			t.Errorf("%d more down: active %v, blockers %+v", down, active, draft.Plan.Blockers)
		} else if may {
			allowed++
		} else {
			refused++
		}
		if moves := draft.Plan.Outcome.BytesToMove.Value(); moves != 0 {
			t.Errorf("%d bytes move for a dead OSD", moves)
		}
	}
	if allowed == 0 || refused == 0 {
		t.Errorf("allowed %d times, refused %d times", allowed, refused)
	}
}
