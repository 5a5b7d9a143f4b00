package plan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func oneOf[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// randomDisks is a Kubernetes in any state: sick nodes, disks of any content, clusters that quarrel about them.
func randomDisks(rng *rand.Rand) DisksInput {
	var in DisksInput
	for n := range 2 + rng.IntN(4) {
		node := testNode(fmt.Sprintf("n%d", n), map[string]string{
			v1alpha1.LabelTopologyPrefix + "rack": oneOf(rng, "r1", "r1", "r2", "r2", "r3", "r3", "", "", "", "n1"), "role": oneOf(rng, "storage", "storage", "web"),
		})
		node.Ready, node.Unschedulable = rng.IntN(5) > 0, rng.IntN(6) == 0
		node.Discover = oneOf(rng, DiscoverReporting, DiscoverReporting, DiscoverReporting, DiscoverSilent, "")
		if rng.IntN(6) == 0 {
			node.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoSchedule}}
		}
		in.Nodes = append(in.Nodes, node)
	}
	for range 1 + rng.IntN(12) {
		in.Disks = append(in.Disks, randomDisk(rng, len(in.Disks)))
	}
	for i := range 1 + rng.IntN(3) {
		in.Clusters = append(in.Clusters, randomCluster(rng, i, in.Disks))
	}
	return in
}

func randomDisk(rng *rand.Rand, i int) *v1alpha1.StorageDisk {
	disk := testDisk(fmt.Sprintf("wwn-%02d", i), fmt.Sprintf("n%d", rng.IntN(4)))
	disk.Status.Hardware.Media = oneOf(rng, v1alpha1.MediaSSD, v1alpha1.MediaHDD, v1alpha1.MediaNVMe)
	disk.Status.Hardware.Transport = oneOf(rng, v1alpha1.TransportSAS, v1alpha1.TransportSAS, v1alpha1.TransportSATA, v1alpha1.TransportLoop)
	disk.Status.Hardware.Size = resource.NewQuantity(int64(4+rng.IntN(80))<<29, resource.BinarySI)
	switch rng.IntN(12) {
	case 0:
		disk.Status.Verdict = verdictOf(v1alpha1.VerdictRejected, v1alpha1.ReasonMounted, "it is mounted", "")
	case 1:
		disk.Status.Verdict = verdictOf(v1alpha1.VerdictUnknown, v1alpha1.ReasonReadTimeout, "no answer", "")
	case 2:
		disk.Status.Verdict = verdictOf(v1alpha1.VerdictInUse, v1alpha1.ReasonInUse, "it holds osd.9", "")
	case 3:
		disk.Status.Verdict = oneOf(rng, nil, &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable})
	}
	disk.Status.Presence = oneOf(rng, v1alpha1.PresencePresent, v1alpha1.PresencePresent, v1alpha1.PresencePresent, v1alpha1.PresenceMissing)
	if rng.IntN(8) == 0 {
		disk.Status.OtherNodes = []string{"n9"}
	}
	if rng.IntN(8) == 0 {
		disk.Spec.Use = v1alpha1.DiskUseNever
	}
	if rng.IntN(4) == 0 {
		name := oneOf(rng, "c0", "c1", "gone")
		disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: name, FSID: "fsid-" + oneOf(rng, name, "former")}
	}
	return disk
}

