package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// apiServer answers as an API server does that knows no kind and forbids commands in pods; it records what it is asked.
type apiServer struct {
	*httptest.Server
	mu    sync.Mutex
	paths []string
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		answer["status"] = map[string]any{"userInfo": map[string]any{"username": "alice@example.com"}}
		w.WriteHeader(http.StatusCreated)
	case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews"):
		answer = map[string]any{"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "status": map[string]any{"allowed": true}}
		w.WriteHeader(http.StatusCreated)
	case strings.HasSuffix(r.URL.Path, "/exec"):
		answer = apiStatus(http.StatusForbidden, "Forbidden", `pods "x" is forbidden`)
		w.WriteHeader(http.StatusForbidden)
	default:
		answer = apiStatus(http.StatusNotFound, "NotFound", "the server could not find the requested resource")
		w.WriteHeader(http.StatusNotFound)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func apiStatus(code int, reason, message string) map[string]any {
	return map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message, "details": map[string]any{},
	}
}

// app is the program as main starts it, with a kubeconfig that names the server.
func (s *apiServer) app(t *testing.T, out, stderr io.Writer) (*App, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	config := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "x",
"clusters": [{"name": "x", "cluster": {"server": %q}}], "users": [{"name": "x", "user": {}}],
"contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "shop"}}]}`, s.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := New("v0.1.0")
	a.Out, a.Err, a.In = out, stderr, strings.NewReader("")
	return a, file
}

func TestConnect(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	var out, stderr strings.Builder
	a, config := s.app(t, &out, &stderr)
	if code := a.Run(t.Context(), []string{"status", "--kubeconfig", config}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), "the kinds of seamount.dev are not installed") {
		t.Errorf("stderr: %s", &stderr)
	}
	k, err := a.kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	if user, err := k.User(t.Context()); err != nil || user != "alice@example.com" {
		t.Errorf("user %q, %v", user, err)
	}
	if may, err := k.May(t.Context(), "delete", "seamount"); err != nil || !may {
		t.Errorf("may delete: %t, %v", may, err)
	}
	if k.Namespace != "shop" || k.Named || k.scope() != "" {
		t.Errorf("namespace %q, named %v, scope %q", k.Namespace, k.Named, k.scope())
	}
}

// TestPartsAreAskedFor: the kinds are known by the paths that API servers have for them, without asking for those first.
func TestPartsAreAskedFor(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	a, config := s.app(t, io.Discard, io.Discard)
	a.Run(t.Context(), []string{"version", "--kubeconfig", config})
	k, err := a.kubernetes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []part{
		clusters("ns"), disks(), pools("ns"), filesystems("ns"), operations("ns"), nodes(), daemons(), pods("ns"), claims("ns"), volumes(), classes(),
		attachments(), warnings("ns"),
	} {
		if err := k.List(t.Context(), p.list(), p.options...); !notInstalled(err) {
			t.Errorf("%s: %v", p.resource, err)
		}
	}
	const own = "/apis/seamount.dev/v1alpha1/"
	want := []string{
		"/apis/apps/v1/deployments", own + "namespaces/ns/storageclusters", own + "storagedisks", own + "namespaces/ns/storagepools",
		own + "namespaces/ns/storagefilesystems", own + "namespaces/ns/storageoperations", "/api/v1/nodes", "/api/v1/pods",
		"/api/v1/namespaces/ns/pods", "/api/v1/namespaces/ns/persistentvolumeclaims", "/api/v1/persistentvolumes",
		"/apis/storage.k8s.io/v1/storageclasses", "/apis/storage.k8s.io/v1/volumeattachments", "/api/v1/namespaces/ns/events",
	}
	if !slices.Equal(s.paths, want) {
		t.Errorf("asked for\n%s\nwant\n%s", strings.Join(s.paths, "\n"), strings.Join(want, "\n"))
	}
}

func TestExecuteIsForbidden(t *testing.T) {
	t.Parallel()
	s := newAPIServer(t)
	err := execute(t.Context(), &rest.Config{Host: s.URL}, Exec{
		Namespace: "ns", Pod: "x", Container: "mon", Command: []string{"true"}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
	})
	if !errors.Is(err, errDenied) {
		t.Errorf("%T %v", err, err)
	}
	if len(s.paths) == 0 || s.paths[0] != "/api/v1/namespaces/ns/pods/x/exec" {
		t.Errorf("asked for %q", s.paths)
	}
}
