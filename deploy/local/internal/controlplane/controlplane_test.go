package controlplane

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// flags are arguments as a map, for looking at single ones.
func flags(t *testing.T, args []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if _, twice := all[name]; twice {
			t.Errorf("%s is given twice", name)
		}
		all[name] = value
	}
	return all
}

func TestAdmissionAndAuthorizationAsInProduction(t *testing.T) {
	t.Parallel()
	f := flags(t, arguments(apiserver, "/s", state.DefaultConfig()))
	for name, want := range map[string]string{
		"--authorization-mode":            "Node,RBAC",
		"--enable-admission-plugins":      "NodeRestriction",
		"--client-ca-file":                "/s/pki/ca.crt",
		"--kubelet-certificate-authority": "/s/pki/ca.crt",
		"--etcd-cafile":                   "/s/pki/etcd-ca.crt",
		"--service-cluster-ip-range":      "10.252.0.0/16",
	} {
		if f[name] != want {
			t.Errorf("%s=%s, want %s", name, f[name], want)
		}
	}
	for _, name := range []string{"--disable-admission-plugins", "--anonymous-auth", "--token-auth-file"} {
		if value, set := f[name]; set {
			t.Errorf("%s=%s is set", name, value)
		}
	}
	if _, set := flags(t, arguments(etcd, "/s", state.DefaultConfig()))["--client-cert-auth"]; !set {
		t.Error("etcd lets everybody in")
	}
}

func TestEverythingListensOnTheBridgeOnly(t *testing.T) {
	t.Parallel()
	c := state.DefaultConfig()
	var listen []string
	for _, a := range Listeners(c) {
		if a.Addr() != c.Network.Machine.Addr() {
			t.Errorf("listens on %s", a)
		}
		listen = append(listen, a.String())
	}
	want := []string{"10.250.0.1:6443", "10.250.0.1:2379", "10.250.0.1:2380", "10.250.0.1:10257", "10.250.0.1:10259"}
	if diff := cmp.Diff(want, listen); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	for _, name := range []string{apiserver, controllerManager, scheduler} {
		if got := flags(t, arguments(name, "/s", c))["--bind-address"]; got != "10.250.0.1" {
			t.Errorf("%s binds to %s", name, got)
		}
	}
	for _, flag := range []string{"--listen-client-urls", "--listen-peer-urls"} {
		if got := flags(t, arguments(etcd, "/s", c))[flag]; !strings.HasPrefix(got, "https://10.250.0.1:") {
			t.Errorf("etcd %s=%s", flag, got)
		}
	}
}

func TestKubeAPIQPS(t *testing.T) {
	t.Parallel()
	for qps, want := range map[int][2]string{0: {"", ""}, 20: {"20", "31"}, 1000: {"1000", "1501"}} {
		c := state.DefaultConfig()
		c.KubeAPIQPS = qps
		f := flags(t, arguments(controllerManager, "/s", c))
		if got := [2]string{f["--kube-api-qps"], f["--kube-api-burst"]}; got != want {
			t.Errorf("%d: %q, want %q", qps, got, want)
		}
	}
}

func server(t *testing.T, answers map[string]string) API {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return API{server: s.URL, client: s.Client()}
}

func TestNodesReady(t *testing.T) {
	t.Parallel()
	node := func(name, ready string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q},"status":{"conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":%q}]}}`, name, ready)
	}
	api := server(t, map[string]string{"/api/v1/nodes": `{"items":[` + node("node1", "True") + "," + node("node2", "False") + "," + node("node3", "Unknown") + `,{"metadata":{"name":"node4"}}]}`})
	got, err := api.NodesReady(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"node1": true, "node2": false, "node3": false}, got); diff != "" {
		t.Errorf("ready (-want +got):\n%s", diff)
	}
}

func TestAnswersThatMeanNotYet(t *testing.T) {
	t.Parallel()
	api := server(t, map[string]string{"/bad": "no JSON"})
	for name, err := range map[string]error{
		"kube-apiserver is not ready yet":                                     api.Ready(t.Context()),
		"kube-controller-manager has not made the default ServiceAccount yet": api.defaultServiceAccount(t.Context()),
	} {
		if err == nil || err.Error() != name {
			t.Errorf("error %v, want %q", err, name)
		}
	}
	var status *StatusError
	if err := api.Get(t.Context(), "/missing", nil); !errors.As(err, &status) || status.Code != http.StatusNotFound {
		t.Errorf("error %v, want 404", err)
	}
	var into struct{}
	if err := api.Get(t.Context(), "/bad", &into); err == nil {
		t.Error("rubbish was read")
	}
	gone := API{server: "http://127.0.0.1:1", client: http.DefaultClient}
	if err := gone.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error %v", err)
	}
}
