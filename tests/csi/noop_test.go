//go:build e2e

package csi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seamount-dev/seamount/csi/linked"
)

const (
	noopDriver = "noop.csi.seamount.dev"
	// noopVariable holds the task of a process that is to be nothing but that driver: rate, burst and kubeconfig.
	noopVariable = "SEAMOUNT_TEST_NOOP_DRIVER"
)

const noopClass = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ` + noopDriver + `}
provisioner: ` + noopDriver + `
`

// startNoop runs the driver that makes nothing, until the benchmark ends, with a class of its name.
func (s *suite) startNoop(b *testing.B, qps, burst int) {
	b.Helper()
	s.Kubectl(b, "delete", "storageclass", noopDriver, "--ignore-not-found")
	s.Apply(b, "default", noopClass)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), noopVariable+"="+strings.Join([]string{strconv.Itoa(qps), strconv.Itoa(burst), s.Kubeconfig()}, ","))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.noopEnded = func() error {
		select {
		case err := <-ended:
			return fmt.Errorf("the driver that makes nothing ended: %w", errors.Join(err, errors.New(log.String())))
		default:
			return nil
		}
	}
	b.Cleanup(func() {
		if err := s.noopEnded(); err != nil {
			b.Fatal(err)
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // it runs
		if err := <-ended; err != nil {
			b.Errorf("the driver that makes nothing: %v\n%s", err, log.String())
		}
		s.Kubectl(b, "delete", "storageclass", noopDriver)
	})
}

// noop is a driver whose volumes are names.
type noop struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
}

func (noop) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: noopDriver, VendorVersion: "1"}, nil
}

func (noop) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	service := &csi.PluginCapability_Service{Type: csi.PluginCapability_Service_CONTROLLER_SERVICE}
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{{Type: &csi.PluginCapability_Service_{Service: service}}}}, nil
}

func (noop) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

func (noop) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	answer := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, csi.ControllerServiceCapability_RPC_EXPAND_VOLUME, // the resizer wants it
	} {
		rpc := &csi.ControllerServiceCapability_RPC{Type: kind}
		answer.Capabilities = append(answer.Capabilities, &csi.ControllerServiceCapability{Type: &csi.ControllerServiceCapability_Rpc{Rpc: rpc}})
	}
	return answer, nil
}

func (noop) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: r.GetName(), CapacityBytes: r.GetCapacityRange().GetRequiredBytes()}}, nil
}

func (noop) DeleteVolume(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	return &csi.DeleteVolumeResponse{}, nil
}

// noopProcess is that driver with the controllers that Seamount's driver has, until it is told to stop.
func noopProcess(task string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runNoop(ctx, task); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runNoop(ctx context.Context, task string) (err error) {
	var options linked.Options
	rate, rest, _ := strings.Cut(task, ",")
	burst, kubeconfig, _ := strings.Cut(rest, ",")
	if _, err := fmt.Sscan(rate+" "+burst, &options.QPS, &options.Burst); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "noop")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	listener, err := net.Listen("unix", filepath.Join(dir, "csi.sock"))
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix://"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	options.Kubernetes, options.Drivers = config, []linked.Driver{{Name: noopDriver, Conn: conn}}
	controllers, err := linked.New(options)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, noop{})
	csi.RegisterControllerServer(server, noop{})
	var g errgroup.Group
	g.Go(func() error { return server.Serve(listener) })
	g.Go(func() error {
		defer server.Stop()
		return controllers.Run(ctx)
	})
	return g.Wait()
}
