package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/seamount-dev/seamount/operator/session"
)

// kinds are what the server of the test says that it has, by group and version; those that are in no namespace have a
// star.
var kinds = map[string]string{
	"/api/v1":                      "Secret ConfigMap Service Pod *Node",
	"/apis/apps/v1":                "Deployment",
	"/apis/coordination.k8s.io/v1": "Lease",
	"/apis/policy/v1":              "PodDisruptionBudget",
	"/apis/storage.k8s.io/v1":      "*StorageClass",
	"/apis/seamount.dev/v1alpha1":  "StorageCluster *StorageDisk StoragePool StorageFilesystem ObjectStore StorageOperation",
}

// discovery answers which kinds there are, and nothing else.
func discovery(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch path := r.URL.Path; path {
	case "/api":
		answer = metav1.APIVersions{Versions: []string{"v1"}}
	case "/apis":
		var groups metav1.APIGroupList
		for path := range kinds {
			if version, found := strings.CutPrefix(path, "/apis/"); found {
				group, v, _ := strings.Cut(version, "/")
				is := metav1.GroupVersionForDiscovery{GroupVersion: version, Version: v}
				groups.Groups = append(groups.Groups, metav1.APIGroup{
					Name: group, Versions: []metav1.GroupVersionForDiscovery{is}, PreferredVersion: is,
				})
			}
		}
		answer = groups
	default:
		var list metav1.APIResourceList
		for kind := range strings.FieldsSeq(kinds[path]) {
			name, anywhere := strings.CutPrefix(kind, "*")
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: strings.ToLower(name) + "s", Kind: name, Namespaced: !anywhere,
			})
		}
		answer = list
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// The parts fit together.
func TestNew(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(discovery))
	t.Cleanup(server.Close)
	options := Options{
		Namespace: namespace, Home: namespace, LeaderElection: true, MetricsAddress: "0", HealthAddress: "0",
		NodeImage: "node:1", Log: logr.Discard(),
	}
	if _, err := New(&rest.Config{Host: server.URL}, options); err != nil {
		t.Error(err)
	}
	options.MonGrace = -time.Second
	if _, err := New(&rest.Config{Host: server.URL}, options); err == nil {
		t.Error("a mon is replaced before it is lost")
	}
	options.MonGrace, options.NodeImage = 0, ""
	if _, err := New(&rest.Config{Host: server.URL}, options); err == nil {
		t.Error("there is an operator without an image for its pods")
	}
}

// The sessions of an operator that follows another in this process are those that are measured.
func TestMetricsFollow(t *testing.T) {
	t.Parallel()
	for range 2 {
		if err := register(session.New(session.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := metrics.Registry.(prometheus.Gatherer).Gather(); err != nil {
		t.Error(err)
	}
}
