package render

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// gone are objects of former charts that this one does not have, on purpose: "Kind namespace name", and why.
var gone = map[string]string{}

// immutable are the fields that the API server refuses to change, or whose change orphans what runs.
var immutable = map[string][][]string{
	"Deployment":         {{"spec", "selector"}},
	"DaemonSet":          {{"spec", "selector"}},
	"RoleBinding":        {{"roleRef"}},
	"ClusterRoleBinding": {{"roleRef"}},
	"CSIDriver":          {{"spec", "attachRequired"}, {"spec", "volumeLifecycleModes"}, {"spec", "fsGroupPolicy"}},
}

// TestUpgrade holds this chart to each one that was released, and to the manifests that were there before it: an upgrade in
// place works, and takes away only what is meant to go.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	now := byTitle(objects(t, rendered(t, Options{Values: manifestValues})))
	releases, err := filepath.Glob("testdata/released/*.yaml")
	if err != nil || len(releases) == 0 {
		t.Fatalf("%d releases, %v", len(releases), err)
	}
	for _, release := range releases {
		text, err := os.ReadFile(release)
		if err != nil {
			t.Fatal(err)
		}
		for _, former := range parse(t, release, string(text)) {
			current := now[title(former)]
			switch {
			case current == nil && gone[title(former)] == "":
				t.Errorf("%s: %s is gone", filepath.Base(release), title(former))
			case current != nil:
				checkImmutable(t, former, current)
			}
		}
	}
}

func byTitle(all []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	named := map[string]*unstructured.Unstructured{}
	for _, object := range all {
		named[title(object)] = object
	}
	return named
}

func checkImmutable(t *testing.T, former, current *unstructured.Unstructured) {
	t.Helper()
	if former.GroupVersionKind().Group != current.GroupVersionKind().Group {
		t.Errorf("%s: group of the kind was %s, is %s", title(former), former.GroupVersionKind().Group, current.GroupVersionKind().Group)
	}
	for _, fields := range immutable[former.GetKind()] {
		was, _, _ := unstructured.NestedFieldNoCopy(former.Object, fields...)
		is, _, _ := unstructured.NestedFieldNoCopy(current.Object, fields...)
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%s: %s cannot change in place (-was +is):\n%s", title(former), strings.Join(fields, "."), diff)
		}
	}
}

// TestReleased keeps what this version renders for the versions after it. -update writes it, until it is released.
func TestReleased(t *testing.T) {
	t.Parallel()
	loaded, err := Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for name, text := range sorted(rendered(t, Options{})) {
		if strings.HasSuffix(name, ".yaml") && !strings.HasPrefix(name, "uninstall/") && !strings.HasPrefix(name, "cluster/") {
			b.WriteString("---\n" + tidy(text))
		}
	}
	golden(t, filepath.Join("released", "v"+loaded.Metadata.Version+".yaml"), b.String())
}

// TestSelectors: what watches or bounds pods selects the pods of one part, and there are such.
func TestSelectors(t *testing.T) {
	t.Parallel()
	all := objects(t, rendered(t, Options{Values: cases(t)["everything"]}))
	pods := map[string]map[string]string{}
	for _, object := range ofKind(all, "Deployment", "DaemonSet") {
		pods[part(object)] = podOf(t, object).Labels
	}
	checked := map[string]int{}
	for _, object := range all {
		for _, fields := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "podSelector", "matchLabels"}} {
			selector, found, _ := unstructured.NestedStringMap(object.Object, fields...)
			if !found || part(object) == "ceph" {
				continue
			}
			checked[object.GetKind()]++
			labels := pods[part(object)]
			if len(selector) != 2 || !slices.ContainsFunc(slices.Collect(maps.Values(selector)), func(v string) bool { return v == part(object) }) {
				t.Errorf("%s selects %v", title(object), selector)
			}
			for key, value := range selector {
				if labels[key] != value {
					t.Errorf("%s selects %s=%s, the pods have %v", title(object), key, value, labels)
				}
			}
		}
	}
	want := map[string]int{"DaemonSet": 3, "Deployment": 2, "NetworkPolicy": 5, "PodDisruptionBudget": 2, "PodMonitor": 3}
	if diff := cmp.Diff(want, checked); diff != "" {
		t.Errorf("selectors by kind (-want +got):\n%s", diff)
	}
}
