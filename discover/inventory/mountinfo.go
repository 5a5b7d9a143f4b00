package inventory

import (
	"strings"

	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// remoteTypes are filesystems that a server answers for: looking at a file of theirs hangs with the server. Autofs mounts
// something when it is looked at.
var remoteTypes = map[string]bool{
	"9p": true, "afs": true, "autofs": true, "beegfs": true, "ceph": true, "cifs": true, "gpfs": true, "lustre": true,
	"nfs": true, "nfs4": true, "smb3": true, "virtiofs": true,
}

func remote(m mountinfo.Mount) bool {
	return remoteTypes[m.Type] || m.Type == "fuse" || strings.HasPrefix(m.Type, "fuse.")
}

// covering is the mount that the path lies in; of several at one point the last one hides the others.
func covering(mounts []mountinfo.Mount, path string) mountinfo.Mount {
	var best mountinfo.Mount
	for _, m := range mounts {
		if len(m.Point) >= len(best.Point) && within(path, m.Point) {
			best = m
		}
	}
	return best
}

// within says whether path is dir or lies below it.
func within(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}
