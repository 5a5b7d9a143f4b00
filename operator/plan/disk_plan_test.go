package plan

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// oneDisk is a cluster with one rule, a node and a disk that it takes.
func oneDisk() DisksInput {
	return DisksInput{
		Nodes:    []Node{testNode("n1", map[string]string{v1alpha1.LabelTopologyPrefix + "rack": "r2"})},
		Disks:    []*v1alpha1.StorageDisk{testDisk("wwn-1", "n1")},
		Clusters: []DiskCluster{testCluster("main", 0)},
	}
}

func testCluster(name string, age int) DiskCluster {
	return DiskCluster{
		Key: ClusterKey{"seamount", name}, Created: worldStart.Add(time.Duration(age) * time.Hour), FSID: "fsid-" + name,
		Spec: Resolve(minimalSpec(), ClusterFacts{Nodes: 3}), OSDsKnown: true,
	}
}

func booted(c *DiskCluster, reservations ...Reservation) {
	for _, r := range reservations {
		c.Reservations = append(c.Reservations, r)
		c.OSDs = append(c.OSDs, OSDState{ID: r.ID, UUID: r.UUID, Up: true, In: true, Booted: true})
	}
}

func reserved(id int32, disk string) Reservation {
	return Reservation{
		ID: id, UUID: fmt.Sprintf("uuid-%d", id), Node: "n1", Rule: "flash", DeviceClass: "ssd",
		Location: Locate(testNode("n1", map[string]string{v1alpha1.LabelTopologyPrefix + "rack": "r2"})),
		Data:     Part{Disk: disk, Count: 1, Bytes: 10 << 30},
	}
}

// entryCase is a change of a cluster with one disk that it takes, and the entry that follows from it.
type entryCase struct {
	change func(in *DisksInput)
	want   string // action/reason rule: message
	state  v1alpha1.DiskState
	claim  bool
}

// keptAndSkipped are the first lines of the table of how a rule selects a disk, with their texts.
func keptAndSkipped() map[string]entryCase {
	return map[string]entryCase{
		"1 in service": {func(in *DisksInput) { booted(&in.Clusters[0], reserved(12, "wwn-1")) },
			"Keep/InService flash: osd.12, class ssd", v1alpha1.DiskInService, true},
		"1 rule gone": {func(in *DisksInput) {
			booted(&in.Clusters[0], reserved(12, "wwn-1"))
			in.Clusters[0].Spec.Storage.Rules[0].Match.Media = []v1alpha1.Media{v1alpha1.MediaHDD}
		}, "Keep/RuleNoLongerMatches flash: osd.12, class ssd; it stays as rule flash made it (rule flash: media HDD, this disk has SSD)",
			v1alpha1.DiskInService, true},
		"1 in service and set to Never": {func(in *DisksInput) {
			booted(&in.Clusters[0], reserved(12, "wwn-1"))
			in.Disks[0].Spec.Use = v1alpha1.DiskUseNever
		}, "Keep/InService flash: osd.12, class ssd", v1alpha1.DiskInService, true},
		"1 missing": {func(in *DisksInput) {
			booted(&in.Clusters[0], reserved(12, "wwn-1"))
			in.Disks[0].Status.Presence = v1alpha1.PresenceMissing
		}, "Keep/InService flash: osd.12, class ssd", v1alpha1.DiskMissing, true},
		"1 being prepared": {func(in *DisksInput) { in.Clusters[0].Reservations = []Reservation{reserved(3, "wwn-1")} },
			"Add/Matched flash: osd.3 is being prepared", v1alpha1.DiskPreparing, true},
		"2 excluded by the disk": {func(in *DisksInput) { in.Disks[0].Spec.Use = v1alpha1.DiskUseNever },
			"Skip/ExcludedByDisk : spec.use of this disk is Never; to let the rules decide set it to Allowed", v1alpha1.DiskExcluded, false},
		"2 node not selected": {func(in *DisksInput) { in.Clusters[0].Spec.Storage.NodeSelector = map[string]string{"role": "storage"} },
			"Skip/NodeNotSelected : storage.nodeSelector role=storage does not select node n1", v1alpha1.DiskExcluded, false},
		"3 no rule": {func(in *DisksInput) {
			in.Clusters[0].Spec.Storage.Rules[0].Match.MinSize = new(resource.MustParse("8Ti"))
			in.Disks[0].Status.Hardware.Size = new(resource.MustParse("8026e9"))
		}, "Skip/NoRuleMatches : rule flash: minSize 8Ti, this disk has 7.3Ti", v1alpha1.DiskUsable, false},
		"3 a loop": {func(in *DisksInput) { in.Disks[0].Status.Hardware.Transport = v1alpha1.TransportLoop },
			"Skip/NoRuleMatches : rule flash: a disk with transport Loop matches only a rule with transports: [Loop]", v1alpha1.DiskUsable, false},
		"4 excluded by a rule": {func(in *DisksInput) { in.Clusters[0].Spec.Storage.Rules[0].Use = v1alpha1.RuleUseNever },
			"Skip/ExcludedByRule flash: rule flash says use: Never", v1alpha1.DiskExcluded, false},
		"5 rejected": {func(in *DisksInput) {
			in.Disks[0].Status.Verdict = verdictOf(v1alpha1.VerdictRejected, v1alpha1.ReasonMounted, "sdb1 is mounted at /data", "unmount it")
		}, "Skip/Mounted flash: sdb1 is mounted at /data; unmount it", v1alpha1.DiskRejected, false},
	}
}