func randomCluster(rng *rand.Rand, i int, disks []*v1alpha1.StorageDisk) DiskCluster {
	c := testCluster(fmt.Sprintf("c%d", i), rng.IntN(3))
	spec := minimalSpec()
	spec.Pause = oneOf(rng, v1alpha1.PauseNone, v1alpha1.PauseNone, v1alpha1.PauseAll)
	spec.Approvals = &v1alpha1.ApprovalsSpec{NewDisks: oneOf(rng, v1alpha1.ApprovalAutomatic, v1alpha1.ApprovalAutomatic, v1alpha1.ApprovalManual)}
	if rng.IntN(2) == 0 {
		spec.Storage.NodeSelector = map[string]string{"role": "storage"}
	}
	spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "db", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaNVMe}}, Use: v1alpha1.RuleUseDB},
		{Name: "hdd", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}},
			DB: &v1alpha1.DBPlacement{Rule: oneOf(rng, "db", "rest"), Size: resource.MustParse("2Gi")}},
		{Name: "rest", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD, v1alpha1.MediaHDD}},
			OSDsPerDisk: int32(1 + rng.IntN(3)), DBSpace: new(resource.MustParse("3Gi"))},
	}
	c.Spec, c.Closed, c.OSDsKnown = Resolve(spec, ClusterFacts{Nodes: 3}), rng.IntN(8) == 0, rng.IntN(4) > 0
	c.FSID = oneOf(rng, c.FSID, c.FSID, c.FSID, "")
	for id, disk := range disks {
		if i == id%3 && rng.IntN(3) == 0 && c.FSID != "" {
			r := reserved(int32(id), disk.Name)
			r.Rule = oneOf(rng, "hdd", "rest", "gone")
			booted(&c, r)
			c.OSDs[len(c.OSDs)-1].Booted = rng.IntN(2) == 0
		}
	}
	return c
}

// The laws of disks, over everything that can be observed: no disk is taken that is not known to be empty, now, on a
// node that is well; a claim is never overruled; each disk has one entry with a reason that the API knows.
func TestDiskLaws(t *testing.T) {
	t.Parallel()
	taken := 0
	for seed := range uint64(1500) {
		in := randomDisks(rand.New(rand.NewPCG(seed, 2)))
		plan := Disks(in)
		if len(plan.Disks) != len(in.Disks) {
			t.Fatalf("seed %d: %d entries for %d disks", seed, len(plan.Disks), len(in.Disks))
		}
		for _, entry := range plan.Disks {
			disk := in.Disks[slices.IndexFunc(in.Disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == entry.Disk })]
			action := deref(entry.Plan).Action
			if (action == v1alpha1.PlanAdd || action == v1alpha1.PlanProvide) && len(entry.Serving) == 0 {
				taken++
			}
			if text := breach(in, disk, entry); text != "" {
				t.Fatalf("seed %d: %s: %s\n%+v", seed, entry.Disk, text, *entry.Plan)
			}
			status := entry.Status(disk, metav1.NewTime(worldStart)).Status
			checkConditions(t, v1alpha1.KindStorageDisk, status.Conditions, v1alpha1.ComponentOperator)
		}
		checkSpace(t, seed, in, plan)
	}
	if taken < 300 {
		t.Fatalf("only %d disks were taken: the laws were hardly tried", taken)
	}
}

// breach returns which law an entry breaks; empty: none.
func breach(in DisksInput, disk *v1alpha1.StorageDisk, entry DiskEntry) string {
	at := slices.IndexFunc(in.Nodes, func(n Node) bool { return n.Name == disk.Status.Node })
	before := disk.Status.Claim
	known := func(c DiskCluster) bool {
		return c.FSID != "" && before != nil && c.FSID == before.FSID && c.Key.Name == before.Name
	}
	switch {
	case entry.Claim != nil && before != nil && *entry.Claim != *before && slices.ContainsFunc(in.Clusters, known) &&
		entry.Claim.Name != before.Name:
		return "a claim is overruled"
	case entry.Claim != nil && entry.Claim.FSID == "":
		return "a claim without an fsid"
	case entry.Plan == nil:
		if slices.ContainsFunc(in.Clusters, func(c DiskCluster) bool { return !c.Closed }) {
			return "no entry"
		}
		return ""
	case !reasonFits(*entry.Plan):
		return "a reason that the API does not know for this action"
	case entry.Plan.Message == "":
		return "no message"
	case len(entry.Serving) > 0 || entry.Plan.Action != v1alpha1.PlanAdd && entry.Plan.Action != v1alpha1.PlanProvide:
		return ""
	}
	status, node := disk.Status, Node{}
	if at >= 0 {
		node = in.Nodes[at]
	}
	switch {
	case status.Verdict == nil || status.Verdict.Result != v1alpha1.VerdictUsable || status.Verdict.Seal == "":
		return "a disk is taken that is not known to be empty"
	case status.Presence != v1alpha1.PresencePresent || len(status.OtherNodes) > 0:
		return "a disk is taken that is not where it should be, and there alone"
	case at < 0 || !node.Ready || node.Unschedulable || len(node.Taints) > 0 || node.Discover != DiscoverReporting:
		return "a disk is taken on a node that is not well"
	case disk.Spec.Use == v1alpha1.DiskUseNever || status.Hardware.Transport == v1alpha1.TransportLoop:
		return "a disk is taken that nobody named"
	}
	return ""
}

