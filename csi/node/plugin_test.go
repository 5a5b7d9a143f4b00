package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// fakeAgent is an agent on a socket.
type fakeAgent struct {
	agentv1.UnimplementedVolumesServer
	id      atomic.Value
	reports chan *agentv1.WatchResponse
}

func (a *fakeAgent) Describe(context.Context, *agentv1.DescribeRequest) (*agentv1.DescribeResponse, error) {
	id, _ := a.id.Load().(string)
	return &agentv1.DescribeResponse{Node: "n1", NodeId: id}, nil
}

func (a *fakeAgent) Watch(_ *agentv1.WatchRequest, stream grpc.ServerStreamingServer[agentv1.WatchResponse]) error {
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case report := <-a.reports:
			if err := stream.Send(report); err != nil {
				return err
			}
		}
	}
}

// listen serves the agent until it is stopped.
func (a *fakeAgent) listen(t *testing.T, socket string) *grpc.Server {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	agentv1.RegisterVolumesServer(server, a)
	go func() { _ = server.Serve(listener) }() // it ends with the test
	t.Cleanup(server.Stop)
	return server
}

func dial(t *testing.T, socket string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test has ended
	return conn
}

// directory is short enough for a socket's name.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "csi") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // the system clears it otherwise
	return dir
}

func started(t *testing.T, dir string) *Plugin {
	t.Helper()
	agent, conn, err := Dial(filepath.Join(dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	plugin := New(agent, Options{
		Node: "n1", AgentSocket: filepath.Join(dir, "agent.sock"), Drivers: Drivers, PluginsDir: dir, RegistrationDir: dir,
	}, logr.Discard())
	for _, d := range plugin.drivers {
		d.registration.Interval = 20 * time.Millisecond
		if err := os.MkdirAll(filepath.Dir(d.endpoint), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- plugin.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = conn.Close() // the test has ended
	})
	return plugin
}

// Kubelet is told of the driver when the agent answers, and again when the node's identifier is another.
func TestRegistration(t *testing.T) {
	t.Parallel()
	g, dir := NewWithT(t), directory(t)
	plugin := started(t, dir)
	block, file := plugin.drivers[0], plugin.drivers[1]
	socket := block.registration.Socket()
	for _, d := range plugin.drivers {
		g.Consistently(func() error { _, err := os.Stat(d.registration.Socket()); return err }, "100ms").ShouldNot(Succeed())
	}
	// Asked again: on a slow machine the agent may run out of the time that it has to answer.
	ready := func() error { return plugin.ready(t.Context()) }
	g.Eventually(ready, patience).Should(MatchError(ContainSubstring("does not answer")))

	agent := &fakeAgent{}
	agent.id.Store("n1/key")
	agent.listen(t, filepath.Join(dir, "agent.sock"))
	registered(t, block, "rbd.csi.seamount.dev", filepath.Join(dir, "rbd.csi.seamount.dev", "csi.sock"))
	g.Eventually(ready, patience).Should(MatchError(ContainSubstring("cephfs.csi.seamount.dev: kubelet has not registered")))
	registered(t, file, "cephfs.csi.seamount.dev", filepath.Join(dir, "cephfs.csi.seamount.dev", "csi.sock"))
	g.Eventually(ready, patience).Should(Succeed())

	before, err := os.Stat(socket)
	g.Expect(err).NotTo(HaveOccurred())
	agent.id.Store("n1/another")
	g.Eventually(func() bool {
		now, err := os.Stat(socket)
		return err == nil && !now.ModTime().Equal(before.ModTime())
	}, patience).Should(BeTrue())
	g.Eventually(ready, patience).Should(MatchError(ContainSubstring("not registered")))
}

// registered does what kubelet does with a driver.
func registered(t *testing.T, d *driver, name, endpoint string) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func() error { _, err := os.Stat(d.registration.Socket()); return err }, patience).Should(Succeed())
	kubelet := registerapi.NewRegistrationClient(dial(t, d.registration.Socket()))
	info, err := kubelet.GetInfo(t.Context(), &registerapi.InfoRequest{}, grpc.WaitForReady(true))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]string{info.GetType(), info.GetName(), info.GetEndpoint()}).To(Equal([]string{"CSIPlugin", name, endpoint}))
	g.Expect(d.registration.Registered()).NotTo(Succeed())
	_, err = kubelet.NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{PluginRegistered: true})
	g.Expect(err).NotTo(HaveOccurred())
	who, err := csi.NewIdentityClient(dial(t, endpoint)).GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(who.GetName()).To(Equal(name))
}

func TestCheckDrivers(t *testing.T) {
	t.Parallel()
	for says, names := range map[string][]string{
		"": Drivers, "no driver is named": nil, `"nfs" is no driver`: {"nfs"}, "named twice": {Drivers[1], Drivers[1]},
	} {
		if err := checkDrivers(names); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", names, err)
		}
	}
	if err := checkDrivers(Drivers[1:]); err != nil {
		t.Errorf("one of them: %v", err)
	}
}

// An agent that is away is said to be, and found again when it is back.
func TestAgentComesBack(t *testing.T) {
	t.Parallel()
	g, dir := NewWithT(t), directory(t)
	started(t, dir)
	node := csi.NewNodeClient(dial(t, filepath.Join(dir, "cephfs.csi.seamount.dev", "csi.sock")))
	ask := func() error {
		_, err := node.NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{}, grpc.WaitForReady(true))
		return err
	}
	g.Expect(status.Code(ask())).To(Equal(codes.Unavailable))
	agent := &fakeAgent{}
	agent.id.Store("n1/key")
	server := agent.listen(t, filepath.Join(dir, "agent.sock"))
	g.Eventually(ask, patience).Should(Succeed())
	server.Stop()
	g.Eventually(func() codes.Code { return status.Code(ask()) }, patience).Should(Equal(codes.Unavailable))
	agent.listen(t, filepath.Join(dir, "agent.sock"))
	g.Eventually(ask, patience).Should(Succeed())
}

// told hands on what it is told.
type told chan string

func (c told) Tell(volume string, _ *agentv1.Condition, _ []*agentv1.Pod) { c <- volume }

func TestWatchFollowsTheNextAgent(t *testing.T) {
	t.Parallel()
	g, dir := NewWithT(t), directory(t)
	socket := filepath.Join(dir, "agent.sock")
	agent, conn, err := Dial(socket)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = conn.Close() }) // the test has ended
	heard := make(told, 1)
	go Watch(t.Context(), agent, heard, logr.Discard())
	for _, volume := range []string{"first", "second"} {
		fake := &fakeAgent{reports: make(chan *agentv1.WatchResponse, 1)}
		server := fake.listen(t, socket)
		fake.reports <- &agentv1.WatchResponse{VolumeId: volume, Condition: ill}
		g.Eventually(heard, patience).Should(Receive(Equal(volume)))
		server.Stop()
	}
}
