package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// yard is a simulated Ceph of eight hosts with two OSDs each, in which operations are carried out. It does what the executor
// does, and holds each step to the laws.
type yard struct {
	*testing.T
	ceph         *sim.Cluster
	now          time.Time
	disks        []*v1alpha1.StorageDisk
	reservations map[int32]*Reservation
	records      map[string]*manifest.OperationRecord
	running      map[string]*CarryObserved
	purged       int
	destroyed    map[int32]string // the uuids that went
	lacking      bool             // an OSD is dead: copies may be missing
	silent       string           // the node whose discover does not report
	dud          string           // the disk on which no OSD starts
	mend         func() error     // starts the OSD that was prepared last
}

func newYard(t *testing.T, seed uint64) *yard {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	y := &yard{
		T: t, ceph: c, now: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC), reservations: map[int32]*Reservation{},
		records: map[string]*manifest.OperationRecord{}, running: map[string]*CarryObserved{}, destroyed: map[int32]string{},
	}
	for h := range 8 {
		loc := ceph.Location{{Type: "root", Name: "default"}}
		_, err := c.AddHost(sim.Host{Name: fmt.Sprintf("n%d", h), Location: loc, OSDs: 2, Size: 1 << 40})
		y.must(err)
	}
	y.must(c.Admin().CreatePool(t.Context(), ceph.PoolSpec{Name: "p", PGs: 64, AutoscaleMode: "off"}))
	y.must(c.FillBytes("p", 64<<30))
	for _, osd := range y.look().OSDs {
		disk := fleetDisk(osd, c.FSID())
		disk.Status.Node, disk.Status.Claim.Rule = osd.Host, "all"
		y.disks = append(y.disks, disk)
		y.reservations[int32(osd.ID)] = &Reservation{ID: int32(osd.ID), UUID: osd.UUID}
	}
	return y
}

func (y *yard) must(err error) {
	y.Helper()
	if err != nil {
		y.Fatal(err)
	}
}

func (y *yard) look() *ceph.Snapshot {
	s, err := y.ceph.Admin().Snapshot(y.Context())
	y.must(err)
	return s
}

// ask makes an operation, approved as soon as it may be.
func (y *yard) ask(name string, spec v1alpha1.StorageOperationSpec) {
	y.running[name] = &CarryObserved{
		OperationObserved: OperationObserved{Spec: spec, Cluster: ClusterKey{"ns", "main"}, FSID: y.ceph.FSID(), Found: true, Generation: 1},
		Name:              name, UID: name,
	}
}

// observe fills in what is seen of an operation now.
func (y *yard) observe(name string) CarryObserved {
	in := y.running[name]
	in.Now, in.Disks, in.Record, in.Others, in.Reservations, in.Deployed = y.now, y.disks, y.records[name], nil, nil, nil
	in.Ceph = CephFacts{Reach: ReachAnswering, Fresh: true, Snapshot: y.look()}
	in.PGs, in.Safe, in.Reporting = map[int32][]ceph.PG{}, nil, map[string]bool{}
	for _, disk := range y.disks {
		in.Reporting[disk.Status.Node] = disk.Status.Node != y.silent
	}
	for _, id := range sortedStrings(y.records) {
		if id != name {
			in.Others = append(in.Others, *y.records[id])
		}
	}
	for _, r := range y.reservations {
		in.Reservations = append(in.Reservations, *r)
		if r.Leaving == "" {
			in.Deployed = append(in.Deployed, Deployed{Daemon: DaemonID{DaemonOSD, fmt.Sprint(r.ID)}, Running: true, Refusal: y.refusal(r.Data.Disk)})
		}
	}
	listed, destroyed := AskedOSDs(*in)
	for _, id := range listed {
		pgs, err := y.ceph.Admin().PGsOfOSD(y.Context(), int(id))
		y.must(err)
		in.PGs[id] = pgs
	}
	if len(destroyed) > 0 {
		answer, err := y.ceph.Admin().OSDSafeToDestroy(y.Context(), ints(destroyed)...)
		y.must(err)
		in.Safe, in.Unclean = &answer, UncleanPGs(y.look().PGs)
	}
	return *in
}

