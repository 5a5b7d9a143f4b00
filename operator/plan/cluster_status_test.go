package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func memory(limit string) *corev1.ResourceRequirements {
	return &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)}}
}

func findCondition(status v1alpha1.StorageClusterStatus, conditionType string) metav1.Condition {
	return deref(meta.FindStatusCondition(status.Conditions, conditionType))
}

// checkConditions holds a status to the table of the API.
func checkConditions(t *testing.T, kind string, got []metav1.Condition, owner string) {
	t.Helper()
	var want []string
	for _, spec := range conditions.Of(kind) {
		if spec.Owner != owner {
			continue
		}
		want = append(want, spec.Type)
		condition := deref(meta.FindStatusCondition(got, spec.Type))
		allowed := map[metav1.ConditionStatus][]string{
			metav1.ConditionTrue: spec.True, metav1.ConditionFalse: spec.False, metav1.ConditionUnknown: spec.Unknown,
		}[condition.Status]
		if !slices.Contains(allowed, condition.Reason) || condition.Message == "" {
			t.Errorf("%s is %s with reason %q: %s", spec.Type, condition.Status, condition.Reason, condition.Message)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d conditions, want %v", len(got), want)
	}
}

// conditionCase is a change of a cluster at rest, and the condition that says so.
type conditionCase struct {
	change    func(in *Observed)
	condition string
	want      string // status reason
	says      string
}

// whatCephSays are cases in which Ceph tells what is wrong.
func whatCephSays() map[string]conditionCase {
	health := func(code, summary string, severity ceph.HealthStatus) func(in *Observed) {
		return func(in *Observed) {
			in.Ceph.Snapshot.Health = ceph.HealthReport{Status: severity, Checks: []ceph.HealthCheck{{Code: code, Severity: severity, Summary: summary}}}
		}
	}
	pgs := func(state string) func(in *Observed) {
		return func(in *Observed) {
			in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: "active+clean", Count: 30}, {State: state, Count: 2}}
		}
	}
	down := func(mons ...string) func(in *Observed) {
		return func(in *Observed) {
			in.Ceph = CephFacts{Reach: ReachUnreachable, Text: "timed out"}
			for _, mon := range mons {
				d := deployedIn(in, mon)
				d.Running = false
				d.Refusal = &v1alpha1.Refusal{Reason: handover.ReasonStoreMissing, Message: "its store is empty", Remedy: "start the others first"}
			}
		}
	}
	// off cuts the power of nodes with mons: their pods are said to run for ever.
	off := func(mons ...string) func(in *Observed) {
		return func(in *Observed) {
			down()(in)
			in.Nodes = slices.Clone(in.Nodes)
			for _, mon := range in.Mons.Mons {
				for i := range in.Nodes {
					in.Nodes[i].Ready = in.Nodes[i].Ready && (in.Nodes[i].Name != mon.Node || !slices.Contains(mons, mon.Name))
				}
			}
		}
	}
	return map[string]conditionCase{
		"all is well": {func(*Observed) {}, "Ready", "True Serving", "10 OSDs up, 3 mons in quorum, HEALTH_OK"},
		"a warning":   {health("MON_DISK_LOW", "mon a is low on space", ceph.HealthWarn), "Ready", "True ServingDegraded", "MON_DISK_LOW: mon a is low on space"},
		"a muted warning": {func(in *Observed) {
			health("X_Y", "z", ceph.HealthWarn)(in)
			in.Spec.MutedHealthChecks = []string{"X_Y"}
		}, "Ready", "True Serving", ""},
		"full":            {health("OSD_FULL", "1 full osd(s)", ceph.HealthErr), "Ready", "False Full", "OSD_FULL: 1 full osd(s)"},
		"full, capacity":  {health("OSD_FULL", "1 full osd(s)", ceph.HealthErr), "CapacityOK", "False Full", "add disks"},
		"near full":       {health("OSD_NEARFULL", "2 nearfull osd(s)", ceph.HealthWarn), "CapacityOK", "False NearFull", "2 nearfull"},
		"inactive":        {pgs("peering"), "Ready", "False DataUnavailable", "2 peering"},
		"a new mgr":       {pgs("unknown"), "Ready", "True Serving", ""},
		"a new mgr, data": {pgs("unknown"), "DataHealthy", "False Inactive", "2 unknown"},
		"a new pool":      {pgs("creating+peering"), "Ready", "True Serving", ""},
		"unknown for long": {func(in *Observed) {
			pgs("unknown")(in)
			health("PG_AVAILABILITY", "Reduced data availability: 2 pgs inactive", ceph.HealthWarn)(in)
		}, "Ready", "False DataUnavailable", "2 unknown; PG_AVAILABILITY"},
		"degraded":     {pgs("active+undersized+degraded"), "DataHealthy", "False Degraded", "2 active+undersized+degraded"},
		"undersized":   {pgs("active+undersized"), "DataHealthy", "False Undersized", ""},
		"recovering":   {pgs("active+remapped+backfilling"), "DataHealthy", "False Recovering", ""},
		"inconsistent": {pgs("active+clean+inconsistent"), "DataHealthy", "False Inconsistent", ""},
		"a mon is out": {func(in *Observed) {
			in.Ceph.Snapshot.Quorum.InQuorum = []string{"a", "b"}
			deployedIn(in, "mon.c").Running = false
		}, "MonQuorum", "False MonOutOfQuorum", "mon.c on node n5 does not run"},
		"stores are missing": {down("mon.a", "mon.b"), "MonQuorum", "False QuorumLost", "StoreMissing): its store is empty; start the others first"},
		"quorum is lost":     {down("mon.a", "mon.b"), "Ready", "False QuorumLost", "start the others first"},
		"nodes are off":      {off("a", "c"), "MonQuorum", "False QuorumLost", "mon.c on node n5 does not answer: node n5 is not ready"},
		"one node is off":    {off("c"), "MonQuorum", "Unknown NotObserved", ""},
		"unreachable":        {down(), "Ready", "False CephUnreachable", "timed out"},
	}
}

