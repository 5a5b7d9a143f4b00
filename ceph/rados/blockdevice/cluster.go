//go:build cgo

package blockdevice

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// Cluster is a connection. It lasts as long as the process: what it has in flight when that is killed, its successor
// fences.
type Cluster struct {
	conn    *rados.Conn
	admin   *command.Admin
	address string
}

// Connect makes one attempt to connect. When the context ends first, the attempt ends by itself.
func Connect(ctx context.Context, config Config) (*Cluster, error) {
	return await(ctx, "connect", config.Entity, func() (*Cluster, error) { return connect(config) })
}

func connect(config Config) (*Cluster, error) {
	conn, err := rados.NewConnWithClusterAndUser("ceph", config.Entity)
	if err != nil {
		return nil, config.fail(ceph.ErrInvalid, "librados does not take this entity", librados.Errno(err))
	}
	c := &Cluster{conn: conn}
	if err := c.establish(config); err != nil {
		librados.Free(conn)
		return nil, err
	}
	c.admin = command.NewAdmin(c, time.Now)
	return c, nil
}

func (c *Cluster) establish(config Config) error {
	for _, set := range []librados.Options{librados.Silence, librados.Habits, config.options()} {
		if option, err := librados.Apply(c.conn, set); err != nil {
			return config.fail(ceph.ErrInvalid, "librados refuses its option "+option, librados.Errno(err))
		}
	}
	if err := c.conn.Connect(); err != nil {
		return config.refused(err)
	}
	fsid, err := c.conn.GetFSID()
	if err != nil {
		return config.fail(ceph.KindOf(librados.Errno(err)), "ask for the fsid", librados.Errno(err))
	}
	if fsid != config.FSID {
		return config.fail(ceph.ErrInvalid, fmt.Sprintf("another cluster answers at %s: its fsid is %s, want %s",
			strings.Join(config.MonHosts, ","), fsid, config.FSID), 0)
	}
	address, err := c.conn.GetAddrs()
	if err != nil {
		return config.fail(ceph.KindOf(librados.Errno(err)), "ask for this client's address", librados.Errno(err))
	}
	c.address = librados.Untyped(address)
	// What was fenced before this client came is known to it.
	return explain("wait for the newest OSD map", "", c.conn.WaitForLatestOSDMap())
}

// refused explains why librados could not connect. It says nothing but an errno.
func (c Config) refused(err error) error {
	n := librados.Errno(err)
	switch n {
	case ceph.EACCES, ceph.EPERM:
		return c.fail(ceph.ErrAuthentication, "the cluster has no such user, or another key for it, or gives it no mon capabilities", n)
	case ceph.EINVAL:
		return c.fail(ceph.ErrAuthentication, "this librados cannot read the key or the addresses of the mons", n)
	case ceph.ETIMEDOUT:
		return c.fail(ceph.ErrUnreachable, "no mon at "+strings.Join(c.MonHosts, ",")+" answers, or they have no quorum", n)
	}
	return c.fail(ceph.KindOf(n), syscall.Errno(n).Error(), n)
}

// Address returns this client's address, as the blocklist takes it.
func (c *Cluster) Address() string { return c.address }

// Blocklist lists who is fenced. When it returns, this client sends nothing to an OSD that does not know of that first.
func (c *Cluster) Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error) {
	list, err := c.admin.Blocklist(ctx)
	if err != nil {
		return nil, err
	}
	return list, c.catchUp(ctx)
}

// AddBlocklist fences an address. When it returns, this client sends nothing to an OSD that does not know of it first.
func (c *Cluster) AddBlocklist(ctx context.Context, address string, d time.Duration) error {
	if err := c.admin.AddBlocklist(ctx, address, d); err != nil {
		return err
	}
	return c.catchUp(ctx)
}

// catchUp waits for the newest OSD map. An OSD that gets a request learns of the map that it was sent with first.
func (c *Cluster) catchUp(ctx context.Context) error {
	const op = "wait for the newest OSD map"
	_, err := await(ctx, op, "", func() (struct{}, error) {
		return struct{}{}, explain(op, "", c.conn.WaitForLatestOSDMap())
	})
	return err
}

// Send carries one command to a mon; see command.Transport.
func (c *Cluster) Send(ctx context.Context, r command.Request) (command.Reply, error) {
	body, err := r.Encode()
	if err != nil {
		return command.Reply{}, err
	}
	return await(ctx, r.Op, r.Subject, func() (reply command.Reply, err error) {
		reply.Output, reply.Status, err = c.conn.MonCommandWithInputBuffer(body, r.Input)
		if n := librados.Errno(err); n != 0 {
			return reply, command.Failure(r, n, reply.Status)
		}
		return reply, explain(r.Op, r.Subject, err)
	})
}

// await leaves a call that does not come back when the context ends.
func await[T any](ctx context.Context, op, target string, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := call()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, &ceph.Error{Op: op, Target: target, Kind: ceph.ErrTimeout, Text: "Ceph does not answer", Err: context.Cause(ctx)}
	}
}

// explain makes an *ceph.Error of what librbd or librados returned.
func explain(op, target string, err error) error {
	if err == nil {
		return nil
	}
	n := librados.Errno(err)
	e := &ceph.Error{Op: op, Target: target, Kind: ceph.KindOf(n), Errno: n, Text: err.Error(), Err: err}
	if n != 0 {
		e.Text = syscall.Errno(n).Error()
	}
	return e
}
