package app

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// grants reads the rules of the operator, as "verb resource", of one kind of role.
func grants(t *testing.T, kind string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../deploy/manifests/operator/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var role rbacv1.ClusterRole // a Role has the same rules
		if err := yaml.Unmarshal(document, &role); err != nil {
			t.Fatal(err)
		}
		if role.Kind != kind {
			continue
		}
		for _, rule := range role.Rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				if slices.Contains(list, rbacv1.VerbAll) {
					t.Errorf("%s %s grants everything: %+v", kind, role.Name, rule)
				}
			}
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					granted[verb+" "+resource] = true
				}
			}
		}
	}
	return granted
}

// granted holds what the operator did to what its rules grant, and returns what they grant in every namespace.
func (w *world) granted() (everywhere map[string]bool) {
	w.Helper()
	everywhere, atHome := grants(w.T, "ClusterRole"), grants(w.T, "Role")
	for _, use := range slices.Sorted(maps.Keys(w.used)) {
		if !everywhere[use] && !atHome[use] {
			w.Errorf("not granted: %s", use)
		}
	}
	return everywhere
}

// What the operator does in the life of a cluster is granted, and of Secrets nothing beyond its namespace.
func TestRBACGrantsWhatIsUsed(t *testing.T) {
	t.Parallel()
	w := bringUp(t)
	w.byHand(func() { w.must(w.api.Create(t.Context(), emptyDisk("n2", 7))) })
	w.live("a fourth OSD", w.healthy(3, 2, 4))
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.cluster())) })
	w.live("the object is gone", func() bool { return len(w.names(&corev1.PodList{})) == 0 })
	if len(w.used) < 20 {
		t.Fatalf("used: %v", w.used)
	}
	everywhere := w.granted()
	for _, verb := range []string{"get", "list", "watch", "create", "patch", "delete"} {
		if everywhere[verb+" secrets"] {
			t.Errorf("%s secrets is granted in every namespace", verb)
		}
	}
}