// waitingAndTaken are the other lines of the table.
func waitingAndTaken() map[string]entryCase {
	return map[string]entryCase{
		"6 unknown": {func(in *DisksInput) {
			in.Disks[0].Status.Verdict = verdictOf(v1alpha1.VerdictUnknown, v1alpha1.ReasonReadTimeout, "sdb did not answer", "")
		}, "Wait/VerdictUnknown flash: sdb did not answer", v1alpha1.DiskUnknown, false},
		"6 not judged": {func(in *DisksInput) { in.Disks[0].Status.Verdict = nil },
			"Wait/VerdictUnknown flash: discover has not judged this disk yet", v1alpha1.DiskUnknown, false},
		"6 no seal": {func(in *DisksInput) { in.Disks[0].Status.Verdict.Seal = "" },
			"Wait/VerdictUnknown flash: discover gave no seal, so that the first write could not be checked", v1alpha1.DiskUsable, false},
		"6 seen by others": {func(in *DisksInput) { in.Disks[0].Status.OtherNodes = []string{"n7"} },
			"Wait/VerdictUnknown flash: nodes n7 see this disk too", v1alpha1.DiskUsable, false},
		"6 silent": {func(in *DisksInput) { in.Nodes[0].Discover = DiscoverSilent },
			"Wait/Stale flash: discover on node n1 is silent, so that what is known of this disk may be old", v1alpha1.DiskUsable, false},
		"6 node gone": {func(in *DisksInput) { in.Nodes = nil },
			"Wait/Stale flash: node n1 is gone from Kubernetes", v1alpha1.DiskMissing, false},
		"6 cordoned": {func(in *DisksInput) { in.Nodes[0].Unschedulable = true },
			"Wait/NodeNotReady flash: node n1 is cordoned; kubectl uncordon n1", v1alpha1.DiskUsable, false},
		"6 tainted": {func(in *DisksInput) {
			in.Nodes[0].Taints = []corev1.Taint{{Key: "role", Value: "db", Effect: corev1.TaintEffectNoSchedule}}
		}, "Wait/NodeNotReady flash: node n1 has the taint role=db:NoSchedule; tolerate it in spec.osd.placement.tolerations", v1alpha1.DiskUsable, false},
		"7 no room for DBs": {func(in *DisksInput) {
			in.Clusters[0].Spec.Storage.Rules[0].DB = &v1alpha1.DBPlacement{Rule: "db", Size: resource.MustParse("200Gi")}
		}, "Wait/NoDBSpace flash: 1 slice of 200Gi for DB and WAL: node n1 has no disk of rule db that is ready and has room", v1alpha1.DiskUsable, false},
		"8 paused": {func(in *DisksInput) { in.Clusters[0].Spec.Pause = v1alpha1.PauseAll },
			"Add/Paused flash: 1 OSD of class ssd, host n1 in rack r2; held by spec.pause: All", v1alpha1.DiskPlanned, false},
		"8 manual": {func(in *DisksInput) { in.Clusters[0].Spec.Approvals.NewDisks = v1alpha1.ApprovalManual },
			"Add/AwaitingApproval flash: 1 OSD of class ssd, host n1 in rack r2; held for approval by spec.approvals.newDisks: Manual", v1alpha1.DiskPlanned, false},
		"9 add": {func(*DisksInput) {}, "Add/Matched flash: 1 OSD of class ssd, host n1 in rack r2", v1alpha1.DiskPlanned, true},
		"9 provide": {func(in *DisksInput) { in.Clusters[0].Spec.Storage.Rules[0].Use = v1alpha1.RuleUseDB },
			"Provide/Matched flash: 10Gi for DB and WAL of other OSDs, host n1 in rack r2", v1alpha1.DiskPlanned, true},
		"9 no identity yet": {func(in *DisksInput) { in.Clusters[0].FSID = "" },
			"Add/Matched flash: 1 OSD of class ssd, host n1 in rack r2", v1alpha1.DiskPlanned, false},
		"slices that are too small": {func(in *DisksInput) { in.Clusters[0].Spec.Storage.Rules[0].OSDsPerDisk = 8 },
			"Skip/TooSmall flash: rule flash leaves 1.2Gi for each of 8 OSDs; an OSD needs 2Gi", v1alpha1.DiskExcluded, false},
		"the same name for a rack and a host": {func(in *DisksInput) {
			in.Nodes[0].Labels[v1alpha1.LabelTopologyPrefix+"rack"] = "n1"
		}, "Wait/NodeNotReady flash: CRUSH has one bucket named n1, and the labels of the nodes ask for host below n1 (node n1) and rack below default (node n1); give one of them another name in the topology labels of its nodes",
			v1alpha1.DiskUsable, false},
	}
}