func reasonFits(plan v1alpha1.DiskPlan) bool {
	reasons := v1alpha1.PlanReasons(plan.Action)
	if plan.Action == v1alpha1.PlanSkip {
		reasons = append(reasons, v1alpha1.RejectedReasons()...)
	}
	return slices.Contains(reasons, plan.Reason)
}

// checkSpace adds up what a plan puts on each disk: never more than there is.
func checkSpace(t *testing.T, seed uint64, in DisksInput, plan DisksPlan) {
	t.Helper()
	used := map[string]int64{}
	for _, entry := range plan.Disks {
		for _, osd := range entry.OSDs {
			used[osd.Data.Disk] += osd.Data.Bytes
			if osd.DB != nil {
				used[osd.DB.Disk] += osd.DB.Bytes
			}
			if osd.Data.Bytes < minOSDBytes && len(entry.Serving) == 0 {
				t.Fatalf("seed %d: an OSD of %d bytes on %s", seed, osd.Data.Bytes, entry.Disk)
			}
		}
	}
	for _, disk := range in.Disks {
		if size := sizeOf(disk); used[disk.Name] > size {
			t.Fatalf("seed %d: %d bytes are planned on %s, which has %d", seed, used[disk.Name], disk.Name, size)
		}
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The same disks in another order give the same bytes.
func TestDisksAreDeterministic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		in := randomDisks(rng)
		want := encoded(t, Disks(in))
		shuffle(rng, in.Disks)
		shuffle(rng, in.Nodes)
		shuffle(rng, in.Clusters)
		for i := range in.Clusters {
			shuffle(rng, in.Clusters[i].Reservations)
			shuffle(rng, in.Clusters[i].OSDs)
		}
		if got := encoded(t, Disks(in)); got != want {
			t.Fatalf("seed %d:\n%s\nin another order:\n%s", seed, want, got)
		}
	}
}

func shuffle[T any](rng *rand.Rand, list []T) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// The same cluster observed in another order gives the same plan and status, at any moment of its life; and neither
// changes what was observed.
func TestComputeIsDeterministic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t, 5, 2)
		w.rng = rng
		for turn := range 12 {
			if turn == 8 {
				w.spec.ResourceProfile = v1alpha1.ProfileLean
				w.addNode(5, 1)
			}
			w.turn()
			in := w.observe()
			before := encoded(t, parts(in))
			p := Compute(in)
			want := encoded(t, p) + encoded(t, ClusterStatus(in, p))
			shuffle(rng, in.Nodes)
			shuffle(rng, in.Reservations)
			shuffle(rng, in.Deployed)
			p = Compute(in)
			if got := encoded(t, p) + encoded(t, ClusterStatus(in, p)); got != want {
				t.Fatalf("seed %d, turn %d:\n%s\nin another order:\n%s", seed, turn, want, got)
			}
			if after := encoded(t, parts(w.observe())); len(after) != len(before) {
				t.Fatalf("seed %d, turn %d: what was observed has changed", seed, turn)
			}
		}
	}
}

// parts are what a plan could change by mistake.
func parts(in Observed) []any {
	return []any{in.Nodes, in.Reservations, in.Deployed, in.Mons, in.Disks, in.Ceph.Snapshot, in.Spec, in.Seed, in.Applied}
}