// whatElseIs are cases in which something else is known, or nothing.
func whatElseIs() map[string]conditionCase {
	return map[string]conditionCase{
		"nobody asked":       {func(in *Observed) { in.Ceph = CephFacts{} }, "Ready", "Unknown NotObserved", ""},
		"stale":              {func(in *Observed) { in.Ceph.Fresh = false }, "Reachable", "False Stale", ""},
		"stale is not clean": {func(in *Observed) { in.Ceph.Fresh = false }, "DataHealthy", "Unknown NotObserved", ""},
		"unauthorized":       {func(in *Observed) { in.Ceph = CephFacts{Reach: ReachUnauthorized, Text: "denied"} }, "Reachable", "False AuthenticationFailed", "denied"},
		"drift": {func(in *Observed) {
			in.Ceph.Snapshot.Config = []ceph.ConfigOption{{Who: "osd", Option: "debug_osd", Value: "20"}}
		},
			"UpToDate", "False ConfigDrift", "config osd/debug_osd"},
		"relabelled": {func(in *Observed) {
			in.Nodes = slices.Clone(in.Nodes)
			in.Nodes[0] = testNode("n1", map[string]string{v1alpha1.LabelTopologyPrefix + "rack": "r7"})
		}, "UpToDate", "False TopologyDrift", "n1 is at root=default rack=r1 host=n1 in CRUSH, and its labels say root=default rack=r7 host=n1"},
		"a rollout":       {changed, "UpToDate", "False Upgrading", "10 daemons of 15 to be restarted"},
		"paused":          {func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll }, "Paused", "True PausedAll", ""},
		"no room to heal": {func(in *Observed) { heavy(in.Ceph.Snapshot) }, "CapacityOK", "False NoRoomToHeal", "if host n1 with 20Gi is lost"},
		"not available":   {func(in *Observed) { in.Unavailable = "spec.upgrade is not available" }, "Ready", "False NotAvailable", "spec.upgrade"},
		"identity lost":   {func(in *Observed) { in.Identity, in.Traces = nil, []string{"Secret ceph-main-osd-0"} }, "Ready", "False CephUnreachable", "put the Secret back"},
		"deleting":        {func(in *Observed) { in.Deleting = true }, "Deleting", "True StoppingDaemons", "15 daemons to stop"},
		"dependents": {func(in *Observed) {
			in.Deleting, in.Dependents = true, v1alpha1.ClusterDependents{Pools: new(int32(1)), Volumes: new(int32(214)), First: []string{"pool/fast"}}
		}, "Deleting", "True DependentsExist", "the cluster still holds 1 pool, 214 volumes (pool/fast)"},
		"wipe": {func(in *Observed) { in.Deleting, in.Spec.DeletionPolicy = true, v1alpha1.DeletionWipe }, "Deleting", "True StoppingDaemons", "then the disks are erased"},
		"wipe waits": {func(in *Observed) {
			in.Deleting, in.Spec.DeletionPolicy = true, v1alpha1.DeletionWipe
			in.Wiping.Underway = []manifest.OperationRecord{{Operation: "remove-x"}}
		}, "Deleting", "True WipingDisks", "kubectl seamount cancel remove-x"},
		"operations":        {func(in *Observed) { in.Operations = waitingFor("a", "b") }, "ApprovalRequired", "True OperationsWaiting", "2 operations for approval: a, b"},
		"too few nodes":     {func(in *Observed) { in.Spec.Mon.Count = 7 }, "MonQuorum", "False TooFewNodes", "7 mons wanted"},
		"disks not planned": {func(in *Observed) { in.Disks = nil }, "DisksSettled", "Unknown NotObserved", ""},
	}
}