// pass carries an operation one step further, and says what its status is. A kill after so many steps ends it sooner.
func (y *yard) pass(name string, kill int) v1alpha1.StorageOperationStatus {
	y.Helper()
	in := y.observe(name)
	carried := Carry(in)
	for i, step := range carried.Steps {
		if i == kill || !y.do(name, in, step.Do) {
			break
		}
	}
	status := carried.Status
	if approval := in.Spec.Approval; approval == nil && status.State == v1alpha1.OperationAwaitingApproval {
		y.running[name].Spec.Approval = &v1alpha1.OperationApproval{PlanID: status.Plan.ID, AcceptedRisks: status.Plan.Risks}
	}
	y.running[name].Previous = &status
	if OperationFinished(&status) {
		delete(y.records, name)
	}
	return status
}

// do does one step, as far as its last look allows.
func (y *yard) do(name string, in CarryObserved, action Action) bool {
	y.Helper()
	admin, ctx := y.ceph.Admin(), y.Context()
	switch do := action.(type) {
	case BeginOperation:
		y.records[name] = do.Record.Copy()
	case RecordOperation:
		y.records[name] = do.Record.Copy()
	case TakeOut:
		if len(ComputeOperation(in.OperationObserved).Plan.Blockers) > 0 {
			return false
		}
		y.must(admin.OSDOut(ctx, ints(do.IDs)...))
	case PutIn:
		y.must(admin.OSDIn(ctx, ints(do.IDs)...))
	case LeaveOSDs:
		if in.Spec.Type != v1alpha1.OperationReplace && !y.safe(do.OSDs) || in.Spec.Type == v1alpha1.OperationReplace && !y.dispensable(do.OSDs) {
			return false
		}
		for _, osd := range do.OSDs {
			y.reservations[osd.ID].Leaving = name
			y.ceph.StopOSD(int(osd.ID))
		}
		y.checkDown()
	case StayOSDs:
		for _, osd := range do.OSDs {
			y.reservations[osd.ID].Leaving = ""
		}
	case PurgeOSDs:
		return y.safe(do.OSDs) && y.purge(do.OSDs)
	case DestroyOSDs:
		return y.dispensable(do.OSDs) && y.destroy(do.OSDs)
	case LeaveUnborn:
		for _, osd := range do.OSDs {
			y.reservations[osd.ID].Leaving = name
		}
	case DropUnborn:
		y.drop(do)
	case PurgeDestroyed:
		for _, id := range do.IDs {
			y.must(admin.PurgeOSD(ctx, int(id)))
		}
	case WeighOSD:
		y.must(admin.PlaceOSD(ctx, int(do.ID), do.Weight, do.Location))
	}
	return true
}

// safe says whether Ceph says just now that nothing needs OSDs.
func (y *yard) safe(osds []manifest.RecordedOSD) bool {
	y.Helper()
	answer, err := y.ceph.Admin().OSDSafeToDestroy(y.Context(), ints(idsOf(osds))...)
	y.must(err)
	return len(answer.Safe) == len(osds) && UncleanPGs(y.look().PGs) == ""
}

func (y *yard) purge(osds []manifest.RecordedOSD) bool {
	y.Helper()
	for _, osd := range osds {
		y.must(y.ceph.Admin().PurgeOSD(y.Context(), int(osd.ID)))
		delete(y.reservations, osd.ID)
		y.purged++
		for _, disk := range y.disks {
			disk.Status.OSDs = slices.DeleteFunc(disk.Status.OSDs, func(on v1alpha1.DiskOSD) bool { return on.ID == osd.ID })
		}
	}
	return true
}

// checkDown fails when OSDs of two hosts are down.
func (y *yard) checkDown() {
	y.Helper()
	hosts := map[string]bool{}
	s := y.look()
	tree := newCRUSHTree(s)
	for _, osd := range s.OSDs {
		if !osd.Up {
			hosts[tree.domain(osd.ID, hostType)] = true
		}
	}
	if len(hosts) > 1 {
		y.Errorf("OSDs are down in %d hosts: %v", len(hosts), sortedStrings(hosts))
	}
}

// advance lets time pass, answers what agents are asked, and sees that no PG ever lacks a copy.
func (y *yard) advance() {
	y.Helper()
	y.now = y.now.Add(20 * time.Second)
	y.ceph.Advance(20 * time.Second)
	y.prepare()
	for _, state := range y.look().PGs.ByState {
		if !y.lacking && strings.Contains(state.State, "undersized") || !strings.Contains(state.State, "active") {
			y.Fatalf("%d PGs are %s", state.Count, state.State)
		}
	}
	for _, record := range y.records {
		for i := range record.Disks {
			for _, disk := range y.disks {
				if record.Disks[i].Disk == disk.Name && record.Disks[i].Asked {
					id := EraseRequest(record.Erase, &record.Disks[i], disk.Status.Node).ID
					disk.Status.Report = &v1alpha1.DiskReport{ID: id, Result: v1alpha1.DiskReportDone, ErasedBytes: 1}
				}
			}
		}
	}
}

