package app

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// TestDriverAnswers within the process, and says when it has read the Secrets.
func TestDriverAnswers(t *testing.T) {
	t.Parallel()
	ready := false
	d, err := newDriver(Options{Version: "7", Log: logr.Discard()}, session.New(nil), func() bool { return ready })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	identity := csi.NewIdentityClient(d.conn)
	info, err := identity.GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
	if err != nil || info.GetName() != v1alpha1.ProvisionerRBD || info.GetVendorVersion() != "7" {
		t.Errorf("got %v, %v", info, err)
	}
	for _, want := range []bool{false, true} {
		ready = want
		probe, err := identity.Probe(t.Context(), &csi.ProbeRequest{})
		if err != nil || probe.GetReady().GetValue() != want {
			t.Errorf("ready is %v, %v, want %t", probe, err, want)
		}
	}
	all, err := csi.NewControllerClient(d.conn).ControllerGetCapabilities(t.Context(), &csi.ControllerGetCapabilitiesRequest{})
	if err != nil || len(all.GetCapabilities()) == 0 {
		t.Errorf("got %v, %v", all, err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
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
