// Package wire carries requests between the processes of seamount-block: one connection of a unix socket for each, one
// line of JSON each way, and at most one descriptor along with the request. What a side does not know it ignores, so
// that an agent can talk to a keeper of an older or a newer version; an operation that is not known is refused as such.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
)

// Protocol is the version of what this program says. A change that an older program would misunderstand raises it.
const Protocol = 1

// maxMessage bounds a line.
const maxMessage = 4 << 20

// message is a request.
type message struct {
	Protocol int    `json:"protocol"`
	Op       string `json:"op"`
	// Limit is for how long the caller waits. 0: as long as it takes.
	Limit time.Duration   `json:"limit,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// answer is what comes back.
type answer struct {
	Error *block.Error    `json:"error,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// Call sends one request and waits for its answer. A descriptor below 0 is none. The error is a *block.Error if the
// other side refused; NotRunning if nobody listens; Unavailable if the other side ended before it answered.
func Call(ctx context.Context, socket, op string, descriptor int, request, response any) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return dialError(ctx, socket, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // a connection always takes one
	defer stop()
	if err := send(ctx, conn.(*net.UnixConn), op, descriptor, request); err != nil {
		return callError(ctx, op, err)
	}
	line, err := io.ReadAll(io.LimitReader(conn, maxMessage))
	if err != nil {
		return callError(ctx, op, err)
	}
	return decodeAnswer(op, line, response)
}

func dialError(ctx context.Context, socket string, err error) error {
	if ctx.Err() != nil {
		return block.Errorf(block.Timeout, "nobody accepted the connection to %s in time", socket)
	}
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return block.Errorf(block.NotRunning, "no process of seamount-block listens at %s", socket)
	}
	return block.Errorf(block.Unavailable, "%v", err)
}

func callError(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return block.Errorf(block.Timeout, "no answer to %s in time", op)
	}
	return block.Errorf(block.Unavailable, "%s: the connection broke: %v", op, err)
}

func send(ctx context.Context, conn *net.UnixConn, op string, descriptor int, request any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	m := message{Protocol: Protocol, Op: op, Body: body}
	if deadline, has := ctx.Deadline(); has {
		m.Limit = limitOf(time.Until(deadline))
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if descriptor >= 0 {
		rights = unix.UnixRights(descriptor)
	}
	line = append(line, '\n')
	n, _, err := conn.WriteMsgUnix(line, rights, nil)
	if err == nil && n < len(line) {
		_, err = conn.Write(line[n:])
	}
	return err
}

// limitOf leaves the other side time to say why it did not succeed.
func limitOf(left time.Duration) time.Duration {
	const most = 500 * time.Millisecond
	return max(left-min(left/10, most), time.Millisecond)
}

func decodeAnswer(op string, line []byte, response any) error {
	var a answer
	if len(bytes.TrimSpace(line)) == 0 {
		return block.Errorf(block.Unavailable, "%s: the process that served it ended before it answered", op)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return block.Errorf(block.Unavailable, "%s: the answer cannot be read: %v", op, err)
	}
	if a.Error != nil {
		return a.Error
	}
	if response == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, response); err != nil {
		return block.Errorf(block.Unavailable, "%s: the answer cannot be read: %v", op, err)
	}
	return nil
}

// Request is one that a server received.
type Request struct {
	Op   string
	body json.RawMessage
	// File is the descriptor that came along, or nil. Whoever handles the request takes or closes it.
	File *os.File
}

// Decode reads the request's body.
func (r Request) Decode(into any) error {
	if err := json.Unmarshal(r.body, into); err != nil {
		return block.Errorf(block.Invalid, "%s: the request cannot be read: %v", r.Op, err)
	}
	return nil
}

// Handler answers a request. Its context ends when the caller waits no longer.
type Handler func(ctx context.Context, r Request) (response any, err error)