func (y *yard) in() (ids []int) {
	for _, osd := range y.look().OSDs {
		if osd.In {
			ids = append(ids, osd.ID)
		}
	}
	return ids
}

// Whatever is asked for at once, and wherever it is killed, OSDs of two hosts are never down together, no copy is missing, and
// the operations end all the same.
func TestOperationsTogether(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			y, random := newYard(t, seed), rand.New(rand.NewPCG(seed, 1))
			y.spares()
			for i := range 3 {
				kind := []v1alpha1.OperationType{v1alpha1.OperationRemove, v1alpha1.OperationReplace, v1alpha1.OperationDrain}[i]
				y.ask(fmt.Sprintf("o%d", i), v1alpha1.StorageOperationSpec{Type: kind, Disks: []string{y.disks[random.IntN(16)].Name}})
			}
			succeeded := map[string]bool{}
			for range 400 {
				for _, name := range sortedStrings(y.running) {
					status := y.pass(name, random.IntN(4))
					if OperationFinished(&status) {
						succeeded[name] = status.State == v1alpha1.OperationSucceeded
						delete(y.running, name)
					}
				}
				y.checkDown()
				y.advance()
			}
			if y.purged == 0 && len(y.destroyed) == 0 || len(succeeded) == 0 {
				t.Errorf("purged %d, destroyed %v, succeeded %v", y.purged, y.destroyed, succeeded)
			}
			y.checkReplaced(succeeded["o1"])
		})
	}
}

// An OSD that Ceph calls safe to destroy is not stopped while PGs that have left it are not whole yet.
func TestUncleanKeepsTheOSD(t *testing.T) {
	t.Parallel()
	y := newYard(t, 3)
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{y.disks[4].Name}})
	for range 40 {
		if y.pass("o", -1); y.records["o"] != nil && !slices.Contains(y.in(), 4) {
			break
		}
	}
	in := y.observe("o")
	for unclean, drained := range map[string]bool{"9 active+recovery_wait+degraded": false, "": true} {
		in.Safe, in.Unclean = &ceph.SafeToDestroy{Safe: []int{4}}, unclean
		carried := Carry(in)
		saved := slices.ContainsFunc(carried.Steps, func(s Step) bool {
			do, is := s.Do.(RecordOperation)
			return is && do.Record.Drained
		})
		if saved != drained {
			t.Errorf("with the PGs %q it is drained: %v; the steps are %+v", unclean, saved, carried.Steps)
		}
	}
}

// An OSD that goes down while it is emptied is not taken for dead: it may come back with what has not moved yet.
func TestDownWhileItIsEmptied(t *testing.T) {
	t.Parallel()
	y := newYard(t, 3)
	y.spares()
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{y.disks[4].Name}})
	for range 40 {
		if y.pass("o", -1); y.records["o"] != nil && !slices.Contains(y.in(), 4) {
			break
		}
	}
	if slices.Contains(y.in(), 4) {
		t.Fatal("it was not marked out")
	}
	y.ceph.StopOSD(4)
	y.pass("o", -1)
	if record := y.records["o"]; record.Drained || record.Final {
		t.Errorf("it was taken for dead: %+v", record)
	}
}

// Cancelled at any time before the point of no return, the cluster is as it was: also who was out before stays out.
func TestCancelledOperationLeavesNothing(t *testing.T) {
	t.Parallel()
	for passes := range 12 {
		t.Run(fmt.Sprint(passes), func(t *testing.T) {
			t.Parallel()
			y := newYard(t, 3)
			y.must(y.ceph.Admin().OSDOut(t.Context(), 5))
			for range 40 {
				y.advance()
			}
			before := y.in()
			y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{y.disks[4].Name, y.disks[5].Name}})
			for range passes {
				y.pass("o", -1)
				y.advance()
				if record := y.records["o"]; record != nil && record.Final {
					return // TestFinalOperationIsNotCancelled
				}
			}
			y.running["o"].Spec.Intent = v1alpha1.IntentCancel
			var status v1alpha1.StorageOperationStatus
			for i := 0; i < 20 && !OperationFinished(&status); i++ {
				status = y.pass("o", 1) // killed after each step
				y.advance()
			}
			if status.State != v1alpha1.OperationCancelled {
				t.Fatalf("state %s", status.State)
			}
			if diff := cmp.Diff(before, y.in()); diff != "" {
				t.Errorf("in (-before +after):\n%s", diff)
			}
			for id, r := range y.reservations {
				if r.Leaving != "" {
					t.Errorf("osd.%d still leaves", id)
				}
			}
		})
	}
}

