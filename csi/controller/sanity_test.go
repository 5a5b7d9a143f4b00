package controller

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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
	w.sanity(v1alpha1.ProvisionerRBD, class("fast"))
	if names := w.names(); names != "" {
		t.Errorf("left: %s", names)
	}
}

// sanityVariable makes the test binary run the suite against the driver of file volumes.
const sanityVariable = "SEAMOUNT_SANITY_FILES"

// TestSanityFiles runs the suite against the driver of file volumes, in a process of its own.
func TestSanityFiles(t *testing.T) { //nolint:paralleltest // ginkgo has one suite in a process
	if os.Getenv(sanityVariable) == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSanityFiles$")
		again.Env = append(os.Environ(), sanityVariable+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	w := newFileWorld(t)
	made, _ := w.server.backend.(*files)
	made.patience = copyPatience
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go w.passTime(ctx)
	w.sanity(v1alpha1.ProvisionerCephFS, fileClass())
	if left := w.lookFiles(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// passTime lets copies go on.
func (w *world) passTime(ctx context.Context) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.cluster.Advance(time.Second)
		case <-ctx.Done():
			return
		}
	}
}

func (w *world) sanity(driver string, class map[string]string) {
	socket := filepath.Join(w.t.TempDir(), "csi.sock")
	listener, err := net.Listen("unix", socket)
	w.ok(err)
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &identity.Server{Name: driver, Version: "test"})
	csi.RegisterControllerServer(server, w.server)
	csi.RegisterNodeServer(server, sanityNode{id: w.nodeID("n1")})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		<-served //nolint:errcheck // it was told to stop
	}()

	config := sanity.NewTestConfig()
	config.Address, config.TestVolumeParameters = socket, class
	config.TargetPath, config.StagingPath = filepath.Join(w.t.TempDir(), "target"), filepath.Join(w.t.TempDir(), "staging")
	sc := sanity.GinkgoTest(&config)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.SkipStrings = []string{"Node Service", "should work if node-expand is called"}
	reporter.Succinct, reporter.NoColor = true, true
	t, _ := w.t.(*testing.T)
	if !ginkgo.RunSpecs(t, "CSI", suite, reporter) {
		w.t.Error("the suite failed")
	}
	sc.Finalize()
}