// Each line of the table of how a rule selects a disk, with its texts.
func TestDiskEntry(t *testing.T) {
	t.Parallel()
	cases := keptAndSkipped()
	maps.Copy(cases, waitingAndTaken())
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := oneDisk()
			test.change(&in)
			entry := Disks(in).Disks[0]
			got := fmt.Sprintf("%s/%s %s: %s", entry.Plan.Action, entry.Plan.Reason, entry.Plan.Rule, entry.Plan.Message)
			if got != test.want || entry.State != test.state || (entry.Claim != nil) != test.claim {
				t.Errorf("entry %s\nstate %s, claim %v\nwant  %s\nstate %s, a claim: %t", got, entry.State, entry.Claim, test.want, test.state, test.claim)
			}
		})
	}
}

func verdictOf(result v1alpha1.VerdictResult, reason, message, remedy string) *v1alpha1.DiskVerdict {
	return &v1alpha1.DiskVerdict{Result: result, Reasons: []v1alpha1.Refusal{{Reason: reason, Message: message, Remedy: remedy}}}
}

// Of several clusters the oldest wins, and a claim stays where it is.
func TestDisksOfSeveralClusters(t *testing.T) {
	t.Parallel()
	claim := func(name, fsid string) func(*DisksInput) {
		return func(in *DisksInput) {
			in.Disks[0].Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: name, FSID: fsid}
		}
	}
	for name, test := range map[string]struct {
		change         func(in *DisksInput)
		cluster, claim string
		reason         string
	}{
		"the oldest wins":              {func(*DisksInput) {}, "old", "old", "Matched"},
		"a claim stays":                {claim("young", "fsid-young"), "young", "young", "Matched"},
		"a former cluster of the name": {claim("young", "fsid-former"), "old", "old", "Matched"},
		"one whose identity is stored still": {func(in *DisksInput) {
			claim("young", "fsid-former")(in)
			in.Retained = []string{"fsid-former"}
		}, "old", "young", "ClaimedByOther"},
		"a disk of a cluster that is gone": {func(in *DisksInput) {
			claim("gone", "fsid-gone")(in)
			in.Disks[0].Status.Verdict = verdictOf(v1alpha1.VerdictRejected, v1alpha1.ReasonForeignOSD, "it holds osd.3", "")
		}, "old", "gone", "ClaimedByOther"},
		"the older one is closed":   {func(in *DisksInput) { in.Clusters[1].Closed = true }, "young", "young", "Matched"},
		"the older one is paused":   {func(in *DisksInput) { in.Clusters[1].Spec.Pause = v1alpha1.PauseAll }, "old", "", "Paused"},
		"the older one asks not":    {func(in *DisksInput) { in.Clusters[1].Spec.Storage.Rules = nil }, "young", "young", "Matched"},
		"nobody asks":               {func(in *DisksInput) { in.Clusters[0].Spec.Storage.Rules, in.Clusters[1].Spec.Storage.Rules = nil, nil }, "old", "", "NoRuleMatches"},
		"a claim without a rule":    {func(in *DisksInput) { claim("young", "fsid-young")(in); in.Clusters[0].Spec.Storage.Rules = nil }, "young", "", "NoRuleMatches"},
		"reserved by the young one": {func(in *DisksInput) { booted(&in.Clusters[0], reserved(1, "wwn-1")) }, "young", "young", "InService"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := oneDisk()
			in.Clusters = []DiskCluster{testCluster("young", 2), testCluster("old", 1)}
			test.change(&in)
			plan := Disks(in)
			entry := plan.Disks[0]
			if got := deref(entry.Claim).Name; entry.Cluster.Name != test.cluster || got != test.claim || entry.Plan.Reason != test.reason {
				t.Errorf("cluster %s, claim %q, reason %s (%s); want %s, %q, %s", entry.Cluster, got, entry.Plan.Reason, entry.Plan.Message,
					test.cluster, test.claim, test.reason)
			}
			for _, c := range plan.Clusters {
				if sum := c.Summary.Add + c.Summary.Provide + c.Summary.Keep + c.Summary.Wait + c.Summary.Skip; sum != 1 {
					t.Errorf("%s counts %d disks", c.Key, sum)
				}
			}
		})
	}
}

