package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// lostAtRest is a cluster that lives and whose identity is gone.
func lostAtRest(t *testing.T) Observed {
	t.Helper()
	_, in := atRest(t)
	in.KnownFSID, in.Identity = in.Identity.FSID, nil
	in.Traces = []string{"Secret ceph-main-osd-0"}
	in.Ceph = CephFacts{}
	in.Previous = &v1alpha1.StorageClusterStatus{FSID: in.KnownFSID}
	return in
}

// Law C1: while the identity is lost, nothing is done but what rebuilds it.
func TestRecovery(t *testing.T) {
	t.Parallel()
	over := func(in *Observed, age time.Duration, mons ...string) {
		for _, mon := range mons {
			in.Recovery.Attempts = append(in.Recovery.Attempts, RecoveryAttempt{Mon: mon, Begun: in.Now.Add(-age), Over: true, Why: "StoreMissing"})
		}
		in.Recovery.Begun = true
	}
	for name, c := range map[string]struct {
		change func(*Observed)
		steps  []string
		says   string // in the refusal; empty: there is none
	}{
		"gone":    {func(*Observed) {}, []string{"ReadMonKey/mon.a"}, "is gone"},
		"damaged": {func(in *Observed) { in.IdentityDamaged = true }, []string{"ReadMonKey/mon.a"}, "is damaged"},
		"no trace but the status": {func(in *Observed) { in.Traces = nil },
			[]string{"ReadMonKey/mon.a"}, "status.fsid"},
		"its fsid is not known":   {func(in *Observed) { in.KnownFSID = "" }, nil, "one fsid"},
		"no mon is known":         {func(in *Observed) { in.Mons = Mons{} }, nil, "where the stores of its mons are"},
		"the node is not ready":   {func(in *Observed) { in.Nodes[0].Ready = false }, []string{"ReadMonKey/mon.b"}, "is gone"},
		"an attempt is under way": {func(in *Observed) { over(in, time.Second, "a"); in.Recovery.Attempts[0].Over = false }, nil, "is gone"},
		"an attempt hangs":        {func(in *Observed) { over(in, attemptLimit, "a"); in.Recovery.Attempts[0].Over = false }, []string{"ReadMonKey/mon.b"}, "is gone"},
		"a store is gone":         {func(in *Observed) { over(in, time.Second, "a") }, []string{"ReadMonKey/mon.b"}, "mon.a: StoreMissing"},
		"all stores are gone":     {func(in *Observed) { over(in, time.Second, "a", "b", "c") }, nil, "mon.c: StoreMissing"},
		"all were gone a while ago": {func(in *Observed) {
			over(in, attemptAgain, "c")
			over(in, attemptAgain+1, "b")
			over(in, attemptAgain, "a")
		}, []string{"ReadMonKey/mon.b"}, "StoreMissing"},
		"the key is there":       {func(in *Observed) { in.Recovery = Recovery{Begun: true, KeyFound: true} }, []string{"RebuildIdentity"}, "is being rebuilt"},
		"the key does not serve": {func(in *Observed) { in.Recovery = Recovery{Begun: true, KeyFound: true, Trouble: "denied"} }, []string{"RebuildIdentity"}, "denied"},
		"the mons do not run": {func(in *Observed) {
			in.Recovery, in.Deployed, in.Seed = Recovery{Begun: true, KeyFound: true}, nil, nil
		}, []string{"WriteSeed", "ApplyDaemon/mon.a", "ApplyDaemon/mon.b", "ApplyDaemon/mon.c", "RebuildIdentity"}, "is gone"},
		"the record of the mons is lost too": {func(in *Observed) {
			in.Previous.Mons, in.Mons = []v1alpha1.MonStatus{{Name: "b", Node: "n2", Address: "10.96.0.2"}}, Mons{}
		}, []string{"ReadMonKey/mon.b"}, "is gone"},
		"paused": {func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll }, nil, "is gone"},
		"deleted with what keeps it": {func(in *Observed) {
			in.Deleting, in.Dependents.Pools = true, new(int32(1))
		}, []string{"ReadMonKey/mon.a"}, "is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := lostAtRest(t)
			c.change(&in)
			p := Compute(in)
			if diff := cmp.Diff(c.steps, stepIDs(p)); diff != "" && len(c.steps)+len(p.Steps) > 0 {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if p.Refusal == nil || !strings.Contains(p.Refusal.Message, c.says) || p.Refusal.Remedy == "" || len(p.Keep) > 0 {
				t.Errorf("refusal %+v, keep %d", p.Refusal, len(p.Keep))
			}
			if slices.Contains(stepIDs(p), "EnsureIdentity") {
				t.Error("another identity")
			}
			if status := ClusterStatus(in, p); status.FSID != lostAtRest(t).KnownFSID {
				t.Errorf("status.fsid is %q", status.FSID)
			}
		})
	}
}

// A key that Ceph does not accept is looked for again, and what runs goes on meanwhile; once there is an identity, what
// the rebuilding needed goes.
func TestRecoveryBesideTheRest(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	in.KnownFSID = in.Identity.FSID
	keep := len(Compute(in).Keep)
	in.Recovery.Begun = true
	if p := Compute(in); !slices.Equal(stepIDs(p), []string{"EndRecovery"}) || p.Refusal != nil {
		t.Errorf("steps %v, refusal %+v", stepIDs(p), p.Refusal)
	}
	in.Recovery = Recovery{}
	in.Ceph = CephFacts{Reach: ReachUnauthorized, Text: "denied"}
	if p := Compute(in); !slices.Equal(stepIDs(p), []string{"ReadMonKey/mon.a"}) || p.Refusal != nil || len(p.Keep) != keep {
		t.Errorf("steps %v, refusal %+v, keep %d of %d", stepIDs(p), p.Refusal, len(p.Keep), keep)
	}
	in.Mons = Mons{Mons: in.Mons.Mons}
	if p := Compute(in); slices.Contains(stepIDs(p), "ReadMonKey/mon.a") {
		t.Error("before there was a quorum a key is looked for in stores that may not be made yet")
	}
}

// Without the record of the mons nothing is taken from anybody, and the record comes back from the monmap.
func TestLostRecordOfMons(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	in.Previous = &v1alpha1.StorageClusterStatus{Mons: []v1alpha1.MonStatus{{Name: "a", Node: "n1", Address: "10.96.0.1"}}}
	in.Mons = Mons{}
	p := Compute(in)
	if !slices.Equal(stepIDs(p), []string{"RestoreMons"}) || p.Refusal == nil || len(p.Keep) > 0 {
		t.Fatalf("steps %v, refusal %+v, keep %d", stepIDs(p), p.Refusal, len(p.Keep))
	}
	want := []handover.Mon{{Name: "a", Node: "n1", Address: "10.96.0.1", State: handover.MonMember}}
	if diff := cmp.Diff(want, p.Steps[0].Do.(RestoreMons).Mons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if status := ClusterStatus(in, p); len(status.Mons) != 1 || status.Mons[0].State != v1alpha1.MonOut {
		t.Errorf("status.mons %+v", status.Mons)
	}
}
