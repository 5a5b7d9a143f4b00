package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// cordon marks a node as a person does who drains it, or takes that back.
func (w *world) cordon(name string, cordoned bool) {
	w.byHand(func() {
		node := &corev1.Node{}
		w.must(w.api.Get(w.Context(), client.ObjectKey{Name: name}, node))
		node.Spec.Unschedulable = cordoned
		w.must(w.api.Update(w.Context(), node))
	})
}

// failNode stops a node with all that runs there, or starts it again.
func (w *world) failNode(name string, failed bool) {
	w.failed[name] = failed
	w.byHand(func() {
		node := &corev1.Node{}
		w.must(w.api.Get(w.Context(), client.ObjectKey{Name: name}, node))
		node.Status.Conditions[0].Status = corev1.ConditionTrue
		if failed {
			node.Status.Conditions[0].Status = corev1.ConditionUnknown
		}
		w.must(w.api.Status().Update(w.Context(), node))
	})
}

// passes lets time go on, however it goes; an operator that is killed is followed by another.
func (w *world) passes(number int, step time.Duration) {
	for range number {
		if errors.Is(w.pass(), errKilled) {
			w.start()
		}
		w.kubelet()
		w.advance(step)
	}
}

// noouts are the flags of hosts.
func (w *world) noouts() map[string][]string {
	s, err := w.ceph.Admin().Snapshot(w.Context())
	w.must(err)
	return s.OSDMap.BucketFlags
}

func (w *world) wantNoout(what string, reason string, hosts ...string) {
	w.Helper()
	var want map[string][]string
	for _, host := range hosts {
		want = map[string][]string{host: {"noout"}}
	}
	if diff := cmp.Diff(want, w.noouts()); diff != "" {
		w.Errorf("%s: flags (-want +got):\n%s", what, diff)
	}
	if got := w.condition(v1alpha1.ConditionNodeDrain); got.Reason != reason {
		w.Errorf("%s: %s, want %s: %s", what, got.Reason, reason, got.Message)
	}
}

// Law C7: a cordoned node's OSDs stay in, for 30 minutes also when status and the operator's memory are lost, and not a
// second time for one cordon.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	w.passes(6, 20*time.Second)
	w.wantNoout("before", v1alpha1.ReasonNotDraining)
	w.cordon("n1", true)
	w.passes(2, time.Second)
	w.wantNoout("cordoned", v1alpha1.ReasonNooutSet, "n1")
	w.writes = nil
	w.passes(3, time.Second)
	if len(w.writes) > 0 {
		t.Errorf("written while the node is away: %v", w.writes)
	}
	w.start()
	w.byHand(func() {
		object := w.cluster()
		object.Status = v1alpha1.StorageClusterStatus{}
		w.must(w.api.Status().Update(t.Context(), object))
	})
	w.passes(14, 2*time.Minute)
	w.wantNoout("after 28 minutes", v1alpha1.ReasonNooutSet, "n1")
	w.passes(3, 2*time.Minute)
	w.wantNoout("after 30 minutes", v1alpha1.ReasonNooutEnded)
	w.start()
	w.passes(8, 5*time.Minute)
	w.wantNoout("still cordoned", v1alpha1.ReasonNooutEnded)
	w.cordon("n1", false)
	w.passes(2, time.Second)
	w.wantNoout("uncordoned", v1alpha1.ReasonNotDraining)
	w.cordon("n1", true)
	w.passes(2, time.Second)
	w.wantNoout("cordoned anew", v1alpha1.ReasonNooutSet, "n1")
	w.cordon("n1", false)
	w.passes(3, time.Second)
	w.wantNoout("back", v1alpha1.ReasonNotDraining)
}

// What a person has set is not taken off.
func TestDrainWithNooutByHand(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	w.must(w.ceph.Admin().SetGroupFlag(t.Context(), "noout", "n1"))
	w.cordon("n1", true)
	w.passes(8, 5*time.Minute)
	w.wantNoout("cordoned", v1alpha1.ReasonNodeCordoned, "n1")
	w.cordon("n1", false)
	w.passes(3, time.Second)
	w.wantNoout("uncordoned", v1alpha1.ReasonNotDraining, "n1")
}

