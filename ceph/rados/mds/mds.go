//go:build cgo

package mds

import (
	"github.com/ceph/go-ceph/cephfs"
	goceph "github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph/rados"
)

// Use lets all clients of package rados in this program carry commands to metadata servers.
func Use() { rados.UseMDSCommand(carry) }

// carry makes a client of its own for each command, from the handle's options, which mounts nothing. Commands to metadata
// servers are rare, and a client that stayed would be a session more with the mons.
func carry(handle *goceph.Conn, rank string, body, input []byte) (output []byte, status string, err error) {
	files, err := cephfs.CreateFromRados(handle)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = files.Release() }() // it is not mounted, so that it cannot be busy
	if err := files.Init(); err != nil {
		return nil, "", err
	}
	return files.MdsCommandWithInputBuffer(rank, [][]byte{body}, input)
}
