package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const mib = 1 << 20

func TestSpace(t *testing.T) {
	t.Parallel()
	whole := spaceOf(10*mib + 5)
	for name, test := range map[string]struct {
		taken []extent
		want  space
	}{
		"nothing taken":      {nil, space{{mib, 8 * mib}}},
		"the beginning":      {[]extent{{mib, 2 * mib}}, space{{3 * mib, 6 * mib}}},
		"the end":            {[]extent{{7 * mib, 2 * mib}}, space{{mib, 6 * mib}}},
		"a hole":             {[]extent{{mib, mib}, {3 * mib, 6 * mib}}, space{{2 * mib, mib}}},
		"two holes":          {[]extent{{2 * mib, mib}, {5 * mib, mib}}, space{{mib, mib}, {3 * mib, 2 * mib}, {6 * mib, 3 * mib}}},
		"twice the same":     {[]extent{{2 * mib, mib}, {2 * mib, mib}}, space{{mib, mib}, {3 * mib, 6 * mib}}},
		"all":                {[]extent{{mib, 8 * mib}}, nil},
		"more than there is": {[]extent{{0, 20 * mib}}, nil},
	} {
		got := whole
		for _, e := range test.taken {
			got = got.without(e)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(extent{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	two := whole.without(extent{2 * mib, mib})
	if at, _ := two.first(mib); at != (extent{mib, mib}) {
		t.Errorf("first fit at %+v", at)
	}
	if at, _ := two.first(2 * mib); at != (extent{3 * mib, 2 * mib}) {
		t.Errorf("first fit of two at %+v", at)
	}
	if _, found := two.first(7 * mib); found || two.largest() != 6*mib || two.total() != 7*mib {
		t.Errorf("largest %d, total %d", two.largest(), two.total())
	}
}

// store makes reservations of planned OSDs, as the executor does: the first n of them.
func store(c *DiskCluster, planned []PlannedOSD, n int) {
	for _, osd := range planned[:min(n, len(planned))] {
		id := int32(0)
		for slices.ContainsFunc(c.Reservations, func(r Reservation) bool { return r.ID == id }) {
			id++
		}
		r := osd.reservation(id)
		r.UUID = fmt.Sprintf("uuid-%s-%d", osd.Data.Disk, osd.Data.Index)
		name := fmt.Sprintf("%s-%d", osd.Data.Disk, osd.Data.Index)
		if r.Data.sliced() {
			r.Data.Slice = "data-" + name
		}
		if r.DB != nil {
			db := *r.DB
			db.Slice, r.DB = "db-"+name, &db
		}
		c.Reservations = append(c.Reservations, r)
	}
}

// slicedDisks are disks of one node that are cut: into data slices, DBs, or both.
func slicedDisks(rng *rand.Rand) DisksInput {
	in := oneDisk()
	in.Disks = nil
	for i := range 2 + rng.IntN(6) {
		disk := testDisk(fmt.Sprintf("wwn-%d", i), "n1")
		disk.Status.Hardware.Media = oneOf(rng, v1alpha1.MediaHDD, v1alpha1.MediaSSD, v1alpha1.MediaNVMe)
		disk.Status.Hardware.Size = resource.NewQuantity(12<<30+rng.Int64N(40<<30), resource.BinarySI)
		in.Disks = append(in.Disks, disk)
	}
	spec := minimalSpec()
	spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "db", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaNVMe}}, Use: v1alpha1.RuleUseDB},
		{Name: "hdd", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}}, OSDsPerDisk: int32(1 + rng.IntN(3)),
			DB: &v1alpha1.DBPlacement{Rule: oneOf(rng, "db", "both"), Size: resource.MustParse(oneOf(rng, "1Gi", "1500Mi", "3Gi"))}},
		{Name: "both", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD}}, OSDsPerDisk: int32(1 + rng.IntN(2)),
			DBSpace: new(resource.MustParse("5Gi"))},
	}
	in.Clusters[0].Spec = Resolve(spec, ClusterFacts{Nodes: 3})
	in.Clusters[0].FSID = "8b1c0000-0000-4000-8000-000000000000"
	return in
}

// write does what the disk controller does with a plan.
func write(in *DisksInput, plan DisksPlan) {
	for i, entry := range plan.Disks {
		next := in.Disks[i].DeepCopy()
		next.Status.Claim, next.Status.Request = entry.Claim, entry.Request
		if entry.Request != nil { // it is cut, and no longer empty
			next.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "sha256:cut"}
		}
		in.Disks[i] = next
	}
}

