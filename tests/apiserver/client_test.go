//go:build e2e

package apiserver

import (
	"os"
	"path/filepath"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// TestAPI asks first without the policies, which would answer some cases, too.
func TestAPI(t *testing.T) {
	s := newServer(t)
	t.Run("cases", s.replayCases)
	t.Run("policies", s.askPolicies)
}

// fieldOwner of all that these tests apply.
const fieldOwner = "tests-apiserver"

// server is a real API server with this checkout's definitions.
type server struct {
	*cluster.Cluster
	config      *rest.Config
	client      dynamic.Interface
	definitions []*apiextensionsv1.CustomResourceDefinition
	root        string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{Cluster: cluster.Up(t, 1)}
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = -1, -1 // the server sets the pace
	s.config = config
	if s.client, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if s.root, err = crdtest.Root(); err != nil {
		t.Fatal(err)
	}
	if s.definitions, err = crdtest.Definitions(filepath.Join(s.root, "deploy", "crds")); err != nil {
		t.Fatal(err)
	}
	return s
}

// resource is the endpoint for an object's kind and namespace.
func (s *server) resource(t *testing.T, client dynamic.Interface, obj *unstructured.Unstructured) dynamic.ResourceInterface {
	t.Helper()
	kind := obj.GroupVersionKind()
	for _, d := range s.definitions {
		if d.Spec.Names.Kind != kind.Kind || d.Spec.Group != kind.Group {
			continue
		}
		all := client.Resource(kind.GroupVersion().WithResource(d.Spec.Names.Plural))
		if d.Spec.Scope == apiextensionsv1.NamespaceScoped {
			return all.Namespace(obj.GetNamespace())
		}
		return all
	}
	t.Fatalf("no definition of %s", kind)
	return nil
}
