package app

import (
	"strings"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// budget reads a PodDisruptionBudget of the cluster.
func (w *world) budget(component string) *policyv1.PodDisruptionBudget {
	w.Helper()
	budget := &policyv1.PodDisruptionBudget{}
	key := client.ObjectKey{Namespace: namespace, Name: manifest.BudgetName("main", manifest.Budget{Component: component})}
	w.must(w.api.Get(w.Context(), key, budget))
	return budget
}

// osdsFree says which failure domain may be evicted as a whole, and how many OSDs beside it.
func (w *world) osdsFree() (domain string, spare int32) {
	w.Helper()
	budget := w.budget(manifest.ComponentOSD)
	if len(budget.Spec.Selector.MatchExpressions) > 0 {
		domain = budget.Annotations[manifest.AnnotationDomain]
	}
	return domain, budget.Spec.MaxUnavailable.IntVal
}

func (w *world) wantFree(what, domain string, spare int32) {
	w.Helper()
	if gotDomain, got := w.osdsFree(); gotDomain != domain || got != spare {
		w.Errorf("%s: %q and %d more may be evicted, want %q and %d\n%s", what, gotDomain, got, domain, spare, w.describe())
	}
}

// Of two nodes that are drained together one goes first, whichever operator decides; what a person changes in a budget is put
// right; and the budgets go with the cluster.
func TestDrainsGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	w.passes(6, 20*time.Second)
	w.wantFree("at rest", "", 1)
	w.cordon("n2", true)
	w.passes(2, time.Second)
	w.wantFree("n2 is cordoned", "host n2", 0)
	w.cordon("n1", true)
	w.failNode("n2", true)
	w.start()
	w.passes(5, 5*time.Second)
	w.wantFree("n2 is away, and n1 is cordoned", "host n2", 0)
	if got := w.budget(manifest.ComponentMon); got.Spec.MaxUnavailable.IntVal != 0 {
		t.Errorf("a second mon may go: %+v", got.Spec)
	}
	if got := w.condition(v1alpha1.ConditionNodeDrain); !strings.Contains(got.Message, "the OSDs of host n2 may be evicted; those of host n1") {
		t.Errorf("NodeDrain: %s", got.Message)
	}
	w.byHand(func() {
		budget := w.budget(manifest.ComponentOSD)
		budget.Spec.MaxUnavailable = ptr.To(intstr.FromInt32(3))
		w.must(w.api.Update(t.Context(), budget))
		w.must(w.api.Delete(t.Context(), w.budget(manifest.ComponentMon)))
	})
	w.passes(2, time.Second)
	w.wantFree("changed by hand", "host n2", 0)
	w.budget(manifest.ComponentMon)
	w.writes = nil
	w.passes(3, time.Second)
	if len(w.writes) > 0 {
		t.Errorf("written while nothing changes: %v", w.writes)
	}
	w.failNode("n2", false)
	w.cordon("n2", false)
	w.passes(6, 20*time.Second)
	w.wantFree("n2 is back", "host n1", 0)
	w.cordon("n1", false)
	w.passes(6, 20*time.Second)
	w.wantFree("all are back", "", 1)
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.cluster())) })
	w.live("the object is gone", func() bool { return w.cluster().Name == "" })
	if left := w.names(&policyv1.PodDisruptionBudgetList{}); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
