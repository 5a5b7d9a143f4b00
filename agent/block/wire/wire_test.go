package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/agent/block"
)

// serving answers on a socket until the test ends.
func serving(t *testing.T, handle Handler) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(l, handle) }()
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return socket
}

func TestCall(t *testing.T) {
	t.Parallel()
	socket := serving(t, func(_ context.Context, r Request) (any, error) {
		var image block.Image
		if err := r.Decode(&image); err != nil {
			return nil, err
		}
		if image.Name == "held" {
			return nil, fmt.Errorf("map: %w", &block.Error{Code: block.Locked, Message: "in use", Holder: &block.Holder{Node: "a"}})
		}
		return image, nil
	})
	long := block.Image{Pool: "p", Name: strings.Repeat("x", 1<<20)}
	var got block.Image
	if err := Call(t.Context(), socket, "echo", -1, long, &got); err != nil || got != long {
		t.Errorf("echo of a long request: %v, %d bytes", err, len(got.Name))
	}
	err := Call(t.Context(), socket, "echo", -1, block.Image{Name: "held"}, nil)
	want := &block.Error{Code: block.Locked, Message: "map: in use", Holder: &block.Holder{Node: "a"}}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("error:\n%s", diff)
	}
	if err := Call(t.Context(), socket, "echo", -1, 7, nil); !block.Is(err, block.Invalid) {
		t.Errorf("a request of another shape: %v", err)
	}
}

// A descriptor comes along with a request.
func TestCallDescriptor(t *testing.T) {
	t.Parallel()
	socket := serving(t, func(_ context.Context, r Request) (any, error) {
		if r.File == nil {
			return nil, block.Errorf(block.Invalid, "no file")
		}
		defer r.File.Close()
		content, err := io.ReadAll(r.File)
		return string(content), err
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got string
	if err := Call(t.Context(), socket, "read", int(f.Fd()), nil, &got); err != nil || got != "content" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := Call(t.Context(), socket, "read", -1, nil, &got); !block.Is(err, block.Invalid) {
		t.Errorf("without a descriptor: %v", err)
	}
}

func TestCallNobody(t *testing.T) {
	t.Parallel()
	if err := Call(t.Context(), filepath.Join(t.TempDir(), "s"), "hello", -1, nil, nil); !block.Is(err, block.NotRunning) {
		t.Errorf("without a socket: %v", err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Call(t.Context(), socket, "hello", -1, nil, nil); !block.Is(err, block.NotRunning) {
		t.Errorf("a socket that a dead process left: %v", err)
	}
}

// The other side stops in time to say why it did not succeed; a caller of one that says nothing is told so.
func TestCallDeadline(t *testing.T) {
	t.Parallel()
	socket := serving(t, func(ctx context.Context, r Request) (any, error) {
		if r.Op == "late" {
			_, has := ctx.Deadline()
			return nil, block.Errorf(block.Unavailable, "Ceph is down, with a deadline: %t", has)
		}
		<-t.Context().Done()
		return nil, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Call(ctx, socket, "late", -1, nil, nil); !block.Is(err, block.Unavailable) || err.Error() != "Ceph is down, with a deadline: true" {
		t.Errorf("the other side's reason: %v", err)
	}
	for left, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute - 500*time.Millisecond, time.Second: 900 * time.Millisecond, -time.Second: time.Millisecond,
	} {
		if got := limitOf(left); got != want {
			t.Errorf("of %s the other side has %s, want %s", left, got, want)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Call(short, socket, "never", -1, nil, nil); !block.Is(err, block.Timeout) {
		t.Errorf("no answer: %v", err)
	}
}

func TestParseRefusesNewer(t *testing.T) {
	t.Parallel()
	if _, err := parse([]byte(`{"protocol":2,"op":"map"}`)); !block.Is(err, block.Unsupported) {
		t.Errorf("a newer protocol: %v", err)
	}
	if m, err := parse([]byte(`{"protocol":1,"op":"map","news":true}`)); err != nil || m.Op != "map" {
		t.Errorf("a field that is not known: %+v, %v", m, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"protocol":1,"op":"map","limit":5,"body":{"image":{"pool":"p","name":"n"}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if m, err := parse(line); err == nil && m.Protocol > Protocol {
			t.Errorf("protocol %d is taken", m.Protocol)
		}
	})
}
