//go:build cgo

package rados

import (
	"sync/atomic"

	goceph "github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
)

// MDSCommand carries a command to the metadata server that holds a rank (home:0), with the options of a handle.
type MDSCommand func(handle *goceph.Conn, rank string, body, input []byte) (output []byte, status string, err error)

var mdsCommand atomic.Pointer[MDSCommand]

// UseMDSCommand lets all clients of this program carry commands to metadata servers. librados knows none of them, and
// libcephfs, which does, is not linked into programs that send them nothing: see package mds.
func UseMDSCommand(carry MDSCommand) { mdsCommand.Store(&carry) }

func (n *connection) deliverToMDS(r command.Request, body []byte) (reply command.Reply, err error) {
	carry := mdsCommand.Load()
	if carry == nil {
		return reply, &ceph.Error{Op: r.Op, Target: r.Subject, Kind: ceph.ErrUnsupported,
			Text: "this program carries no commands to metadata servers"}
	}
	reply.Output, reply.Status, err = (*carry)(n.rados, r.Target.Rank, body, r.Input)
	return reply, err
}
