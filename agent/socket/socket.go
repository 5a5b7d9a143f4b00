// Package socket serves gRPC on a unix socket to callers that the kernel vouches for. Its users are processes of the node:
// it never listens on a network.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/seamount-dev/seamount/agent/fault"
)

// Listen makes the socket, in the place of one that a killed process left. Only root and the user may connect, as far as
// the file's owner and mode go; Options looks at who does.
func Listen(path string, user int) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return nil, err
	}
	// The new socket takes the name of the old one at once, so that a caller finds one or the other.
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Chown(fresh, user, -1), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Options are those of a server that answers root and the users alone.
func Options(users ...uint32) []grpc.ServerOption {
	check := checker(append(users, 0))
	return []grpc.ServerOption{
		grpc.Creds(peerCredentials{}),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if err := check(ctx); err != nil {
				return nil, fault.Status(err)
			}
			response, err := handle(ctx, request)
			return response, fault.Status(err)
		}),
		grpc.StreamInterceptor(func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			if err := check(stream.Context()); err != nil {
				return fault.Status(err)
			}
			return fault.Status(handle(server, stream))
		}),
	}
}

func checker(users []uint32) func(context.Context) error {
	return func(ctx context.Context) error {
		p, _ := peer.FromContext(ctx)
		caller, known := p.AuthInfo.(callerInfo)
		switch {
		case !known:
			return fault.New(codes.PermissionDenied, "the kernel does not say who calls")
		case !slices.Contains(users, caller.user):
			return fault.New(codes.PermissionDenied, "user %d (process %d) may not call the agent: only root and the CSI node's user may", caller.user, caller.process)
		}
		return nil
	}
}

// callerInfo is who called, by the kernel's word.
type callerInfo struct {
	credentials.CommonAuthInfo
	user    uint32
	process int32
}

// AuthType names how it is known.
func (callerInfo) AuthType() string { return "SO_PEERCRED" }

// peerCredentials asks the kernel who is at the other end.
type peerCredentials struct{}

// ServerHandshake sends and receives nothing.
func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	socket, is := conn.(*net.UnixConn)
	if !is {
		return nil, nil, fmt.Errorf("%T is no unix socket", conn)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var ucred *unix.Ucred
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		ucred, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, sockErr); err != nil {
		return nil, nil, fmt.Errorf("ask the kernel who calls: %w", err)
	}
	level := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity} // as gRPC takes all unix sockets
	return conn, callerInfo{level, ucred.Uid, ucred.Pid}, nil
}

// ClientHandshake is not for clients, which need no credentials of gRPC.
func (peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("clients use credentials/insecure")
}

// Info names the protocol.
func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "SO_PEERCRED"}
}

// Clone returns the same, as there is nothing in it.
func (c peerCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName does nothing: there are no names.
func (peerCredentials) OverrideServerName(string) error { return nil }
