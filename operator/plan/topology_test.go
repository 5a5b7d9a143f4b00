package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func labelled(name string, pairs ...string) Node {
	labels := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "region":
			key = corev1.LabelTopologyRegion
		case "zone":
			key = corev1.LabelTopologyZone
		default:
			key = v1alpha1.LabelTopologyPrefix + key
		}
		labels[key] = value
	}
	return testNode(name, labels)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		node Node
		want string
	}{
		{labelled("n1"), "root=default host=n1"},
		{labelled("n1", "rack=r1"), "root=default rack=r1 host=n1"},
		{labelled("n1", "zone=zone-a", "rack=r1"), "root=default zone=zone-a rack=zone-a.r1 host=n1"},
		{labelled("n1", "region=eu", "zone=a", "row=w1", "rack=r1"), "root=default region=eu zone=a row=a.w1 rack=a.w1.r1 host=n1"},
		{labelled("n1", "region=eu", "rack=r1"), "root=default region=eu rack=eu.r1 host=n1"},
		{labelled("n1", "datacenter=d1", "room=o1", "chassis=c1"), "root=default datacenter=d1 room=d1.o1 chassis=d1.o1.c1 host=n1"},
	} {
		if got := locationText(Locate(test.node)); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestTopologyConflicts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nodes []Node
		want  []string
	}{
		"the same rack in two zones":        {[]Node{labelled("n1", "zone=a", "rack=r1"), labelled("n2", "zone=b", "rack=r1")}, nil},
		"a rack named like a host":          {[]Node{labelled("n1"), labelled("n2", "rack=n1")}, []string{"n1", "n2"}},
		"a zone in two regions":             {[]Node{labelled("n1", "region=x", "zone=a"), labelled("n2", "region=y", "zone=a"), labelled("n3")}, []string{"n1", "n2"}},
		"a zone named like its region":      {[]Node{labelled("n1", "region=eu", "zone=eu")}, []string{"n1"}},
		"a rack named like the root":        {[]Node{labelled("n1", "rack=default")}, []string{"n1"}},
		"one rack below a zone and without": {[]Node{labelled("n1", "rack=r1"), labelled("n2", "zone=a", "rack=r1")}, nil},
	} {
		conflicts := TopologyConflicts(test.nodes)
		if got := sortedStrings(conflicts); !slices.Equal(got, test.want) {
			t.Errorf("%s: conflicts of %v, want %v", name, got, test.want)
		}
		for node, refusal := range conflicts {
			if refusal.Reason == "" || refusal.Message == "" || refusal.Remedy == "" {
				t.Errorf("%s: %s: %+v", name, node, refusal)
			}
		}
	}
}

func TestDomainOf(t *testing.T) {
	t.Parallel()
	location := Locate(labelled("n1", "zone=a", "rack=r1"))
	for domain, want := range map[v1alpha1.FailureDomain]string{
		v1alpha1.FailureDomainOSD: "osd.3", v1alpha1.FailureDomainHost: "host n1", v1alpha1.FailureDomainRack: "rack a.r1",
		v1alpha1.FailureDomainZone: "zone a", v1alpha1.FailureDomainRoom: "zone a", v1alpha1.FailureDomainChassis: "rack a.r1",
		v1alpha1.FailureDomainRegion: "root default",
	} {
		if got := domainOf(domain, "osd.3", location); got != want {
			t.Errorf("%s: %s, want %s", domain, got, want)
		}
	}
}

func TestEligibleNodes(t *testing.T) {
	t.Parallel()
	taint := corev1.Taint{Key: "storage", Value: "yes", Effect: corev1.TaintEffectNoSchedule}
	nodes := []Node{labelled("f"), labelled("e"), labelled("d"), labelled("c"), labelled("b"), labelled("a", "rack=r1")}
	nodes[0].Deleting, nodes[1].Unschedulable, nodes[2].Ready = true, true, false
	nodes[3].Taints = []corev1.Taint{taint}
	nodes[4].Taints = []corev1.Taint{{Key: "node.kubernetes.io/not-ready", Effect: corev1.TaintEffectNoExecute}}
	names := func(placement v1alpha1.Placement) string {
		var found []string
		for _, node := range EligibleNodes(nodes, placement) {
			found = append(found, node.Name)
		}
		return strings.Join(found, " ")
	}
	for want, placement := range map[string]v1alpha1.Placement{
		"a b d":   {},
		"a":       {NodeSelector: map[string]string{v1alpha1.LabelTopologyPrefix + "rack": "r1"}},
		"a b c d": {Tolerations: []corev1.Toleration{{Key: "storage", Value: "yes"}}},
	} {
		if got := names(placement); got != want {
			t.Errorf("%+v: %q, want %q", placement, got, want)
		}
	}
	for _, placement := range []v1alpha1.Placement{
		{Tolerations: []corev1.Toleration{{Key: "storage", Value: "no"}}},
		{Tolerations: []corev1.Toleration{{Key: "storage", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}}},
	} {
		if got := names(placement); got != "a b d" {
			t.Errorf("%+v tolerates what it does not say: %q", placement, got)
		}
	}
}

func TestFactsOf(t *testing.T) {
	t.Parallel()
	nodes := []Node{labelled("a"), labelled("b"), labelled("c")}
	nodes[2].Unschedulable = true
	previous := v1alpha1.StorageClusterStatus{Resolved: &v1alpha1.ClusterDefaults{MonCount: 5, MgrCount: 2}}
	if diff := cmp.Diff(ClusterFacts{Nodes: 2, Mons: 5, Mgrs: 2}, FactsOf(minimalSpec(), nodes, Mons{}, previous)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
