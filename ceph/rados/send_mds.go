//go:build cgo

package rados

import (
	"github.com/ceph/go-ceph/cephfs"

	"github.com/seamount-dev/seamount/ceph/command"
)

// deliverToMDS calls libcephfs: librados knows no metadata servers. A client of its own is made for each command, from the
// handle's options, and mounts nothing. Commands to metadata servers are rare, and a client that stayed would be a session
// more with the mons.
func (n *connection) deliverToMDS(r command.Request, body []byte) (reply command.Reply, err error) {
	files, err := cephfs.CreateFromRados(n.rados)
	if err != nil {
		return reply, err
	}
	defer func() { _ = files.Release() }() // it is not mounted, so that it cannot be busy
	if err := files.Init(); err != nil {
		return reply, err
	}
	reply.Output, reply.Status, err = files.MdsCommandWithInputBuffer(r.Target.Rank, [][]byte{body}, r.Input)
	return reply, err
}