// After the point of no return an operation that is cancelled says so and goes on.
func TestFinalOperationIsNotCancelled(t *testing.T) {
	t.Parallel()
	y := newYard(t, 4)
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{y.disks[2].Name}})
	for range 200 {
		y.pass("o", 1)
		y.advance()
		if record := y.records["o"]; record != nil && record.Final {
			break
		}
	}
	y.running["o"].Spec.Intent = v1alpha1.IntentCancel
	told := false
	for range 20 {
		status := y.pass("o", -1)
		complete := status.Conditions[2]
		told = told || strings.Contains(complete.Message, "cannot be cancelled any more")
		if OperationFinished(&status) {
			if status.State != v1alpha1.OperationSucceeded || y.purged != 1 || !told || status.Targets[0].Report == nil {
				t.Errorf("state %s, purged %d, told %v, %+v", status.State, y.purged, told, status.Targets)
			}
			return
		}
		y.advance()
	}
	t.Error("it does not end")
}

// A disk that is missing waits to be erased, and keeps nothing else back; deleting the operation gives it up.
func TestMissingDiskWaits(t *testing.T) {
	t.Parallel()
	y := newYard(t, 5)
	y.disks[2].Status.Presence = v1alpha1.PresenceMissing
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{y.disks[2].Name, y.disks[3].Name}})
	var status v1alpha1.StorageOperationStatus
	for range 200 {
		status = y.pass("o", -1)
		y.advance()
		if status.Conditions[2].Reason == v1alpha1.ReasonWaitingForDisk {
			break
		}
	}
	if y.purged != 2 || status.Targets[1].Report == nil && status.Targets[0].Report == nil {
		t.Errorf("purged %d, targets %+v", y.purged, status.Targets)
	}
	y.running["o"].Deleting = true
	if status = y.pass("o", -1); status.State != v1alpha1.OperationFailed {
		t.Errorf("state %s", status.State)
	}
}

// A disk whose discover is silent is not asked to be erased: what is known of it may be old. Its OSD is removed, it is erased when
// discover reports, and deleting the operation gives it up.
func TestSilentDiscoverWaits(t *testing.T) {
	t.Parallel()
	y := newYard(t, 5)
	y.silent = y.disks[2].Status.Node
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{y.disks[2].Name}})
	var status v1alpha1.StorageOperationStatus
	for range 400 {
		status = y.pass("o", -1)
		y.advance()
		if status.Conditions[2].Reason == v1alpha1.ReasonWaitingForDisk {
			break
		}
	}
	if record := y.records["o"]; y.purged != 1 || record == nil || record.Disk(y.disks[2].Name).Asked {
		t.Fatalf("purged %d, record %+v, status %+v", y.purged, record, status)
	}
	if said := status.Conditions[2].Message; !strings.Contains(said, "discover on node "+y.silent+" is silent") {
		t.Errorf("it says %q", said)
	}
	deleted := y.observe("o")
	deleted.Deleting = true
	if got := Carry(deleted).Status; got.State != v1alpha1.OperationFailed {
		t.Errorf("deleted, it is %s", got.State)
	}
	y.silent = ""
	for range 8 {
		if status = y.pass("o", -1); OperationFinished(&status) {
			break
		}
		y.advance()
	}
	if status.State != v1alpha1.OperationSucceeded {
		t.Errorf("discover reports, and it is %s: %+v", status.State, status.Conditions)
	}
}

// Progress only rises, in steps of five, at least ten seconds apart.
func TestOperationProgress(t *testing.T) {
	t.Parallel()
	y := newYard(t, 6)
	y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationDrain, Node: "n1"})
	var last *v1alpha1.OperationProgress
	seen := 0
	for range 300 {
		status := y.pass("o", -1)
		if p := status.Progress; p != nil {
			if p.Percent%5 != 0 || last != nil && p.Percent < last.Percent {
				t.Errorf("%+v after %+v", p, last)
			}
			if !cmp.Equal(p, last) {
				seen++
				y.running["o"].ProgressAt = y.now
			}
			last = p
		}
		if OperationFinished(&status) {
			if last.Percent != 100 || seen < 3 {
				t.Errorf("%d steps, the last %+v", seen, last)
			}
			return
		}
		y.now = y.now.Add(2 * time.Second)
		y.ceph.Advance(2 * time.Second)
	}
	t.Errorf("it does not end: %+v", last)
}
