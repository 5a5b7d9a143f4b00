package blockdevice

import (
	"strings"

	"github.com/seamount-dev/seamount/ceph"
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

// options are librados' settings for the whole process.
func (c Config) options() [][2]string {
	return [][2]string{
		{"mon_host", strings.Join(c.MonHosts, ",")},
		{"key", c.Key.Reveal()},
		// Nothing is read from files, and nothing written to them. An empty keyring would otherwise win over the key.
		{"keyring", ""},
		{"log_file", ""},
		{"log_to_file", "false"},
		{"log_to_stderr", "false"},
		{"err_to_stderr", "false"},
		{"log_to_syslog", "false"},
		{"err_to_syslog", "false"},
		{"admin_socket", ""},
		{"auth_client_required", "cephx"},
		// One attempt to connect; the caller makes another.
		{"client_mount_timeout", "5"},
		// A device waits. The cluster's central configuration may say something else for clients.
		{"rados_osd_op_timeout", "0"},
		{"rados_mon_op_timeout", "0"},
		// Another mon is looked for soon, and as often: a cluster that is back is noticed.
		{"mon_client_hunt_interval", "1"},
		{"mon_client_hunt_interval_max_multiple", "3"},
		{"rbd_cache", "false"},
		{"rbd_skip_partial_discard", "false"},
		// Whoever breaks a lock fences its owner.
		{"rbd_blocklist_on_break_lock", "true"},
	}
}

func (c Config) fail(kind error, text string, errno int) error {
	return &ceph.Error{Op: "connect", Target: c.Entity, Kind: kind, Errno: errno, Text: text}
}
