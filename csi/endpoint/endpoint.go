// Package endpoint serves gRPC on a unix socket in a directory that is shared with kubelet. When somebody takes the socket
// away, it is made again. It knows nothing of what is served.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
)

// Endpoint is a socket, and who answers on it.
type Endpoint struct {
	// Path of the socket. What lies there is replaced: the socket of a process that was killed stays.
	Path string
	// Register adds the services.
	Register func(grpc.ServiceRegistrar)
	// Options of the server.
	Options []grpc.ServerOption
	// Check is the time between two looks whether the socket is still there. Zero: two seconds.
	Check time.Duration
}

const (
	defaultCheck = 2 * time.Second
	// endBound is how long calls under way may take when the endpoint ends.
	endBound = 10 * time.Second
)

// Run serves until the context ends, or the socket cannot be made. The socket stays behind: with it, kubelet keeps the
// driver that it knows, and tries again until the next process answers.
func (e Endpoint) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := e.serve(ctx); err != nil {
			return fmt.Errorf("serve on %s: %w", e.Path, err)
		}
	}
	return nil
}

// serve makes the socket and answers on it until it is gone or the context ends.
func (e Endpoint) serve(ctx context.Context) error {
	listener, made, err := e.listen(ctx)
	if err != nil {
		return err
	}
	server := grpc.NewServer(e.Options...)
	e.Register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-e.gone(ctx, made):
	}
	stop(server)
	if err := <-served; !errors.Is(err, grpc.ErrServerStopped) { // which it says when it had not begun
		return err
	}
	return nil
}

// listen makes the socket, and says as what it is known.
func (e Endpoint) listen(ctx context.Context) (net.Listener, os.FileInfo, error) {
	if err := os.Remove(e.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", e.Path)
	if err != nil {
		return nil, nil, err
	}
	if socket, is := listener.(*net.UnixListener); is {
		socket.SetUnlinkOnClose(false)
	}
	made, err := os.Lstat(e.Path)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, made, nil
}

// gone is closed when the context ends, or another file or none is where the socket was.
func (e Endpoint) gone(ctx context.Context, made os.FileInfo) <-chan struct{} {
	gone := make(chan struct{})
	check := e.Check
	if check == 0 {
		check = defaultCheck
	}
	go func() {
		defer close(gone)
		ticker := time.NewTicker(check)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now, err := os.Lstat(e.Path)
			if errors.Is(err, fs.ErrNotExist) || err == nil && !same(made, now) {
				return
			}
		}
	}()
	return gone
}

// same compares times too: the number of a file that was removed is soon another's.
func same(a, b os.FileInfo) bool { return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) }

// stop waits a while for calls under way.
func stop(server *grpc.Server) {
	hurry := time.AfterFunc(endBound, server.Stop)
	defer hurry.Stop()
	server.GracefulStop()
}
