package render

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
)

const keepAnnotation = "helm.sh/resource-policy"

// definitions are the rendered definitions of a group, by name.
func definitions(t *testing.T, group string, options Options) map[string]*unstructured.Unstructured {
	t.Helper()
	found := map[string]*unstructured.Unstructured{}
	for _, object := range ofKind(objects(t, rendered(t, options)), "CustomResourceDefinition") {
		if strings.HasSuffix(object.GetName(), "."+group) {
			found[object.GetName()] = object
		}
	}
	return found
}

func TestDefinitionsAreKept(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ values, ours, snapshots string }{
		"by default": {"", "keep", "keep"},
		"unless not": {"crds: {keep: false}", "", "keep"}, // other drivers use those of snapshots too
	}
	for name, tt := range tests {
		options := Options{Values: valuesOf(t, tt.values)}
		for group, want := range map[string]string{"seamount.dev": tt.ours, "snapshot.storage.k8s.io": tt.snapshots} {
			found := definitions(t, group, options)
			if len(found) < 3 {
				t.Errorf("%s: %d definitions of %s", name, len(found), group)
			}
			for crd, object := range found {
				if got := object.GetAnnotations()[keepAnnotation]; got != want {
					t.Errorf("%s: %s: resource-policy %q, want %q", name, crd, got, want)
				}
			}
		}
	}
}

// cluster answers lookups of definitions.
type cluster struct{ dynamic.Interface }

// GetClientFor implements helm's engine.ClientProvider.
func (c cluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	group, err := schema.ParseGroupVersion(apiVersion)
	return c.Resource(group.WithResource(strings.ToLower(kind) + "s")), false, err
}

// TestSnapshotDefinitions of others are left alone; those of this release stay in it, or an upgrade would take them away.
func TestSnapshotDefinitions(t *testing.T) {
	t.Parallel()
	present := func(release string) cluster {
		object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}}
		object.SetName("volumesnapshots.snapshot.storage.k8s.io")
		if release != "" {
			object.SetAnnotations(map[string]string{"meta.helm.sh/release-name": release})
		}
		return cluster{fake.NewSimpleDynamicClient(runtime.NewScheme(), object)}
	}
	tests := map[string]struct {
		cluster cluster
		values  string
		want    int
	}{
		"none there":       {cluster{fake.NewSimpleDynamicClient(runtime.NewScheme())}, "", 3},
		"another's":        {present(""), "", 2},
		"another release'": {present("snapshots"), "", 2},
		"of this release":  {present("seamount"), "", 3},
		"not wanted":       {present("seamount"), "crds: {snapshots: Never}", 0},
	}
	for name, tt := range tests {
		got := definitions(t, "snapshot.storage.k8s.io", Options{Values: valuesOf(t, tt.values), Cluster: tt.cluster})
		if len(got) != tt.want {
			t.Errorf("%s: %d definitions, want %d", name, len(got), tt.want)
		}
	}
}
