//go:build cgo

package rados

// #cgo LDFLAGS: -lrados
// #include <rados/librados.h>
import "C"

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	goceph "github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph"
)

// options are librados' settings, in the order in which they are made.
type options [][2]string

// silence keeps librados from reading and writing files, and from talking on
// the program's stderr. An empty keyring keeps it from looking for one in
// /etc/ceph, which would win over the key.
var silence = options{
	{"keyring", ""},
	{"log_file", ""},
	{"log_to_file", "false"},
	{"log_to_stderr", "false"},
	{"err_to_stderr", "false"},
	{"log_to_syslog", "false"},
	{"err_to_syslog", "false"},
	{"admin_socket", ""},
}

// habits are how a session behaves whatever the cluster.
var habits = options{
	{"auth_client_required", "cephx"}, // an older librados would agree to none
	// Look for another mon soon, and go on as often: by default the pause grows
	// to half a minute, and a cluster that is back would not be noticed.
	{"mon_client_hunt_interval", "1"},
	{"mon_client_hunt_interval_max_multiple", "3"},
	{"rbd_cache", "false"},            // nothing here reads or writes data
	{"rbd_default_clone_format", "2"}, // a snapshot with clones needs no protection
	{"rbd_move_to_trash_on_remove", "false"},
}

// connection is one connected librados handle.
type connection struct {
	rados *goceph.Conn
}

// sessionOptions are those of the connection for everything but the mgr.
func (c Config) sessionOptions() options {
	return options{
		{"rados_mon_op_timeout", seconds(c.Timeouts.Mon)},
		{"rados_osd_op_timeout", seconds(c.Timeouts.OSD)},
	}
}

// mgrOptions are those of the mgr's connection: without rados_mon_op_timeout,
// which in rados_mgr_command frees memory that a late answer is written to.
// https://tracker.ceph.com/issues/65985. It is set all the same: the cluster's
// central configuration may have one for clients.
func (c Config) mgrOptions() options { return options{{"rados_mon_op_timeout", "0"}} }

func (c Config) commonOptions() options {
	return options{
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
func connect(c Config, extra options) (*connection, error) {
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

func (n *connection) establish(c Config, extra options) error {
	for _, set := range []options{silence, habits, c.commonOptions(), extra} {
		if err := n.apply(c, set); err != nil {
			return err
		}
	}
	if err := n.rados.Connect(); err != nil {
		return c.connectError(err)
	}
	return n.checkFSID(c)
}

// apply sets options. One that this librados does not know is left out: all are
// there to behave better, but the key and the addresses, which all know.
func (n *connection) apply(c Config, set options) error {
	for _, o := range set {
		err := n.rados.SetConfigOption(o[0], o[1])
		if err != nil && errno(err) != ceph.ENOENT {
			return c.fail(ceph.ErrInvalid, fmt.Sprintf("librados %s refuses its option %s", Version(), o[0]), err)
		}
	}
	return nil
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

// close frees the handle. go-ceph's Shutdown does nothing for one that never
// got connected, and leaves that to a finalizer, which would block all others.
func (n *connection) close() {
	runtime.SetFinalizer(n.rados, nil)
	C.rados_shutdown(C.rados_t(n.rados.Cluster()))
}
