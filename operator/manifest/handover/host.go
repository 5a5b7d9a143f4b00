package handover

import "path"

// HostDir is where Seamount keeps what must last on a node.
const HostDir = "/var/lib/seamount"

// ClusterHostDir is the directory of a node that holds all that a cluster keeps there.
func ClusterHostDir(fsid string) string { return path.Join(HostDir, fsid) }

// MonHostDir is the directory of a node that holds the store of a mon. It lies below the cluster's fsid, so that it is
// never taken for that of another cluster.
func MonHostDir(fsid, mon string) string { return path.Join(ClusterHostDir(fsid), "mon-"+mon) }