// What is wrong shows in the condition that is about it, in Ceph's own words, and every condition is set every time.
func TestClusterConditions(t *testing.T) {
	t.Parallel()
	cases := whatCephSays()
	maps.Copy(cases, whatElseIs())
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := atRest(t)
			test.change(&in)
			status := ClusterStatus(in, Compute(in))
			checkConditions(t, v1alpha1.KindStorageCluster, status.Conditions, v1alpha1.ComponentOperator)
			condition := findCondition(status, test.condition)
			if got := string(condition.Status) + " " + condition.Reason; got != test.want || !strings.Contains(condition.Message, test.says) {
				t.Errorf("%s is %s: %s\nwant %s: %s", test.condition, got, condition.Message, test.want, test.says)
			}
		})
	}
}

// heavy fills a cluster so far that it could not hold its data without a host.
func heavy(s *ceph.Snapshot) {
	s.OSDs = slices.Clone(s.OSDs)
	for i := range s.OSDs {
		s.OSDs[i].UsedBytes = s.OSDs[i].TotalBytes * 75 / 100
	}
}

// Nothing in status moves by itself, and figures rest for a while.
func TestStatusRests(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	in.Ceph.Snapshot.Capacity = ceph.Capacity{TotalBytes: 100 << 30, UsedBytes: 61_234_567_890}
	in.CapacityAt = in.Now.Add(-2 * time.Minute)
	first := ClusterStatus(in, Compute(in))
	if got := first.Capacity; got.Used.String() != "61200M" || *got.UsedPercent != 57 || first.Summary.Used != "57%" {
		t.Errorf("capacity %s, %d%%; summary %+v", got.Used, *got.UsedPercent, first.Summary)
	}
	in.Previous, in.CapacityAt = &first, in.Now
	in.Now = in.Now.Add(30 * time.Second)
	in.Ceph.Snapshot.Capacity.UsedBytes += 10 << 30
	if diff := cmp.Diff(first, ClusterStatus(in, Compute(in))); diff != "" {
		t.Errorf("after 30 seconds (-before +now):\n%s", diff)
	}
	in.Now = in.Now.Add(time.Minute)
	if got := ClusterStatus(in, Compute(in)); got.Summary.Used != "67%" {
		t.Errorf("after a minute %s", got.Summary.Used)
	}
}

// While Ceph does not answer, what was known last stays, and is not called healthy.
func TestStatusKeepsWhatWasKnown(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	first := ClusterStatus(in, Compute(in))
	in.Previous, in.Ceph = &first, CephFacts{Reach: ReachUnreachable}
	got := ClusterStatus(in, Compute(in))
	if diff := cmp.Diff(first.Versions, got.Versions) + cmp.Diff(first.Classes, got.Classes); diff != "" || got.Summary.Health != "" {
		t.Errorf("health %q (-before +now):\n%s", got.Summary.Health, diff)
	}
}