// The laws of slices: wherever the operator ends between two reservations, the slices of a disk never overlap, never
// move, fit the disk, and are all there in the end; and the same reservations make the same request, to the byte.
func TestSliceLaws(t *testing.T) {
	t.Parallel()
	cut, resumed := 0, 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 5))
		in := slicedDisks(rng)
		cluster := &in.Clusters[0]
		tables := map[string]map[string]v1alpha1.DiskSlice{}
		slicesOf := map[string]int32{}
		for turn := range 60 {
			plan := Disks(in)
			write(&in, plan)
			open := 0
			for i, entry := range plan.Disks {
				checkRequest(t, fmt.Sprintf("seed %d, turn %d, %s", seed, turn, entry.Disk), tables, in.Disks[i])
				open += len(entry.OSDs)
			}
			if open == 0 {
				break
			}
			for _, osd := range reservable(rng, plan, cluster) {
				slicesOf[osd.Data.Disk] = osd.Data.Count
				store(cluster, []PlannedOSD{osd}, 1)
				resumed++
			}
		}
		for disk, want := range slicesOf {
			if got := int32(len(newDiskCluster(*cluster).data[disk])); got != want {
				t.Fatalf("seed %d: %d of %d OSDs of %s are reserved in the end", seed, got, want, disk)
			}
		}
		cut += len(tables)
		sameInAnyOrder(t, rng, in)
	}
	if cut < 400 || resumed < 1000 {
		t.Fatalf("only %d disks were cut in %d steps: the laws were hardly tried", cut, resumed)
	}
}

// reservable returns some of the OSDs that a plan asks for, those without a DB first, as if the operator ended then.
func reservable(rng *rand.Rand, plan DisksPlan, cluster *DiskCluster) []PlannedOSD {
	entries := plan.Clusters[0]
	entries.Claimed = true
	for i := range entries.Entries {
		entries.Entries[i].Claimed = true
	}
	in := Observed{Key: cluster.Key, Identity: &Identity{FSID: cluster.FSID}, Disks: &entries, Reservations: cluster.Reservations}
	computed := newComputation(in)
	computed.reserve()
	var some []PlannedOSD
	for _, step := range computed.plan.Steps {
		r := step.Do.(ReserveOSD).OSD
		some = append(some, PlannedOSD{Node: r.Node, Location: r.Location, Rule: r.Rule, DeviceClass: r.DeviceClass, Data: r.Data, DB: r.DB})
	}
	return some[:min(len(some), 1+rng.IntN(3))]
}

// checkRequest holds the request of a disk to what was asked before.
func checkRequest(t *testing.T, where string, tables map[string]map[string]v1alpha1.DiskSlice, disk *v1alpha1.StorageDisk) {
	t.Helper()
	request := disk.Status.Request
	if request == nil {
		if len(tables[disk.Name]) > 0 {
			t.Fatalf("%s: the request is gone", where)
		}
		return
	}
	if request.Table != handover.TableID("8b1c0000-0000-4000-8000-000000000000", disk.Name) || request.Seal != "sha256:"+disk.Name ||
		request.Node != "n1" || request.Action != v1alpha1.DiskActionPartition || len(request.ID) != 32 {
		t.Fatalf("%s: asked is %+v", where, request)
	}
	table := map[string]v1alpha1.DiskSlice{}
	for _, s := range request.Slices {
		table[s.UUID] = s
	}
	for id, before := range tables[disk.Name] {
		if table[id] != before {
			t.Fatalf("%s: %+v becomes %+v", where, before, table[id])
		}
	}
	if text := tableBreach(table, sizeOf(disk)); text != "" || len(table) != len(request.Slices) {
		t.Fatalf("%s: %s: %+v", where, text, request.Slices)
	}
	tables[disk.Name] = table
}

func sameInAnyOrder(t *testing.T, rng *rand.Rand, in DisksInput) {
	t.Helper()
	want := encoded(t, requests(in))
	shuffle(rng, in.Clusters[0].Reservations)
	shuffle(rng, in.Disks)
	if got := encoded(t, requests(in)); got != want {
		t.Fatalf("%s\nin another order:\n%s", want, got)
	}
}

func requests(in DisksInput) map[string]*v1alpha1.DiskRequest {
	all := map[string]*v1alpha1.DiskRequest{}
	for _, entry := range Disks(in).Disks {
		all[entry.Disk] = entry.Request
	}
	return all
}

// halves is a disk in two slices that are both reserved.
func halves(t *testing.T) DisksInput {
	t.Helper()
	in := oneDisk()
	in.Clusters[0].FSID = "8b1c0000-0000-4000-8000-000000000000"
	in.Clusters[0].Spec.Storage.Rules[0].OSDsPerDisk = 2
	store(&in.Clusters[0], Disks(in).Disks[0].OSDs, 2)
	write(&in, Disks(in))
	if got := in.Disks[0].Status.Request; got == nil || len(got.Slices) != 2 {
		t.Fatalf("request %+v", got)
	}
	return in
}

