package handover

import "path"

// HostDir is where Seamount keeps what must last on a node.
const HostDir = "/var/lib/seamount"

// MonHostDir is the directory of a node that holds the store of a mon. It lies below the cluster's fsid, so that it is
// never taken for that of another cluster.
func MonHostDir(fsid, mon string) string { return path.Join(HostDir, fsid, "mon-"+mon) }
