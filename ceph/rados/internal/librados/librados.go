// Package librados is what sessions and block devices both need of Ceph's C libraries: quiet handles, their errors, and
// who holds an image's lock. It keeps no state and decides nothing.
package librados

import (
	"errors"
	"strings"
)

// Options are librados' settings, in the order in which they are made.
type Options [][2]string

// Silence keeps librados from reading and writing files, and from talking on the program's stderr. An empty keyring keeps
// it from looking for one in /etc/ceph, which would win over the key.
var Silence = Options{
	{"keyring", ""},
	{"log_file", ""},
	{"log_to_file", "false"},
	{"log_to_stderr", "false"},
	{"err_to_stderr", "false"},
	{"log_to_syslog", "false"},
	{"err_to_syslog", "false"},
	{"admin_socket", ""},
}

// Habits are how a handle behaves whatever the cluster.
var Habits = Options{
	{"auth_client_required", "cephx"}, // an older librados would agree to none
	// Look for another mon soon, and go on as often: by default the pause grows to half a minute, and a cluster that is back
	// would not be noticed.
	{"mon_client_hunt_interval", "1"},
	{"mon_client_hunt_interval_max_multiple", "3"},
	{"rbd_cache", "false"}, // an acknowledged write is on the OSDs
}

// Errno returns the positive errno of an error of go-ceph, 0 if it has none.
func Errno(err error) int {
	var coded interface{ ErrorCode() int }
	if !errors.As(err, &coded) {
		return 0
	}
	return max(coded.ErrorCode(), -coded.ErrorCode())
}

// Untyped drops the messenger's version from an address, as watchers have it: v1:10.0.0.7:0/4199896942. A blocklist entry
// is for all versions.
func Untyped(addr string) string {
	for _, t := range []string{"v1:", "v2:", "any:"} {
		addr = strings.TrimPrefix(addr, t)
	}
	return addr
}
