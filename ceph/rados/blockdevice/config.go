package blockdevice

import (
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// Config says which cluster to connect to, and as whom.
type Config struct {
	// FSID is the cluster that is expected.
	FSID string
	// MonHosts are addresses as Ceph's mon_host takes them.
	MonHosts []string
	// Entity is the cephx user, such as client.admin.
	Entity string
	Key    ceph.Secret
}

// options are librados' settings beside those of all its handles.
func (c Config) options() librados.Options {
	return librados.Options{
		{"mon_host", strings.Join(c.MonHosts, ",")},
		{"key", c.Key.Reveal()},
		// One attempt to connect; the caller makes another.
		{"client_mount_timeout", "5"},
		// A device waits. The cluster's central configuration may say something else for clients.
		{"rados_osd_op_timeout", "0"},
		{"rados_mon_op_timeout", "0"},
		{"rbd_skip_partial_discard", "false"},
		// Whoever breaks a lock fences its owner.
		{"rbd_blocklist_on_break_lock", "true"},
	}
}

func (c Config) fail(kind error, text string, errno int) error {
	return &ceph.Error{Op: "connect", Target: c.Entity, Kind: kind, Errno: errno, Text: text}
}