// What the agent reports becomes the state of the disk.
func TestReports(t *testing.T) {
	t.Parallel()
	refusal := &v1alpha1.Refusal{Reason: handover.ReasonDiskChanged, Message: "a byte differs", Remedy: "look at the disk"}
	report := func(result v1alpha1.DiskReportResult, refusal *v1alpha1.Refusal) func(*DisksInput) {
		return func(in *DisksInput) {
			in.Disks[0].Status.Report = &v1alpha1.DiskReport{ID: in.Disks[0].Status.Request.ID, Node: "n1", Result: result, Refusal: refusal}
		}
	}
	for name, test := range map[string]struct {
		change func(in *DisksInput)
		want   string
	}{
		"no answer": {func(*DisksInput) {},
			"Preparing Preparing: osd.0, osd.1 are being prepared; the agent on node n1 is asked to cut the disk into slices, and has not answered yet"},
		"done":     {report(v1alpha1.DiskReportDone, nil), "Preparing Preparing: osd.0, osd.1 are being prepared"},
		"refused":  {report(v1alpha1.DiskReportRefused, refusal), "Failed DeviceChanged: a byte differs; look at the disk"},
		"failed":   {report(v1alpha1.DiskReportFailed, &v1alpha1.Refusal{Reason: "IOError", Message: "it cannot be written"}), "Failed PrepareFailed: it cannot be written"},
		"no words": {report(v1alpha1.DiskReportFailed, nil), "Failed PrepareFailed: the agent on node n1 reports Failed and gives no reason"},
		"an answer to an earlier request": {func(in *DisksInput) {
			report(v1alpha1.DiskReportRefused, refusal)(in)
			in.Disks[0].Status.Report.ID = "earlier"
		}, "Preparing Preparing: osd.0, osd.1 are being prepared; the agent on node n1 is asked to cut the disk into slices, and has not answered yet"},
		"refused, and both are up": {func(in *DisksInput) {
			report(v1alpha1.DiskReportRefused, refusal)(in)
			reservations := in.Clusters[0].Reservations
			in.Clusters[0].Reservations = nil
			booted(&in.Clusters[0], reservations...)
		}, "InService OSDUp: osd.0, osd.1, class ssd"},
		"reserved by hand": {func(in *DisksInput) {
			in.Clusters[0].Reservations[1].Data.Offset = in.Clusters[0].Reservations[0].Data.Offset
		}, "Failed PrepareFailed: reserved are osd.1 and osd.0 on disk wwn-1: their slices overlap; take away the Secret of the one that is not in service"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := halves(t)
			test.change(&in)
			entry := Disks(in).Disks[0]
			if got := fmt.Sprintf("%s %s: %s", entry.State, entry.InService.Reason, entry.InService.Message); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// While all is paused nothing new is asked, and what was asked is not taken back.
func TestPausedRequest(t *testing.T) {
	t.Parallel()
	in := halves(t)
	asked := in.Disks[0].Status.Request
	in.Clusters[0].Spec.Pause = v1alpha1.PauseAll
	in.Nodes = append(in.Nodes, testNode("n2", nil))
	in.Disks[0].Status.Node = "n2"
	if diff := cmp.Diff(asked, Disks(in).Disks[0].Request); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Clusters[0].Spec.Pause = v1alpha1.PauseNone
	if got := Disks(in).Disks[0].Request; got.Node != "n2" || got.ID == asked.ID {
		t.Errorf("a disk that moved: asked is %+v", got)
	}
}

// The hole of a reservation that is gone is used again, and what lies behind it stays where it is.
func TestHoleIsUsedAgain(t *testing.T) {
	t.Parallel()
	in := hddWithDB()
	in.Disks[4].Status.Presence = v1alpha1.PresenceMissing // all on eui-a
	cluster := &in.Clusters[0]
	plan := Disks(in)
	store(cluster, plan.Disks[2].OSDs, 1)
	store(cluster, plan.Disks[3].OSDs, 1)
	before := cluster.Reservations[1].DB
	cluster.Reservations = cluster.Reservations[1:]
	got := Disks(in).Disks[2].OSDs[0].DB
	if got.Offset != mib || got.Disk != "eui-a" || before.Offset != mib+200<<30 {
		t.Errorf("the hole is at %d, the new DB at %d on %s, behind it is %d", mib, got.Offset, got.Disk, before.Offset)
	}
}

// A plan of the disks that is older than a reservation reserves nothing twice.
func TestOldDiskPlanReservesNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 1)
	w.spec.Storage.Rules[0].OSDsPerDisk = 2
	w.execute(Compute(w.observe()), rounds)
	w.planDisks()
	old := w.observe()
	w.execute(Compute(old), rounds)
	now := w.observe()
	now.Disks = old.Disks
	for _, id := range stepIDs(Compute(now)) {
		if strings.HasPrefix(id, "ReserveOSD") {
			t.Errorf("%s, and reserved are %v", id, slices.Collect(maps.Keys(w.deployed)))
		}
	}
	if len(w.reservations) != 6 {
		t.Errorf("%d reservations", len(w.reservations))
	}
}

// A disk is not cut into more slices than its status can name.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	in := hddWithDB()
	in.Disks[4].Status.Presence = v1alpha1.PresenceMissing
	in.Clusters[0].Spec.Storage.Rules[1].DB.Size = resource.MustParse("1Gi")
	for i := range maxSlices - 1 {
		disk := in.Disks[0].DeepCopy()
		disk.Name = fmt.Sprintf("wwn-x%02d", i)
		in.Disks = append(in.Disks, disk)
	}
	waiting := 0
	for _, entry := range Disks(in).Disks {
		if entry.Plan.Reason == v1alpha1.PlanReasonNoDBSpace {
			waiting++
		}
	}
	if waiting != 2 {
		t.Errorf("%d disks wait for room, of %d that want a DB on one disk", waiting, len(in.Disks)-2)
	}
}
