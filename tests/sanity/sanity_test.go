//go:build e2e && linux && cgo

package sanity

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/identity"
	"github.com/seamount-dev/seamount/csi/node"
	"github.com/seamount-dev/seamount/tests/agentnode"
	"github.com/seamount-dev/seamount/tests/pidspace"
)

// serve answers on a socket with the controller of a driver, and with a node service.
func (w *world) serve(driver string, service csi.NodeServer) string {
	w.t.Helper()
	socket := filepath.Join(w.t.TempDir(), "csi.sock")
	listener, err := (&net.ListenConfig{}).Listen(w.t.Context(), "unix", socket)
	w.ok(err)
	server := grpc.NewServer(grpc.UnaryInterceptor(repeated))
	csi.RegisterIdentityServer(server, &identity.Server{Name: driver, Version: "test"})
	csi.RegisterControllerServer(server, w.serverOf(driver))
	csi.RegisterNodeServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.t.Cleanup(func() {
		server.Stop()
		<-served //nolint:errcheck // it was told to stop
	})
	return socket
}

// repeated makes a volume, a snapshot or the end of one as the sidecars do: they call again while a copy is under way, and the
// suite does not.
func repeated(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	switch request.(type) {
	case *csi.CreateVolumeRequest, *csi.CreateSnapshotRequest, *csi.DeleteVolumeRequest, *csi.DeleteSnapshotRequest:
	default:
		return handler(ctx, request)
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for range 600 {
		response, err := handler(ctx, request)
		if status.Code(err) != codes.Aborted {
			return response, err
		}
		<-ticker.C
	}
	return handler(ctx, request)
}

// TestSanity runs the CSI community's suite, in a process namespace of its own as a node has one.
func TestSanity(t *testing.T) {
	if status, outside := pidspace.Again("-test.run=^TestSanity$", "-test.v", "-test.timeout=60m"); outside {
		if status != 0 {
			t.Errorf("exit status %d", status)
		}
		return
	}
	w, n := newWorld(t), agentnode.New(t)
	config := sanity.NewTestConfig()
	config.Address = w.serve(v1alpha1.ProvisionerRBD, &node.Server{Agent: n, Socket: n.Socket()})
	config.TestVolumeParameters, config.TestVolumeSize, config.TestVolumeExpandSize = class(), gibibyte, 2*gibibyte
	config.TargetPath, config.StagingPath = filepath.Join(n.Dir(), "target"), filepath.Join(n.Dir(), "staging")
	sc := sanity.GinkgoTest(&config)
	explainSkips(t)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	reporter.NoColor = true
	if !ginkgo.RunSpecs(t, "CSI", suite, reporter) {
		t.Error("the suite failed")
	}
	sc.Finalize()
	w.empty()
}
