package uevent

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Listen calls notify for every change of a block device until ctx ends, then returns nil. It fails where the kernel's
// broadcasts cannot be received. The first event is a Lost one: whoever looks at the system after it misses nothing.
func Listen(ctx context.Context, notify func(Event)) error {
	socket, err := open()
	if err != nil {
		return fmt.Errorf("listen for events of block devices: %w", err)
	}
	defer socket.Close()
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() }) // ends the reading; nothing was written
	defer stop()
	notify(Event{Lost: true})
	if err := receive(socket, notify); ctx.Err() == nil {
		return fmt.Errorf("listen for events of block devices: %w", err)
	}
	return nil
}

// Sizes of buffers: the kernel's messages have at most a few KiB, and a shelf of disks that is plugged in sends thousands.
const (
	messageBytes = 64 << 10
	queueBytes   = 8 << 20
)

func open() (*os.File, error) {
	const fromKernel = 1 // the group of the kernel itself; udev sends to another, later
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, err
	}
	socket := os.NewFile(uintptr(fd), "uevents")
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queueBytes) != nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queueBytes) // as much as anybody may have
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: fromKernel})
	}
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

func receive(socket *os.File, notify func(Event)) error {
	conn, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	buffer := make([]byte, messageBytes)
	for {
		var m message
		if err := conn.Read(func(fd uintptr) bool { m = read(int(fd), buffer); return !m.none() }); err != nil {
			return err
		}
		event, tell, err := m.event()
		if err != nil {
			return err
		}
		if tell {
			notify(event)
		}
	}
}

// message is what one reading of the socket gave.
type message struct {
	content    []byte
	truncated  bool
	fromKernel bool
	err        error
}

func read(fd int, buffer []byte) message {
	n, _, flags, from, err := unix.Recvmsg(fd, buffer, nil, 0)
	if err != nil {
		return message{err: err}
	}
	sender, ok := from.(*unix.SockaddrNetlink)
	return message{content: buffer[:n], truncated: flags&unix.MSG_TRUNC != 0, fromKernel: ok && sender.Pid == 0}
}

// none says that there is nothing to read yet.
func (m message) none() bool { return errors.Is(m.err, unix.EAGAIN) || errors.Is(m.err, unix.EINTR) }

// event is what to tell, if anything. What cannot be understood may have been any change.
func (m message) event() (Event, bool, error) {
	switch {
	case errors.Is(m.err, unix.ENOBUFS): // the queue ran over
		return Event{Lost: true}, true, nil
	case m.err != nil:
		return Event{}, false, m.err
	case !m.fromKernel:
		return Event{}, false, nil // any program may send to the group
	case m.truncated:
		return Event{Lost: true}, true, nil
	}
	if event, block, err := parse(m.content); err == nil {
		return event, block, nil
	}
	return Event{Lost: true}, true, nil
}
