package execute

import (
	"testing"

	policyv1 "k8s.io/api/policy/v1"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

func (w *world) runs(t *testing.T, do plan.Action) {
	t.Helper()
	if outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(do, "budget")}}); outcome.Err != nil || outcome.Done != 1 {
		t.Fatalf("%+v", outcome)
	}
}

// A budget is changed in one write, and not at all when it is as it is to be; what somebody has added to whom it holds is
// taken out; and one that is not wanted goes, also when the identity is lost.
func TestBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	budget := manifest.Budget{Component: manifest.ComponentOSD, Spare: 1, Because: "all is well"}
	w.runs(t, plan.ApplyBudget{Budget: budget})
	live, name := &policyv1.PodDisruptionBudget{}, manifest.BudgetName("main", budget)
	if name != "ceph-main-osd" || !w.exists(t, live, name) || live.Spec.MaxUnavailable.IntVal != 1 {
		t.Fatalf("%s: %+v", name, live.Spec)
	}
	before := w.applied.Load()
	w.runs(t, plan.ApplyBudget{Budget: budget})
	if after := w.applied.Load(); after != before {
		t.Error("written although nothing differs")
	}
	budget.Spare, budget.Without, budget.Domain = 0, []string{"osd.3"}, "host n1"
	w.runs(t, plan.ApplyBudget{Budget: budget})
	if after := w.applied.Load(); after != before+1 || !w.exists(t, live, name) || live.Spec.Selector.MatchExpressions[0].Values[0] != "osd.3" {
		t.Errorf("%d writes: %+v", after-before, live.Spec)
	}
	live.Spec.Selector.MatchLabels["x"] = "y"
	if err := w.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	budget.Without = nil
	w.runs(t, plan.ApplyBudget{Budget: budget})
	if !w.exists(t, live, name) || live.Spec.Selector.MatchLabels["x"] != "" || len(live.Spec.Selector.MatchExpressions) != 0 {
		t.Errorf("selects %+v", live.Spec.Selector)
	}
	w.target.Stored.Identity = nil
	w.runs(t, plan.RemoveBudget{Budget: budget})
	if w.exists(t, live, name) {
		t.Error("it is still there")
	}
	w.runs(t, plan.RemoveBudget{Budget: budget})
}
