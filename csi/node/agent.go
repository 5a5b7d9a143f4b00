package node

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// reconnect is how often a connection to an agent that is away is tried again: it is on the same machine.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

// Dial returns a client of the agent that listens on a socket. It connects when it is used, and again by itself when the
// agent was away. The agent knows who calls from the socket.
func Dial(socket string) (agentv1.VolumesClient, *grpc.ClientConn, error) {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: time.Second}))
	if err != nil {
		return nil, nil, fmt.Errorf("reach the agent on %s: %w", socket, err)
	}
	return agentv1.NewVolumesClient(conn), conn, nil
}
