package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// stepIDs lists the steps of a plan but those of budgets, which follow from the others and have tests of their own.
func stepIDs(p Plan) []string {
	var ids []string
	for _, step := range p.Steps {
		switch step.Do.(type) {
		case ApplyBudget, RemoveBudget:
		default:
			ids = append(ids, step.ID)
		}
	}
	return ids
}

// monNodes returns where the mons of a new cluster are put.
func monNodes(t *testing.T, change func(w *world)) string {
	t.Helper()
	w := newWorld(t, 0, 0)
	change(w)
	var nodes []string
	for _, step := range Compute(w.observe()).Steps {
		if mon, ok := step.Do.(EnsureMon); ok {
			nodes = append(nodes, mon.Mon.Node)
		}
	}
	return strings.Join(nodes, " ")
}

// Mons are spread over what can fail at once, one a node, and an odd number of them.
func TestMonPlacement(t *testing.T) {
	t.Parallel()
	zones := func(w *world) {
		w.nodes = []Node{
			labelled("n1", "zone=a", "rack=r1"), labelled("n2", "zone=a", "rack=r1"), labelled("n3", "zone=a", "rack=r2"),
			labelled("n4", "zone=b", "rack=r1"), labelled("n5", "zone=c", "rack=r1"),
		}
	}
	for name, test := range map[string]struct {
		change func(w *world)
		want   string
	}{
		"one in each zone":    {zones, "n1 n4 n5"},
		"then in other racks": {func(w *world) { zones(w); w.spec.Mon = &v1alpha1.MonSpec{Count: 5} }, "n1 n4 n5 n3 n2"},
		"no more than nodes":  {func(w *world) { zones(w); w.spec.Mon = &v1alpha1.MonSpec{Count: 7} }, "n1 n4 n5 n3 n2"},
		"two nodes have one":  {func(w *world) { w.nodes = []Node{labelled("n1"), labelled("n2")} }, "n1"},
		"three are asked of two nodes": {func(w *world) {
			w.nodes = []Node{labelled("n1"), labelled("n2")}
			w.spec.Mon = &v1alpha1.MonSpec{Count: 3}
		}, "n1"},
		"not on a node that is not well": {func(w *world) { zones(w); w.nodes[3].Ready = false; w.nodes[4].Unschedulable = true }, "n1 n3 n2"},
		"no node":                        {func(*world) {}, ""},
		"the host network needs an address": {func(w *world) {
			zones(w)
			w.spec.Network = &v1alpha1.NetworkSpec{Mode: v1alpha1.NetworkHost, Public: &v1alpha1.NetworkRange{CIDRs: []string{"10.0.0.0/31"}}}
		}, "n1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := monNodes(t, test.change); got != test.want {
				t.Errorf("mons on %q, want %q", got, test.want)
			}
		})
	}
}

func TestHostAddress(t *testing.T) {
	t.Parallel()
	node := Node{Addresses: []string{"n1.example", "10.1.2.3", "10.20.0.7", "fd00::7"}}
	for _, test := range []struct {
		family v1alpha1.IPFamily
		cidrs  []string
		want   string
	}{
		{v1alpha1.IPFamilyIPv4, nil, "10.1.2.3"}, {v1alpha1.IPFamilyIPv4, []string{"10.20.0.0/16"}, "10.20.0.7"},
		{v1alpha1.IPFamilyIPv6, nil, "fd00::7"}, {v1alpha1.IPFamilyIPv4, []string{"192.168.0.0/16", "bad"}, ""},
		{v1alpha1.IPFamilyDualStack, []string{"fd00::/8"}, "fd00::7"},
	} {
		network := Network{IPFamily: test.family, Public: v1alpha1.NetworkRange{CIDRs: test.cidrs}}
		if got := hostAddress(node, network); got != test.want {
			t.Errorf("%s %v: %q, want %q", test.family, test.cidrs, got, test.want)
		}
	}
}

// Law C1: with any trace of a cluster no second identity is made.
func TestNoSecondIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 1)
	in := w.observe()
	in.Traces = []string{"Secret ceph-main-osd-0"}
	p := Compute(in)
	if len(p.Steps) != 0 || p.Refusal == nil || !strings.Contains(p.Refusal.Message, "Secret ceph-main-osd-0") {
		t.Errorf("steps %v, refusal %+v", stepIDs(p), p.Refusal)
	}
	_, in = atRest(t)
	in.Ceph.Snapshot = new(*in.Ceph.Snapshot)
	in.Ceph.Snapshot.FSID = "another"
	if p := Compute(in); len(p.Steps)+len(p.Keep) != 0 || p.Refusal == nil {
		t.Errorf("another cluster answers: steps %v", stepIDs(p))
	}
}

