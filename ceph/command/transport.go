package command

import (
	"context"
	"fmt"
	"log/slog"
)

// Transport carries commands to a cluster. It is safe for concurrent use.
type Transport interface {
	// Send sends one command and waits for its answer until ctx ends. A daemon's
	// refusal is Failure(r, errno, status); whatever else goes wrong on the way is
	// an *ceph.Error with r.Op and r.Subject and one of ErrUnreachable,
	// ErrAuthentication, ErrTimeout, ErrOverloaded, ErrBlocklisted or ErrClosed.
	//
	// Output and status that came along with a refusal are returned besides the
	// error: ok-to-stop says why in them.
	Send(ctx context.Context, r Request) (Reply, error)
}

// Reply is a daemon's answer.
type Reply struct {
	Output []byte // JSON unless the request was Plain. May hold keys and is never printed.
	Status string // Ceph's words for people ("outs")
}

// String tells the sizes only: both parts of an answer may hold a key.
func (r Reply) String() string {
	return fmt.Sprintf("reply (%d bytes of output, %d of status)", len(r.Output), len(r.Status))
}

// Format prints String whatever the verb.
func (r Reply) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue makes slog print String.
func (r Reply) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText makes encoders print String.
func (r Reply) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
