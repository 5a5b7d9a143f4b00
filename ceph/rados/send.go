//go:build cgo

package rados

import (
	"context"
	"errors"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// Send carries one command to a mon, the mgr, an OSD or an MDS; see command.Transport.
func (c *Client) Send(ctx context.Context, r command.Request) (command.Reply, error) {
	body, err := r.Encode()
	if err != nil {
		return command.Reply{}, err
	}
	k, l, err := c.route(r)
	if err != nil {
		return command.Reply{}, err
	}
	reply, err := call(ctx, c, k, l, subject{r.Op, r.Subject}, func(n *connection) (command.Reply, error) {
		return n.deliver(r, body)
	})
	return reply, refused(r, reply, err)
}

// route picks the connection and the lane for a command.
func (c *Client) route(r command.Request) (*link[*connection], *lane, error) {
	switch r.Target.Service {
	case command.ServiceMon:
		return c.session, c.mons, nil
	case command.ServiceMgr:
		return c.mgr, c.mgrs, nil
	case command.ServiceOSD:
		return c.session, c.osds, nil
	case command.ServiceMDS:
		return c.session, c.files, nil
	}
	return nil, nil, &ceph.Error{Op: r.Op, Target: r.Subject, Kind: ceph.ErrInvalid,
		Text: "librados carries no commands to " + r.Target.String()}
}

// deliver calls librados. Output and status come along with a refusal too.
func (n *connection) deliver(r command.Request, body []byte) (reply command.Reply, err error) {
	switch r.Target.Service {
	case command.ServiceMon:
		reply.Output, reply.Status, err = n.rados.MonCommandWithInputBuffer(body, r.Input)
	case command.ServiceMgr:
		reply.Output, reply.Status, err = n.rados.MgrCommandWithInputBuffer([][]byte{body}, r.Input)
	case command.ServiceOSD:
		reply.Output, reply.Status, err = n.rados.OsdCommandWithInputBuffer(r.Target.ID, [][]byte{body}, r.Input)
	case command.ServiceMDS:
		reply, err = n.deliverToMDS(r, body)
	}
	if reply.Status == "" { // else it is the daemon that speaks of a timeout
		err = silent(err)
	}
	return reply, err
}

// refused makes the error of a command that came back with an errno.
func refused(r command.Request, reply command.Reply, err error) error {
	var typed *ceph.Error
	if err == nil || errors.As(err, &typed) {
		return err
	}
	n := librados.Errno(err)
	switch {
	case n == 0:
		return &ceph.Error{Op: r.Op, Target: r.Subject, Kind: ceph.ErrRefused, Text: err.Error(), Err: err}
	case reply.Status == "":
		return command.Failure(r, n, words(n))
	default:
		return command.Failure(r, n, reply.Status)
	}
}