// hddWithDB has three HDDs that want their DB on two NVMe disks.
func hddWithDB() DisksInput {
	in := oneDisk()
	in.Disks = nil
	for i := range 3 {
		disk := testDisk(fmt.Sprintf("wwn-%d", i+1), "n1")
		disk.Status.Hardware.Media = v1alpha1.MediaHDD
		disk.Status.Hardware.Size = new(resource.MustParse("16e12"))
		in.Disks = append(in.Disks, disk)
	}
	for _, name := range []string{"eui-a", "eui-b"} {
		disk := testDisk(name, "n1")
		disk.Status.Hardware.Media = v1alpha1.MediaNVMe
		disk.Status.Hardware.Size = new(resource.MustParse("500Gi"))
		in.Disks = append(in.Disks, disk)
	}
	spec := minimalSpec()
	spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "db", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaNVMe}}, Use: v1alpha1.RuleUseDB},
		{Name: "hdd", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}},
			DB: &v1alpha1.DBPlacement{Rule: "db", Size: resource.MustParse("200Gi")}},
	}
	in.Clusters[0].Spec = Resolve(spec, ClusterFacts{Nodes: 3})
	return in
}

func TestDBsAreSpread(t *testing.T) {
	t.Parallel()
	plan := Disks(hddWithDB())
	var got []string
	for _, entry := range plan.Disks {
		got = append(got, fmt.Sprintf("%s %s: %s", entry.Disk, entry.Plan.Action, entry.Plan.Message))
	}
	want := []string{
		"eui-a Provide: 500Gi for DB and WAL of other OSDs, host n1 in rack r2 (then 2 OSDs depend on it)",
		"eui-b Provide: 500Gi for DB and WAL of other OSDs, host n1 in rack r2 (then 1 OSD depends on it)",
		"wwn-1 Add: 1 OSD of class hdd, host n1 in rack r2, DB and WAL 200Gi on eui-a (then 2 OSDs depend on it)",
		"wwn-2 Add: 1 OSD of class hdd, host n1 in rack r2, DB and WAL 200Gi on eui-b (then 1 OSD depends on it)",
		"wwn-3 Add: 1 OSD of class hdd, host n1 in rack r2, DB and WAL 200Gi on eui-a (then 2 OSDs depend on it)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sums := plan.Clusters[0].Summary
	if sums.Message != "3 OSDs on 1 node; 2 DB disks" || sums.RawAdded.Value() != 48e12 {
		t.Errorf("sums %q, %s added", sums.Message, sums.RawAdded)
	}
}

// A DB disk that is full, or of which nothing is known, provides nothing; the disk waits and says why.
func TestNoRoomForDBs(t *testing.T) {
	t.Parallel()
	in := hddWithDB()
	in.Disks[3].Status.Verdict = nil
	in.Disks[4].Status.Hardware.Size = new(resource.MustParse("300Gi"))
	plan := Disks(in)
	waits := plan.Disks[3]
	want := "1 slice of 200Gi for DB and WAL: of the disks of rule db on node n1, eui-b has the most room, 100Gi"
	if waits.Plan.Action != v1alpha1.PlanWait || waits.Plan.Message != want || len(waits.OSDs) != 0 {
		t.Errorf("%s waits with %s: %s", waits.Disk, waits.Plan.Action, waits.Plan.Message)
	}
	if got := plan.Clusters[0].Summary.Message; got != "1 OSD on 1 node; 1 DB disk; 1 disk waits for a verdict; 2 disks wait for DB space" {
		t.Errorf("sums: %s", got)
	}
}

// What is in service keeps its share of a DB disk, whatever the rules say now.
func TestDBRoomCountsReservations(t *testing.T) {
	t.Parallel()
	in := hddWithDB()
	r := reserved(7, "wwn-1")
	r.Rule, r.DB = "hdd", &Part{Disk: "eui-a", Count: 1, Offset: 1 << 20, Bytes: 200 << 30, Slice: "part-7"}
	booted(&in.Clusters[0], r)
	plan := Disks(in)
	a := plan.Disks[0]
	if a.Plan.Action != v1alpha1.PlanKeep || a.Plan.Message != "DB and WAL of osd.7, 300Gi free" || a.InService.Reason != v1alpha1.ReasonProvidesDB {
		t.Errorf("%s %s: %s (%s)", a.Disk, a.Plan.Action, a.Plan.Message, a.InService.Reason)
	}
	if got := plan.Disks[4].OSDs[0].DB.Disk; got != "eui-a" {
		t.Errorf("the last DB lies on %s", got)
	}
}

// A disk that is cut into several OSDs is finished as it was begun.
func TestSlicesAreFinishedAsBegun(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	in.Clusters[0].Spec.Storage.Rules[0].OSDsPerDisk = 2
	first := Disks(in).Disks[0].OSDs
	if len(first) != 2 || first[0].Data.Bytes != first[1].Data.Bytes || 2*first[0].Data.Bytes >= 10<<30 || first[1].Data.Index != 1 ||
		first[0].Data.Offset != 1<<20 || first[1].Data.Offset != 1<<20+first[0].Data.Bytes {
		t.Fatalf("slices %+v", first)
	}
	in.Clusters[0].Reservations = []Reservation{first[0].reservation(4)}
	in.Clusters[0].Spec.Storage.Rules[0].OSDsPerDisk = 1
	in.Clusters[0].Spec.Storage.Rules[0].DeviceClass = "other"
	entry := Disks(in).Disks[0]
	if diff := cmp.Diff(first[1:], entry.OSDs); diff != "" || entry.Plan.Action != v1alpha1.PlanAdd {
		t.Errorf("%s (-want +got):\n%s", entry.Plan.Action, diff)
	}
}

// An OSD whose disk changed before the first write is refused in its pod, and everybody is told.
func TestRefusedDisk(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	in.Clusters[0].Reservations = []Reservation{reserved(3, "wwn-1")}
	in.Clusters[0].Deployed = []Deployed{{Daemon: DaemonID{DaemonOSD, "3"}, Refusal: &v1alpha1.Refusal{
		Reason: handover.ReasonDiskChanged, Message: "the seal is another one", Remedy: "look at the disk"}}}
	plan := Disks(in)
	if got := plan.Disks[0]; got.State != v1alpha1.DiskFailed || got.InService.Reason != v1alpha1.ReasonDeviceChanged {
		t.Errorf("state %s, %+v", got.State, got.InService)
	}
	want := []DiskProblem{{v1alpha1.ReasonDeviceChanged, 1, "wwn-1 on node n1: the seal is another one; look at the disk"}}
	if diff := cmp.Diff(want, plan.Clusters[0].Problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A disk that was never the cluster's and was pulled leaves nothing to do, though its object stays.
func TestPulledDiskThatNobodyUsed(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	booted(&in.Clusters[0], reserved(1, "wwn-1"))
	pulled := testDisk("wwn-2", "n1")
	pulled.Status.Presence = v1alpha1.PresenceMissing
	in.Disks = append(in.Disks, pulled)
	if problems := Disks(in).Clusters[0].Problems; len(problems) > 0 {
		t.Errorf("problems %+v", problems)
	}
}

// A place where the disk of an OSD was for a while: with the disk in it, it holds the OSD and is nobody else's; without, it
// leaves nothing to do, since the OSD is known by another place.
func TestPlaceThatADiskHasLeft(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	booted(&in.Clusters[0], reserved(1, "wwn-1"))
	in.Clusters[0].OSDs[0].Up = false
	in.Disks[0].Status.Presence = v1alpha1.PresenceMissing
	place := testDisk("loop-n1-x", "n1")
	place.Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "fsid-main", OSDID: new(int32(1)), OSDUUID: "uuid-1"}}
	place.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse}
	in.Disks = append(in.Disks, place)
	if got := Disks(in).Disks[0]; got.State != v1alpha1.DiskDown || len(got.OSDs) > 0 || len(got.Serving) != 1 {
		t.Errorf("with the disk it is %s, to have %+v, and has %+v", got.State, got.OSDs, got.Serving)
	}
	in.Disks[0].Status.Presence, place.Status.Presence = v1alpha1.PresencePresent, v1alpha1.PresenceMissing
	in.Clusters[0].OSDs[0].Up = true
	if got := Disks(in); len(got.Clusters[0].Problems) > 0 || len(got.Disks[0].Serving) > 0 {
		t.Errorf("without the disk it has %+v, and the problems are %+v", got.Disks[0].Serving, got.Clusters[0].Problems)
	}
}

