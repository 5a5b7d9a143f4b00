//go:build cgo

package rados

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	goceph "github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// habits are how a session behaves whatever the cluster.
var habits = librados.Options{
	{"rbd_default_clone_format", "2"}, // a snapshot with clones needs no protection
	{"rbd_move_to_trash_on_remove", "false"},
}

// connection is one connected librados handle.
type connection struct {
	rados *goceph.Conn
}

// sessionOptions are those of the connection for everything but the mgr.
func (c Config) sessionOptions() librados.Options {
	return librados.Options{
		{"rados_mon_op_timeout", seconds(c.Timeouts.Mon)},
		{"rados_osd_op_timeout", seconds(c.Timeouts.OSD)},
	}
}

// mgrOptions are those of the mgr's connection: without rados_mon_op_timeout,
// which in rados_mgr_command frees memory that a late answer is written to.
// https://tracker.ceph.com/issues/65985. It is set all the same: the cluster's
// central configuration may have one for clients.
func (c Config) mgrOptions() librados.Options { return librados.Options{{"rados_mon_op_timeout", "0"}} }

func (c Config) commonOptions() librados.Options {
	return librados.Options{
		{"mon_host", strings.Join(c.MonHosts, ",")},
		{"client_mount_timeout", seconds(c.Timeouts.Connect)},
		{"key", c.Key.Reveal()},
	}
}

// seconds rounds up: some releases take whole seconds only, and zero is for ever.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// connect makes a connection. It may take long.
func connect(c Config, extra librados.Options) (*connection, error) {
	handle, err := goceph.NewConnWithClusterAndUser("ceph", c.Entity)
	if err != nil {
		return nil, c.fail(ceph.ErrInvalid, "librados does not take this entity", err)
	}
	conn := &connection{rados: handle}
	if err := conn.establish(c, extra); err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

func (n *connection) establish(c Config, extra librados.Options) error {
	for _, set := range []librados.Options{librados.Silence, librados.Habits, habits, c.commonOptions(), extra} {
		if option, err := librados.Apply(n.rados, set); err != nil {
			return c.fail(ceph.ErrInvalid, fmt.Sprintf("librados %s refuses its option %s", Version(), option), err)
		}
	}
	if err := n.rados.Connect(); err != nil {
		return c.connectError(err)
	}
	return n.checkFSID(c)
}

func (n *connection) checkFSID(c Config) error {
	fsid, err := n.rados.GetFSID()
	if err != nil {
		return c.fail(kindOf(err), "ask for the fsid", err)
	}
	if c.FSID != "" && fsid != c.FSID {
		return c.fail(ceph.ErrInvalid, fmt.Sprintf("another cluster answers at %s: its fsid is %s, want %s",
			strings.Join(c.MonHosts, ","), fsid, c.FSID), nil)
	}
	return nil
}

// close frees the handle.
func (n *connection) close() { librados.Free(n.rados) }
