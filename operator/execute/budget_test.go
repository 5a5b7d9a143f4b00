package execute

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
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

// osdPod is the pod of an OSD that runs since a time.
func osdPod(number string, since time.Time) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ceph-main-osd-" + number + "-x", Labels: map[string]string{
			v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue("ns", "main"), manifest.LabelComponent: manifest.ComponentOSD, manifest.LabelDaemon: "osd." + number,
		}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "daemon", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(since)}},
		}}},
	}
}

// The OSDs of a failure domain are let go only when the server says that no other was evicted before the budget in place held all: what
// the plan was made from may not show that yet.
func TestEvictionBehindTheBack(t *testing.T) {
	t.Parallel()
	since := time.Unix(1000, 0)
	held := manifest.Budget{Component: manifest.ComponentOSD, Domain: "host n1", Because: "next"}
	open := held
	open.Without = []string{"osd.0"}
	evicted := func(name string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			budget := &policyv1.PodDisruptionBudget{}
			w.exists(t, budget, manifest.BudgetName("main", held))
			budget.Status.DisruptedPods = map[string]metav1.Time{name: metav1.Now()}
			if err := w.Status().Update(t.Context(), budget); err != nil {
				t.Fatal(err)
			}
		}
	}
	replaced := func(with *corev1.Pod) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			if err := w.Delete(t.Context(), osdPod("1", since)); err != nil {
				t.Fatal(err)
			}
			if with != nil {
				w.make(t, with)
			}
		}
	}
	for name, test := range map[string]struct {
		before func(t *testing.T, w *world)
		wanted manifest.Budget
		works  bool
	}{
		"all is as it was seen":                    {nil, open, true},
		"its own OSD was evicted":                  {evicted("ceph-main-osd-0-x"), open, true},
		"another OSD was evicted":                  {evicted("ceph-main-osd-1-x"), open, false},
		"another one is gone, and still listed":    {evicted("ceph-main-osd-9-x"), open, true},
		"another OSD has no pod":                   {replaced(nil), open, false},
		"another OSD has a new pod":                {replaced(osdPod("1", since.Add(time.Minute))), open, false},
		"another OSD was evicted, and all is held": {evicted("ceph-main-osd-1-x"), held, true},
		"the budget was not taken note of": {func(t *testing.T, w *world) {
			budget := &policyv1.PodDisruptionBudget{}
			w.exists(t, budget, manifest.BudgetName("main", held))
			budget.Generation = 2
			if err := w.Update(t.Context(), budget); err != nil {
				t.Fatal(err)
			}
		}, open, false},
		"the budget is gone": {func(t *testing.T, w *world) {
			budget := &policyv1.PodDisruptionBudget{}
			w.exists(t, budget, manifest.BudgetName("main", held))
			if err := w.Delete(t.Context(), budget); err != nil {
				t.Fatal(err)
			}
		}, open, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i, number := range []string{"0", "1"} {
				deployment := deploymentOf(client.ObjectKey{Namespace: "ns", Name: "main"}, int32(i))
				deployment.Labels = osdPod(number, since).Labels
				w.make(t, deployment)
				w.make(t, osdPod(number, since))
				w.target.Stored.Deployed = append(w.target.Stored.Deployed, plan.Deployed{
					Daemon: plan.DaemonID{Kind: plan.DaemonOSD, Name: number}, Running: true, Started: since,
				})
			}
			w.runs(t, plan.ApplyBudget{Budget: held})
			w.target.Stored.Budgets = []manifest.Budget{held}
			if test.before != nil {
				test.before(t, w)
			}
			outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(plan.ApplyBudget{Budget: test.wanted}, "budget")}})
			if (outcome.Done == 1) != test.works || outcome.Err != nil {
				t.Errorf("done %d, %v", outcome.Done, outcome.Err)
			}
		})
	}
}