// Killed at any write, a drain ends as it does otherwise.
func TestDrainKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := bringUp(t)
			w.killTwice(n)
			w.cordon("n2", true)
			w.passes(5, time.Second)
			w.wantNoout("cordoned", v1alpha1.ReasonNooutSet, "n2")
			w.killTwice(n)
			w.cordon("n2", false)
			w.passes(5, time.Second)
			w.wantNoout("uncordoned", v1alpha1.ReasonNotDraining)
		})
	}
}

// monmap lists the mons of Ceph, and those in quorum.
func (w *world) monmap() (all, in []string) {
	s, err := w.ceph.Admin().Snapshot(w.Context())
	if err != nil {
		return nil, nil
	}
	for _, mon := range s.Quorum.Mons {
		all = append(all, mon.Name)
	}
	return all, s.Quorum.InQuorum
}

func fourNodes(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, append(nodesAndDisks(4, 1), mainCluster())...)
	w.live("three mons on four nodes", w.healthy(3, 2, 4))
	return w
}

func (w *world) nodeOfMon(name string) string {
	for _, mon := range w.cluster().Status.Mons {
		if mon.Name == name {
			return mon.Node
		}
	}
	w.Fatalf("no mon.%s in status", name)
	return ""
}

// Law C5: one node lost, three of three again after the grace, killed at any write; and nothing before.
func TestMonFailover(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 2, 5} { // a write that is lost; 0: none
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := fourNodes(t)
			w.failNode(w.nodeOfMon("c"), true)
			w.passes(9, time.Minute)
			if all, in := w.monmap(); !slices.Equal(all, []string{"a", "b", "c"}) || len(in) != 2 {
				t.Fatalf("within the grace: monmap %v, in quorum %v", all, in)
			}
			count := 0
			w.fail = func(write string) error {
				if count++; n > 0 && count == n {
					return errKilled
				}
				return nil
			}
			w.passes(14, 2*time.Minute)
			all, in := w.monmap()
			if len(all) != 3 || len(in) != 3 || slices.Contains(all, "c") {
				t.Fatalf("monmap %v, in quorum %v\n%s", all, in, w.describe())
			}
			if slices.Contains(w.names(&appsv1.DeploymentList{}), "ceph-main-mon-c") {
				t.Error("the Deployment of mon.c is left")
			}
			if got := w.condition(v1alpha1.ConditionMonQuorum); got.Reason != v1alpha1.ReasonAllInQuorum {
				t.Errorf("%s: %s", got.Reason, got.Message)
			}
		})
	}
}

// Law C5: with two of three mons down the monmap is as it was, however long that is, and also when one is back; without
// a node to go to, nothing is done, and the condition says what to do.
func TestMonmapStays(t *testing.T) {
	t.Parallel()
	t.Run("two are down", func(t *testing.T) {
		t.Parallel()
		w := fourNodes(t)
		first, second := w.nodeOfMon("b"), w.nodeOfMon("c")
		w.failNode(first, true)
		w.failNode(second, true)
		w.passes(12, 5*time.Minute)
		w.failNode(first, false)
		w.failNode(second, false)
		w.passes(3, time.Second)
		if all, in := w.monmap(); !slices.Equal(all, []string{"a", "b", "c"}) || len(in) != 3 {
			t.Errorf("monmap %v, in quorum %v", all, in)
		}
	})
	t.Run("no node is free", func(t *testing.T) {
		t.Parallel()
		w := bringUp(t)
		w.failNode(w.nodeOfMon("c"), true)
		w.passes(8, 3*time.Minute)
		if all, in := w.monmap(); !slices.Equal(all, []string{"a", "b", "c"}) || len(in) != 2 {
			t.Errorf("monmap %v, in quorum %v", all, in)
		}
		if got := w.condition(v1alpha1.ConditionMonQuorum); got.Reason != v1alpha1.ReasonTooFewNodes {
			t.Errorf("%s: %s", got.Reason, got.Message)
		}
	})
}
