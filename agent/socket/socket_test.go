package socket

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
)

type volumes struct {
	agentv1.UnimplementedVolumesServer
}

func (volumes) Describe(context.Context, *agentv1.DescribeRequest) (*agentv1.DescribeResponse, error) {
	return &agentv1.DescribeResponse{Node: "n"}, nil
}

func (volumes) Stage(context.Context, *agentv1.StageRequest) (*agentv1.StageResponse, error) {
	return nil, fault.New(codes.NotFound, "no such image")
}

func serve(t *testing.T, options []grpc.ServerOption) agentv1.VolumesClient {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent", "agent.sock")
	for range 2 { // the second one takes the place of the first
		listener, err := Listen(path, os.Getuid())
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(options...)
		agentv1.RegisterVolumesServer(server, volumes{})
		go server.Serve(listener) //nolint:errcheck // it ends with the test
		t.Cleanup(server.Stop)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return agentv1.NewVolumesClient(conn)
}

func TestCallers(t *testing.T) {
	t.Parallel()
	client := serve(t, Options(uint32(os.Getuid())))
	if r, err := client.Describe(t.Context(), &agentv1.DescribeRequest{}); err != nil || r.GetNode() != "n" {
		t.Errorf("%v, %v", r, err)
	}
	_, err := client.Stage(t.Context(), &agentv1.StageRequest{})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "no such image" {
		t.Errorf("a failure came as %v", err)
	}
}

// A server that answers other users alone refuses this one, and says whom.
func TestForeignCallers(t *testing.T) {
	t.Parallel()
	options := Options()
	options[1] = grpc.UnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		if err := checker([]uint32{uint32(os.Getuid() + 1)})(ctx); err != nil {
			return nil, fault.Status(err)
		}
		return h(ctx, r)
	})
	_, err := serve(t, options).Describe(t.Context(), &agentv1.DescribeRequest{})
	if s := status.Convert(err); s.Code() != codes.PermissionDenied || !strings.Contains(s.Message(), "only root") {
		t.Error(err)
	}
}

func TestOnlyUnixSockets(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, _, err := (peerCredentials{}).ServerHandshake(a); err == nil {
		t.Error("a pipe passed for a unix socket")
	}
}
