package addons

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// objects are the rendered manifests by kind and name.
func objects(t *testing.T, c state.Config) map[string]map[string]any {
	t.Helper()
	data, err := render(c)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, text := range strings.Split(string(data), "\n---\n") {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     map[string]any
		}
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		all[o.Kind+"/"+o.Metadata.Name] = o.Spec
	}
	return all
}

func TestRender(t *testing.T) {
	t.Parallel()
	for nodes, replicas := range map[int]float64{1: 1, 2: 2, 5: 2} {
		c := state.DefaultConfig()
		c.Nodes = nodes
		all := objects(t, c)
		if got := all["Deployment/coredns"]["replicas"]; got != replicas {
			t.Errorf("%d nodes: %v replicas, want %v", nodes, got, replicas)
		}
		if got := all["Service/kube-dns"]["clusterIP"]; got != "10.252.0.10" {
			t.Errorf("ClusterIP %v", got)
		}
	}
}

func TestImageIsTheOneThatIsBuilt(t *testing.T) {
	t.Parallel()
	data, err := render(state.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "image: "+build.CoreDNSImage+"\n") {
		t.Errorf("the manifests do not use %s", build.CoreDNSImage)
	}
}
