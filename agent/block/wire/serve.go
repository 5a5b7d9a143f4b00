package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
)

// requestLimit is how long a caller may take to send its request.
const requestLimit = 10 * time.Second

// Listen makes a socket that root alone may connect to. One that a process left behind is replaced: the caller sees to
// it that none lives.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by then another process may have its socket there
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// grace is how long answers that are being worked on may take when the listener was closed.
const grace = 2 * time.Second

// Serve answers requests until the listener is closed, and then those that it is working on. Callers of another user
// than this process's are turned away.
func Serve(l *net.UnixListener, handle Handler) error {
	var working sync.WaitGroup
	for {
		conn, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			waitFor(&working, grace)
			return nil
		}
		if err != nil {
			return err
		}
		working.Go(func() { serve(conn, handle) })
	}
}

func waitFor(working *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() {
		working.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

func serve(conn *net.UnixConn, handle Handler) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(requestLimit)) // a connection always takes one
	var response any
	m, file, err := receive(conn)
	if err == nil {
		response, err = answerTo(m, file, handle)
	}
	line, err := encodeAnswer(response, err)
	if err != nil {
		line, _ = encodeAnswer(nil, err) // a message and a code can always be encoded
	}
	_, _ = conn.Write(line) // a caller that is gone asks again
}

func answerTo(m message, file *os.File, handle Handler) (any, error) {
	ctx := context.Background()
	if m.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.Limit)
		defer cancel()
	}
	return handle(ctx, Request{Op: m.Op, body: m.Body, File: file})
}

func encodeAnswer(response any, err error) ([]byte, error) {
	var a answer
	if err != nil && !errors.As(err, &a.Error) {
		a.Error = &block.Error{Code: block.Unavailable}
	}
	if a.Error != nil {
		a.Error = &block.Error{Code: a.Error.Code, Message: err.Error(), Holder: a.Error.Holder}
	}
	if a.Body, err = json.Marshal(response); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// receive reads one request. The descriptor comes with its first bytes.
func receive(conn *net.UnixConn) (message, *os.File, error) {
	if err := checkPeer(conn); err != nil {
		return message{}, nil, err
	}
	buffer, rights := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(4))
	n, rightsLen, _, _, err := conn.ReadMsgUnix(buffer, rights)
	if err != nil {
		return message{}, nil, err
	}
	file, err := descriptorIn(rights[:rightsLen])
	if err != nil {
		return message{}, nil, err
	}
	m, err := readMessage(conn, buffer[:n])
	if err != nil && file != nil {
		file.Close() //nolint:errcheck // nothing was written to it
	}
	return m, file, err
}

// readMessage reads on until the end of the line.
func readMessage(conn io.Reader, line []byte) (message, error) {
	more := make([]byte, 64<<10)
	for !bytes.HasSuffix(line, []byte{'\n'}) {
		n, err := conn.Read(more)
		if line = append(line, more[:n]...); len(line) > maxMessage {
			return message{}, block.Errorf(block.Invalid, "the request has more than %d bytes", maxMessage)
		}
		if err != nil {
			return message{}, err
		}
	}
	return parse(line)
}

func parse(line []byte) (message, error) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return m, block.Errorf(block.Invalid, "the request cannot be read: %v", err)
	}
	if m.Protocol > Protocol {
		return m, block.Errorf(block.Unsupported, "the request has version %d of the protocol, this program knows %d: hand over to a newer one", m.Protocol, Protocol)
	}
	return m, nil
}

func descriptorIn(rights []byte) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "descriptor"), nil
}

// checkPeer turns away who is another user: what is asked for here decides over other people's data.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if asked != nil {
		return fmt.Errorf("who calls: %w", asked)
	}
	if int(peer.Uid) != os.Geteuid() {
		return block.Errorf(block.Denied, "user %d may not use this socket", peer.Uid)
	}
	return nil
}
