package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// A budget reads as it was built; one that somebody has changed is like none that is ever wanted, and one of another name is
// not the cluster's.
func TestBudgetOf(t *testing.T) {
	t.Parallel()
	c := leanCluster()
	for _, want := range []Budget{
		{Component: ComponentOSD, Spare: 1, Because: "all is well"},
		{Component: ComponentOSD, Without: []string{"osd.3", "osd.12"}, Domain: "host n1", Because: "it is away"},
		{Component: ComponentMDS, Filesystem: "shared", Spare: 1, Because: "another one takes over"},
	} {
		got, ours := c.BudgetOf(c.PodDisruptionBudget(want))
		if diff := cmp.Diff(want, got); diff != "" || !ours {
			t.Errorf("ours %v (-want +got):\n%s", ours, diff)
		}
		for name, change := range map[string]func(*policyv1.PodDisruptionBudget){
			"none is held":  func(b *policyv1.PodDisruptionBudget) { b.Spec.Selector.MatchLabels["x"] = "y" },
			"another sort":  func(b *policyv1.PodDisruptionBudget) { b.Spec.UnhealthyPodEvictionPolicy = nil },
			"a part may go": func(b *policyv1.PodDisruptionBudget) { b.Spec.MaxUnavailable = ptr.To(intstr.FromString("100%")) },
			"so many must stay": func(b *policyv1.PodDisruptionBudget) {
				b.Spec.MinAvailable, b.Spec.MaxUnavailable = ptr.To(intstr.FromInt32(1)), nil
			},
			"others do not count": func(b *policyv1.PodDisruptionBudget) {
				b.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "x", Operator: metav1.LabelSelectorOpExists}}
			},
		} {
			changed := c.PodDisruptionBudget(want)
			change(changed)
			if got, _ := c.BudgetOf(changed); got.Spare >= 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	other := c.PodDisruptionBudget(Budget{Component: ComponentMon})
	other.Name = "mine"
	if _, ours := c.BudgetOf(other); ours {
		t.Error("a budget of another name is taken for the cluster's")
	}
}

// Budgets hold pods by the labels that they have had from the beginning: no pod restarts for them, and none is held by two.
func TestBudgetsHoldPods(t *testing.T) {
	t.Parallel()
	c := leanCluster()
	pods := map[string]labels.Set{
		"osd.3": c.OSDDeployment(OSDPod{ID: 3}).Spec.Template.Labels, "osd.12": c.OSDDeployment(OSDPod{ID: 12}).Spec.Template.Labels,
		"mgr.a": c.MgrDeployment(MgrPod{Name: "a"}).Spec.Template.Labels,
		"mds.a": c.MDSDeployment(MDSPod{Name: "a", Filesystem: "shared"}).Spec.Template.Labels,
		"mds.b": c.MDSDeployment(MDSPod{Name: "b", Filesystem: "other"}).Spec.Template.Labels,
		"mon.a": c.MonDeployment(MonPod{Mon: testMons().Mons[0]}).Spec.Template.Labels, "recovery": c.RecoveryPod(testMons().Mons[0], "n1", "x").Labels,
	}
	for _, test := range []struct {
		budget Budget
		want   []string
	}{
		{Budget{Component: ComponentOSD}, []string{"osd.12", "osd.3"}},
		{Budget{Component: ComponentOSD, Without: []string{"osd.3"}}, []string{"osd.12"}},
		{Budget{Component: ComponentMon}, []string{"mon.a"}},
		{Budget{Component: ComponentMgr}, []string{"mgr.a"}},
		{Budget{Component: ComponentMDS, Filesystem: "shared"}, []string{"mds.a"}},
	} {
		selector, err := metav1.LabelSelectorAsSelector(c.PodDisruptionBudget(test.budget).Spec.Selector)
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]bool{}
		for name, pod := range pods {
			if selector.Matches(pod) {
				held[name] = true
			}
		}
		want := map[string]bool{}
		for _, name := range test.want {
			want[name] = true
		}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.budget, diff)
		}
	}
}
