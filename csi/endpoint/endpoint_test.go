package endpoint

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

func register(to grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(to, health.NewServer()) }

// asking calls through a connection of its own: one that is open would go on without the socket.
func asking(t *testing.T, path string) func() error {
	return func() error {
		conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err
	}
}

func TestSocketComesBack(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	dir, err := os.MkdirTemp("", "endpoint") //nolint:usetesting // the path of a socket is short
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // the system clears it otherwise
	path := filepath.Join(dir, "csi.sock")
	g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed()) // what a killed process left
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Endpoint{Path: path, Register: register, Check: 10 * time.Millisecond}.Run(ctx) }()
	ask := asking(t, path)
	g.Eventually(ask, time.Minute).Should(Succeed())
	g.Expect(os.Remove(path)).To(Succeed())
	g.Eventually(ask, time.Minute).Should(Succeed())
	g.Expect(os.Rename(path, path+".old")).To(Succeed())
	g.Expect(os.WriteFile(path, nil, 0o600)).To(Succeed())
	g.Eventually(ask, time.Minute).Should(Succeed())
	stop()
	g.Expect(<-done).To(Succeed())
	g.Expect(ask()).NotTo(Succeed())
	_, err = os.Stat(path)
	g.Expect(err).NotTo(HaveOccurred(), "the socket stays, so that kubelet keeps the driver")
}

func TestDirectoryThatIsNotThere(t *testing.T) {
	t.Parallel()
	if err := (Endpoint{Path: filepath.Join(t.TempDir(), "no", "csi.sock"), Register: register}).Run(t.Context()); err == nil {
		t.Error("served nowhere")
	}
}

// An endpoint that is told to end before it serves has not failed. Which of the two comes first is left to chance, many times.
func TestEndedAsItBegins(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "endpoint") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // the system clears it otherwise
	for range 300 {
		ctx, stop := context.WithCancel(t.Context())
		ended := Endpoint{Path: filepath.Join(dir, "csi.sock"), Register: func(to grpc.ServiceRegistrar) { register(to); stop() }}
		if err := ended.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
