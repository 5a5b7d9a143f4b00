package controller

import (
	"context"
	"net"
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

// sanityNode is the least of a node service that the controller's part of the suite asks.
type sanityNode struct {
	csi.UnimplementedNodeServer
	id string
}

func (n sanityNode) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.id}, nil
}

func (sanityNode) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (sanityNode) NodeUnpublishVolume(context.Context, *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

func (sanityNode) NodeUnstageVolume(context.Context, *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// TestSanity runs the CSI community's suite against the controller and a simulated Ceph. The node's part runs against a real
// agent, in tests/sanity.
func TestSanity(t *testing.T) { //nolint:paralleltest // ginkgo has one suite in a process
	w := newWorld(t)
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := net.Listen("unix", socket)
	w.ok(err)
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &identity.Server{Name: v1alpha1.ProvisionerRBD, Version: "test"})
	csi.RegisterControllerServer(server, w.server)
	csi.RegisterNodeServer(server, sanityNode{id: w.nodeID("n1")})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		<-served //nolint:errcheck // it was told to stop
	}()

	config := sanity.NewTestConfig()
	config.Address, config.TestVolumeParameters = socket, class("fast")
	config.TargetPath, config.StagingPath = filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "staging")
	sc := sanity.GinkgoTest(&config)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.SkipStrings = []string{"Node Service", "should work if node-expand is called"}
	reporter.Succinct, reporter.NoColor = true, true
	if !ginkgo.RunSpecs(t, "CSI", suite, reporter) {
		t.Error("the suite failed")
	}
	sc.Finalize()
	if names := w.names(); names != "" {
		t.Errorf("left: %s", names)
	}
}