// Hosts stay where their first OSD was put, also for disks that come later.
func TestNewOSDsFollowTheirHost(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	booted(&in.Clusters[0], reserved(1, "wwn-1"))
	in.Disks = append(in.Disks, testDisk("wwn-2", "n1"))
	in.Nodes[0].Labels[v1alpha1.LabelTopologyPrefix+"rack"] = "r9"
	if got := locationText(Disks(in).Disks[1].OSDs[0].Location); got != "root=default rack=r2 host=n1" {
		t.Errorf("location %s", got)
	}
}

func TestDiskStatus(t *testing.T) {
	t.Parallel()
	in := hddWithDB()
	r := reserved(12, "wwn-1")
	r.Rule, r.DB = "hdd", &Part{Disk: "eui-a", Count: 1, Offset: 1 << 20, Bytes: 200 << 30, Slice: "part-12"}
	booted(&in.Clusters[0], r)
	later := metav1.NewTime(worldStart.Add(time.Hour))
	in.Disks[0].Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionInService, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(worldStart)}}
	entry := Disks(in).Disks[2]
	got := entry.Status(in.Disks[0], later)
	wantLabels := map[string]string{"seamount.dev/cluster": "seamount.main", "osd.seamount.dev/12": "data"}
	if diff := cmp.Diff(wantLabels, got.Labels); diff != "" || !got.Finalizer {
		t.Errorf("labels (-want +got), finalizer %t:\n%s", got.Finalizer, diff)
	}
	wantSummary := v1alpha1.DiskSummary{Size: "16 TB", OSDs: "12", Reason: "InService"}
	if diff := cmp.Diff(wantSummary, *got.Status.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if osd := got.Status.OSDs[0]; osd.DBDisk != "eui-a" || osd.Role != v1alpha1.OSDRoleData || osd.DeviceClass != "ssd" {
		t.Errorf("osds %+v", got.Status.OSDs)
	}
	for _, condition := range got.Status.Conditions {
		want := later
		if condition.Type == v1alpha1.ConditionInService {
			want = metav1.NewTime(worldStart)
		}
		if !condition.LastTransitionTime.Equal(&want) || condition.Message == "" {
			t.Errorf("%+v", condition)
		}
	}
	db := Disks(in).Disks[0].Status(in.Disks[3], later)
	if !strings.Contains(fmt.Sprint(db.Labels), "osd.seamount.dev/12:db") {
		t.Errorf("labels of the DB disk: %v", db.Labels)
	}
}
