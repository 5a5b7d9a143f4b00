package identity

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	ready := false
	s := &Server{Name: "rbd.csi.seamount.dev", Version: "1", Ready: func() bool { return ready }}
	info, err := s.GetPluginInfo(t.Context(), nil)
	if err != nil || info.GetName() != s.Name || info.GetVendorVersion() != "1" {
		t.Errorf("got %v, %v", info, err)
	}
	for _, want := range []bool{false, true} {
		ready = want
		if probe, err := s.Probe(t.Context(), nil); err != nil || probe.GetReady().GetValue() != want {
			t.Errorf("ready is %v, %v, want %t", probe, err, want)
		}
	}
	all, err := s.GetPluginCapabilities(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	services := map[csi.PluginCapability_Service_Type]bool{}
	for _, c := range all.GetCapabilities() {
		services[c.GetService().GetType()] = true
	}
	if !services[csi.PluginCapability_Service_CONTROLLER_SERVICE] || !services[csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS] {
		t.Errorf("services are %v", services)
	}
}
