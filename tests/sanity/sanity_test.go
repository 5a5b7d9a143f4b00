//go:build e2e && linux && cgo

package sanity

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/identity"
)

// nodeVariable names the socket of a CSI node service on this machine, whose node the cluster knows.
const nodeVariable = "SEAMOUNT_CSI_NODE"

// standIn is the least of a node service that the controller's part of the suite asks.
type standIn struct {
	csi.UnimplementedNodeServer
	id string
}

func (n standIn) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.id}, nil
}

func (standIn) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (standIn) NodeUnpublishVolume(context.Context, *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

func (standIn) NodeUnstageVolume(context.Context, *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// serve answers on a socket with the controller, and with a stand-in for the node.
func (w *world) serve() string {
	w.t.Helper()
	socket := filepath.Join(w.t.TempDir(), "csi.sock")
	listener, err := (&net.ListenConfig{}).Listen(w.t.Context(), "unix", socket)
	w.ok(err)
	id, err := w.key.ID("n1")
	w.ok(err)
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &identity.Server{Name: v1alpha1.ProvisionerRBD, Version: "test"})
	csi.RegisterControllerServer(server, w.server())
	csi.RegisterNodeServer(server, standIn{id: id.String()})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.t.Cleanup(func() {
		server.Stop()
		<-served //nolint:errcheck // it was told to stop
	})
	return socket
}

// TestSanity runs the CSI community's suite.
func TestSanity(t *testing.T) {
	w := newWorld(t)
	node, socket := os.Getenv(nodeVariable), w.serve()
	config := sanity.NewTestConfig()
	config.ControllerAddress, config.Address = socket, cmp.Or(node, socket)
	config.TestVolumeParameters, config.TestVolumeSize, config.TestVolumeExpandSize = class(), gibibyte, 2*gibibyte
	config.TargetPath, config.StagingPath = filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "staging")
	sc := sanity.GinkgoTest(&config)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	reporter.Succinct, reporter.NoColor = true, true
	if node == "" {
		suite.SkipStrings = []string{"Node Service", "should work if node-expand is called"}
	}
	if !ginkgo.RunSpecs(t, "CSI", suite, reporter) {
		t.Error("the suite failed")
	}
	sc.Finalize()
	w.empty()
}
