package boot

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// Request is a request to a node's PID 1: to restart a service, or, with none
// named, for its status alone.
type Request struct {
	Restart string `json:"restart,omitempty"`
}

// Reply is the answer, given once the service runs again.
type Reply struct {
	Error    string          `json:"error,omitempty"`
	Ready    bool            `json:"ready"`
	Services []ServiceStatus `json:"services"`
}

// ServiceStatus is the state of one service.
type ServiceStatus struct {
	Name string `json:"name"`
	// PID is its process in the node's pid namespace, 0 while it does not run.
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Restarts int       `json:"restarts"`
}

// Ask sends a request to the PID 1 that listens on socket.
func Ask(ctx context.Context, socket string, request Request) (Reply, error) {
	var reply Reply
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return reply, fmt.Errorf("reach the node's init: %w", err)
	}
	defer conn.Close()                                                           // the answer is read to its end
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // a unix socket has deadlines
	defer stop()
	if err := json.NewEncoder(conn).Encode(request); err != nil {
		return reply, fmt.Errorf("ask the node's init: %w", err)
	}
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		return reply, fmt.Errorf("wait for the node's init: %w", errors.Join(err, ctx.Err()))
	}
	if reply.Error != "" {
		return reply, errors.New(reply.Error)
	}
	return reply, nil
}

// call is a request on its way to the supervisor's loop.
type call struct {
	Request
	reply chan<- Reply
}

// listen takes requests for as long as the node runs.
func listen(calls chan<- call) error {
	if err := os.Remove(ControlSocket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", ControlSocket)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn, calls)
		}
	}()
	return nil
}

func answer(conn net.Conn, calls chan<- call) {
	defer conn.Close() // the caller sees a missing answer
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return
	}
	var request Request
	reply := Reply{Error: "the request is not understood"}
	if json.Unmarshal(line, &request) == nil {
		replies := make(chan Reply, 1)
		calls <- call{Request: request, reply: replies}
		reply = <-replies
	}
	json.NewEncoder(conn).Encode(reply) //nolint:errcheck // the caller has gone
}