// Law C2: once the quorum is recorded, a mon of the seed that was late joins by the living quorum, and a member that has
// lost its store gets none.
func TestLateAndEmptyMons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5, 1)
	for range 2 {
		w.turn()
	}
	w.mons = Mons{Mons: slices.Clone(w.mons.Mons)}
	w.deployed[DaemonID{DaemonMon, "c"}].Running = false
	delete(w.mkfs, "c")
	w.planDisks()
	p := Compute(w.observe())
	record, ok := p.Steps[slices.IndexFunc(p.Steps, func(s Step) bool { return s.ID == "RecordQuorum" })].Do.(RecordQuorum)
	if !ok || record.Mons[0].State != handover.MonMember || record.Mons[2].State != handover.MonJoining {
		t.Fatalf("recorded %+v", record)
	}
	w.rest()
	if w.mons.Mons[2].State != handover.MonMember || len(w.inQuorum()) != 3 {
		t.Errorf("the late mon is %+v", w.mons.Mons[2])
	}
	delete(w.mkfs, "a")
	delete(w.mkfs, "b")
	for _, name := range []string{"a", "b"} {
		w.deployed[DaemonID{DaemonMon, name}].Running = false
	}
	w.turn()
	if w.quorum() || w.mkfs["a"] || w.mkfs["b"] {
		t.Error("an empty quorum was formed")
	}
	if got := findCondition(w.status, v1alpha1.ConditionMonQuorum); got.Reason == v1alpha1.ReasonAllInQuorum {
		t.Errorf("%+v", got)
	}
}

// Before anything is made, the plan says what would be.
func TestPauseAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 2)
	w.spec.Pause = v1alpha1.PauseAll
	w.planDisks()
	p := Compute(w.observe())
	if len(p.Steps) != 0 || len(p.Paused) == 0 || w.disksPlan.Clusters[0].Summary.Message != "6 OSDs on 3 nodes; 6 disks held" {
		t.Errorf("steps %v, %d kept back, disks: %s", stepIDs(p), len(p.Paused), w.disksPlan.Clusters[0].Summary.Message)
	}
}

