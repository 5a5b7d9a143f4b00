package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// TestDriversAnswer within the process, each by its name and on its socket, and say when the Secrets have been read.
func TestDriversAnswer(t *testing.T) {
	t.Parallel()
	ready := false
	socket := filepath.Join(t.TempDir(), "files.sock")
	options := Options{Version: "7", Log: logr.Discard(), Sockets: map[string]string{v1alpha1.ProvisionerCephFS: socket}}
	all, err := newDrivers(options, session.New(nil), func() bool { return ready })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- all.run(ctx) }()
	conns := map[string]*grpc.ClientConn{}
	for _, d := range all.linked() {
		conns[d.Name] = d.Conn
	}
	if len(conns) != 2 {
		t.Fatalf("drivers: %v", conns)
	}
	for _, name := range []string{v1alpha1.ProvisionerRBD, v1alpha1.ProvisionerCephFS} {
		ready = false
		answers(t, conns[name], name, &ready)
	}
	outside, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	info, err := csi.NewIdentityClient(outside).GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
	if err != nil || info.GetName() != v1alpha1.ProvisionerCephFS {
		t.Errorf("on the socket: %v, %v", info, err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}

func answers(t *testing.T, conn *grpc.ClientConn, name string, ready *bool) {
	t.Helper()
	identity := csi.NewIdentityClient(conn)
	info, err := identity.GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
	if err != nil || info.GetName() != name || info.GetVendorVersion() != "7" {
		t.Errorf("got %v, %v", info, err)
	}
	for _, want := range []bool{false, true} {
		*ready = want
		probe, err := identity.Probe(t.Context(), &csi.ProbeRequest{})
		if err != nil || probe.GetReady().GetValue() != want {
			t.Errorf("ready is %v, %v, want %t", probe, err, want)
		}
	}
	all, err := csi.NewControllerClient(conn).ControllerGetCapabilities(t.Context(), &csi.ControllerGetCapabilitiesRequest{})
	if err != nil || len(all.GetCapabilities()) == 0 {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestNew(t *testing.T) { //nolint:paralleltest // metrics are the process's
	options := Options{Namespaces: []string{"seamount"}, Home: "seamount", MetricsAddress: "0", HealthAddress: "0", Log: logr.Discard()}
	for range 2 {
		if _, err := New(&rest.Config{Host: "127.0.0.1:1"}, options); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRBAC grants one Secret, by its name and in one namespace, and nothing whole.
func TestRBAC(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/manifests/csi/controller-rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var role rbacv1.ClusterRole // a Role has the same rules
		if err := yaml.Unmarshal(document, &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				if slices.Contains(list, rbacv1.VerbAll) {
					t.Errorf("%s grants everything: %+v", role.Name, rule)
				}
			}
			if !slices.Contains(rule.Resources, "secrets") {
				continue
			}
			secrets++
			if role.Kind != "Role" || !slices.Equal(rule.ResourceNames, []string{handover.CSISecretName}) || slices.ContainsFunc(rule.Verbs, func(v string) bool {
				return v != "get" && v != "list" && v != "watch"
			}) {
				t.Errorf("%s %s grants more of Secrets than it needs: %+v", role.Kind, role.Name, rule)
			}
		}
	}
	if secrets != 1 {
		t.Errorf("%d rules for Secrets", secrets)
	}
}
