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

// lostMon stops mon.c on n5 for so long, with its node.
func lostMon(ago time.Duration) func(*Observed) {
	return func(in *Observed) {
		stopMon(in, ago)
		in.Nodes[4].Ready = false
	}
}

func stopMon(in *Observed, ago time.Duration) {
	in.Ceph.Snapshot.Quorum.InQuorum = []string{"a", "b"}
	deployedIn(in, "mon.c").Running = false
	in.MonsLost = map[string]time.Time{"c": in.Now.Add(-ago)}
}

func storeMissing(in *Observed) {
	stopMon(in, time.Hour)
	deployedIn(in, "mon.c").Refusal = &v1alpha1.Refusal{Reason: handover.ReasonStoreMissing, Message: "the store is empty"}
}

// successor is mon.d on n2 in a state: recorded, in the monmap, in quorum.
func successor(member, quorate bool) func(*Observed) {
	return func(in *Observed) {
		in.Mons.Mons = append(slices.Clone(in.Mons.Mons), handover.Mon{Name: "d", Node: "n2", Address: "10.96.0.100", State: handover.MonJoining})
		quorum := &in.Ceph.Snapshot.Quorum
		if member {
			quorum.Mons = append(quorum.Mons, ceph.Mon{Name: "d", Rank: 3})
		}
		if quorate {
			quorum.InQuorum = append(quorum.InQuorum, "d")
		}
	}
}

// Law C5: a mon is replaced after the grace, one at a time, only while the others hold quorum, and leaves the monmap only
// when another one is in quorum in its place.
func TestMonFailover(t *testing.T) {
	t.Parallel()
	grace := DefaultMonGrace + time.Second
	for name, test := range map[string]struct {
		changes []func(*Observed)
		want    []string // what is done to mons
		reason  string   // of MonQuorum
		text    string
	}{
		"all are in quorum":        {nil, nil, "AllInQuorum", ""},
		"remembered and back":      {[]func(*Observed){func(in *Observed) { in.MonsLost = map[string]time.Time{"c": {}} }}, nil, "AllInQuorum", ""},
		"within the grace":         {[]func(*Observed){lostMon(9 * time.Minute)}, nil, "MonOutOfQuorum", ""},
		"a shorter grace":          {[]func(*Observed){lostMon(time.Minute), func(in *Observed) { in.MonGrace = 30 * time.Second }}, []string{"EnsureMon/mon.d", "ApplyDaemon/mon.d"}, "FailingOver", "node n5 is not ready"},
		"since nobody knows when":  {[]func(*Observed){lostMon(grace), func(in *Observed) { in.MonsLost = nil }}, nil, "MonOutOfQuorum", ""},
		"its node is well":         {[]func(*Observed){func(in *Observed) { stopMon(in, time.Hour) }}, nil, "MonOutOfQuorum", ""},
		"after the grace":          {[]func(*Observed){lostMon(grace)}, []string{"EnsureMon/mon.d", "ApplyDaemon/mon.d"}, "FailingOver", "node n5 is not ready"},
		"its node is gone":         {[]func(*Observed){lostMon(grace), func(in *Observed) { in.Nodes = in.Nodes[:4] }}, []string{"EnsureMon/mon.d", "ApplyDaemon/mon.d"}, "FailingOver", "node n5 is gone"},
		"its store is missing":     {[]func(*Observed){storeMissing}, []string{"EnsureMon/mon.d", "ApplyDaemon/mon.d"}, "FailingOver", "its store is missing"},
		"the default number":       {[]func(*Observed){lostMon(grace), func(in *Observed) { in.Spec.Mon.Count = 3 }}, []string{"EnsureMon/mon.d", "ApplyDaemon/mon.d"}, "FailingOver", ""},
		"another one is out":       {[]func(*Observed){lostMon(grace), func(in *Observed) { in.Ceph.Snapshot.Quorum.InQuorum = []string{"a"} }}, nil, "MonOutOfQuorum", "bring the other mons back first"},
		"Ceph does not answer":     {[]func(*Observed){lostMon(grace), func(in *Observed) { in.Ceph.Reach = ReachUnreachable }}, nil, "NotObserved", ""},
		"no other node":            {[]func(*Observed){lostMon(grace), cordonOthers}, nil, "TooFewNodes", "bring the node back, add a node"},
		"the next joins":           {[]func(*Observed){lostMon(grace), successor(false, false)}, []string{"ApplyDaemon/mon.d"}, "FailingOver", "mon.d on node n2 is joining"},
		"the next is a member":     {[]func(*Observed){lostMon(grace), successor(true, false)}, []string{"ApplyDaemon/mon.d"}, "FailingOver", ""},
		"the next is in quorum":    {[]func(*Observed){lostMon(0), successor(true, true)}, []string{"RemoveMon/mon.c", "ApplyDaemon/mon.d"}, "MonOutOfQuorum", ""},
		"the next is lost too":     {[]func(*Observed){lostMon(grace), successor(false, false), nextLost(0)}, []string{"ApplyDaemon/mon.d"}, "FailingOver", ""},
		"the next is lost as long": {[]func(*Observed){lostMon(grace), successor(false, false), nextLost(grace)}, []string{"RemoveMon/mon.d"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := atRest(t)
			in.Nodes = slices.Clone(in.Nodes)
			for _, change := range test.changes {
				change(&in)
			}
			p := Compute(in)
			var got []string
			for _, step := range p.Steps {
				id := step.ID
				if remove, ok := step.Do.(RemoveMon); ok && remove.Name == "c" && remove.Successor != "d" {
					t.Errorf("mon.c goes for %q", remove.Successor)
				}
				if strings.HasPrefix(id, "EnsureMon") || strings.HasPrefix(id, "RemoveMon") || strings.HasPrefix(id, "ApplyDaemon/mon.") {
					got = append(got, id)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			condition := findCondition(ClusterStatus(in, p), v1alpha1.ConditionMonQuorum)
			if test.reason != "" && condition.Reason != test.reason || !strings.Contains(condition.Message, test.text) {
				t.Errorf("%s: %s", condition.Reason, condition.Message)
			}
		})
	}
}

func cordonOthers(in *Observed) {
	for i := range in.Nodes {
		in.Nodes[i].Unschedulable = true
	}
}

func nextLost(ago time.Duration) func(*Observed) {
	return func(in *Observed) {
		in.Nodes[1].Ready = false
		in.MonsLost["d"] = in.Now.Add(-ago)
	}
}

// While a mon is replaced there is one more than wanted, and the number wanted does not follow it.
func TestFailoverDoesNotGrow(t *testing.T) {
	t.Parallel()
	mons := Mons{Mons: make([]handover.Mon, 4)}
	for name, test := range map[string]struct {
		before int32
		want   int32
	}{"three were wanted": {3, 3}, "five were wanted": {5, 5}, "status was deleted": {0, 3}} {
		var status v1alpha1.StorageClusterStatus
		if test.before > 0 {
			status.Resolved = &v1alpha1.ClusterDefaults{MonCount: test.before}
		}
		if got := FactsOf(minimalSpec(), nil, mons, status).Mons; got != test.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}