// An OSD gets the smallest id that nothing has: no reservation, no OSD in the maps, none that is being purged.
func TestOSDIDs(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	w.addNode(5, 3)
	w.planDisks()
	in := w.observe()
	in.Purged = []int32{11}
	in.Ceph.Snapshot.OSDs = append(in.Ceph.Snapshot.OSDs, ceph.OSD{ID: 13, UUID: "by-hand"})
	in.Ceph.Snapshot.CRUSH.Devices = append(in.Ceph.Snapshot.CRUSH.Devices, ceph.CRUSHDevice{ID: 10})
	var ids []int32
	for _, step := range Compute(in).Steps {
		if reserve, ok := step.Do.(ReserveOSD); ok {
			ids = append(ids, reserve.OSD.ID)
		}
	}
	if diff := cmp.Diff([]int32{12, 14, 15}, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Ceph.Fresh = false
	if got := stepIDs(Compute(in)); len(got) != 0 {
		t.Errorf("ids are chosen while Ceph cannot be asked: %v", got)
	}
}

// A disk that was put into another node takes its OSD along; a relabelled node takes nothing.
func TestRelocation(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	w.disks[0].Status.Node = "n4"
	w.planDisks()
	p := Compute(w.observe())
	if diff := cmp.Diff([]string{"RelocateOSD/osd.0"}, stepIDs(p)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if got := p.Steps[0].Do.(RelocateOSD); got.Node != "n4" || locationText(got.Location) != "root=default rack=r2 host=n4" {
		t.Errorf("%+v", got)
	}
	w, _ = atRest(t)
	w.nodes[0].Labels[v1alpha1.LabelTopologyPrefix+"rack"] = "r9"
	w.planDisks()
	if p := Compute(w.observe()); len(p.Steps) != 0 || p.TopologyDrift == "" {
		t.Errorf("steps %v, drift %q", stepIDs(p), p.TopologyDrift)
	}
}

// What is known of an OSD in service is stored again when its Secret is gone.
func TestLostReservation(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	w.reservations = w.reservations[1:]
	w.planDisks()
	in := w.observe()
	in.Ceph.Snapshot.CRUSH.Buckets = []ceph.Bucket{
		{ID: -1, Name: "default", Type: "root", Items: []ceph.CRUSHItem{{ID: -2}}}, {ID: -2, Name: "n1", Type: "host", Items: []ceph.CRUSHItem{{ID: 0}}},
	}
	p := Compute(in)
	if diff := cmp.Diff([]string{"RestoreReservation/osd.0"}, stepIDs(p)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	got := p.Steps[0].Do.(RestoreReservation).OSD
	if got.UUID != "uuid-0" || got.Node != "n1" || got.Data.Disk != "wwn-0101" || got.DeviceClass != "ssd" || locationText(got.Location) != "root=default host=n1" {
		t.Errorf("%+v", got)
	}
}

// The mons wait for the disks of the first set to be claimed, and not for ever.
func TestFirstSetWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 1)
	w.execute(Compute(w.observe()), rounds)
	early := Compute(w.observe())
	if slices.Contains(stepIDs(early), "WriteSeed") || early.After != firstSetWait {
		t.Errorf("steps %v, again after %s", stepIDs(early), early.After)
	}
	w.now = w.now.Add(firstSetWait)
	if got := stepIDs(Compute(w.observe())); !slices.Contains(got, "WriteSeed") {
		t.Errorf("after %s: steps %v", firstSetWait, got)
	}
}

// The pool of the mgrs follows the class in the most failure domains, and stays with it.
func TestMgrPool(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	in.Ceph.Snapshot.Pools = []ceph.Pool{{Name: ".mgr", Size: 3, RuleID: 0}}
	in.Reservations = slices.Clone(in.Reservations)
	for i := range in.Reservations[:6] {
		in.Reservations[i].DeviceClass = "nvme"
		in.Ceph.Snapshot.OSDs[i].DeviceClass = "nvme"
		in.Ceph.Snapshot.CRUSH.Devices[i].Class = "nvme"
	}
	in.Deployed = nil
	p := Compute(in)
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.ID == "PlaceMgrPool" })
	if at < 0 {
		t.Fatalf("steps %v", stepIDs(p))
	}
	want := PlaceMgrPool{Rule: ceph.ReplicatedRule{Name: "mgr-nvme-host", Root: "default", FailureDomain: "host", DeviceClass: "nvme"}, Size: 3}
	if diff := cmp.Diff(want, p.Steps[at].Do); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Ceph.Snapshot.Pools[0].RuleID = 1
	in.Ceph.Snapshot.CRUSH.Rules = []ceph.CRUSHRule{{ID: 1, DeviceClass: "ssd"}}
	if got := stepIDs(Compute(in)); slices.Contains(got, "PlaceMgrPool") {
		t.Errorf("a pool with a class of its own is moved: %v", got)
	}
}

// A class that somebody set by hand on an OSD with data moves nothing.
func TestDeviceClasses(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	in.Ceph.Snapshot.OSDs[0].DeviceClass = "fast"
	in.Ceph.Snapshot.OSDs[1].DeviceClass, in.Ceph.Snapshot.OSDs[1].PGs = "hdd", 0
	p := Compute(in)
	want := []v1alpha1.DriftEntry{{Path: "device class of osd.0", Declared: new("ssd"), Live: new("fast")}}
	if diff := cmp.Diff(want, p.Drift) + cmp.Diff([]string{"SetDeviceClass/ssd"}, stepIDs(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A mgr moves only when its node cannot have it any more.
func TestMgrsStay(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	before := deployedNode(w, "a")
	w.addNode(5, 0)
	w.planDisks()
	if diff := cmp.Diff([]string{"ProvideUsers"}, stepIDs(Compute(w.observe()))); diff != "" {
		t.Errorf("a new node (-want +got):\n%s", diff)
	}
	w.users.Handed.Nodes = append(w.users.Handed.Nodes, "n6")
	at := slices.IndexFunc(w.nodes, func(n Node) bool { return n.Name == before })
	w.nodes[at].Ready = false
	if p := Compute(w.observe()); len(restarts(p)) != 0 {
		t.Errorf("a node that is not ready, with a mgr that runs: %v", stepIDs(p))
	}
	d := w.deployed[DaemonID{DaemonMgr, "a"}]
	d.Running = false
	w.now = w.now.Add(time.Minute)
	p := Compute(w.observe())
	if len(p.Steps) != 1 || p.Steps[0].Do.(ApplyDaemon).Daemon.Node == before {
		t.Errorf("a mgr whose node is lost: %v", stepIDs(p))
	}
}

func deployedNode(w *world, mgr string) string { return w.deployed[DaemonID{DaemonMgr, mgr}].Node }
