package keys

import (
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// Names of the users that every cluster has.
const (
	NameMon   = "mon."
	NameAdmin = "client.admin"
)

// all is the capability to do everything to a service.
const all = "allow *"

// Mon is the user that all mons share.
func Mon(key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: NameMon, Key: key, Caps: ceph.Caps{"mon": all}}
}

// Admin is the user that may do everything. Only the operator has its key.
func Admin(key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: NameAdmin, Key: key, Caps: ceph.Caps{"mon": all, "mgr": all, "osd": all, "mds": all}}
}

// Mgr is the user of a mgr.
func Mgr(name string, key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: "mgr." + name, Key: key, Caps: ceph.Caps{"mon": "allow profile mgr", "osd": all, "mds": all}}
}

// MDS is the user of a metadata server. It may use the pools of every filesystem: when nobody else is left, or its own
// filesystem is gone, Ceph lets it serve another one, and a rank whose server cannot read the pools counts as damaged.
func MDS(name string, key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: "mds." + name, Key: key, Caps: ceph.Caps{
		"mon": "allow profile mds", "mgr": "allow profile mds", "osd": "allow rw tag cephfs *=*", "mds": "allow",
	}}
}

// OSD is the user of an OSD.
func OSD(id int32, key ceph.Secret) ceph.Entity {
	return ceph.Entity{Name: "osd." + strconv.Itoa(int(id)), Key: key,
		Caps: ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": all}}
}

// Users of volumes.
const (
	// NameCSI is the user of the CSI controller.
	NameCSI = "client.seamount-csi"

	nodePrefix = "client.seamount-node-"
)

// NameNode is the user of a node.
func NameNode(node string) string { return nodePrefix + node }

// IsNode says that a user is one of a node.
func IsNode(name string) bool { return strings.HasPrefix(name, nodePrefix) }

// ofOurs lets a user read and write images in the pools of StoragePools, and read who clones and mirrors them. Other pools
// are out of reach: that of the mgrs, and those that somebody made by hand.
const ofOurs = "allow class-read object_prefix rbd_children, allow class-read object_prefix rbd_mirroring, " +
	"allow rwx tag rbd seamount.owner=*"

// snapshots lets a user take and remove snapshots of images. The mons see who may write to a pool, but not by a tag, so that
// the right to write does not imply it (is_unmanaged_snap_op_permitted in OSDMonitor.cc).
const snapshots = `allow command "osd pool op unmanaged-snap"`

// CSICaps are what the CSI controller may do. Subvolumes are made by the module volumes of the mgr, on its behalf: the data
// in them is out of its reach. The mons tell which filesystems there are.
func CSICaps() ceph.Caps {
	return ceph.Caps{
		"mon": "profile rbd, " + mdsMaps + ", " + snapshots, "mgr": "profile rbd, allow module volumes rw", "osd": ofOurs,
	}
}

// mdsMaps lets a user read which filesystems and metadata servers there are.
const mdsMaps = "allow service mds r"

// oneClient is an address of a single client: the nonce 0 would stand for a whole host.
const oneClient = "^[^/]+/[1-9][0-9]*$"

// NodeCaps are what a node may do. With the mons that is what the profile rbd has, but for the blocklist: a worker puts the
// one that it follows there, and never a whole host. Snapshots of an image in use are taken by whoever holds its lock, on
// behalf of the controller.
//
// Of filesystems a node reaches the groups of subvolumes that volumes are in, and the data behind them. It may not set quotas
// and layouts (p), nor make snapshots (s): those are the controller's.
func NodeCaps(files ...Files) ceph.Caps {
	caps := ceph.Caps{
		"mon": "allow service mon r, allow service osd r, allow service pg r, " + snapshots + ", " +
			`allow command "osd blocklist" with blocklistop=add addr regex "` + oneClient + `"`,
		"osd": ofOurs,
	}
	var paths []string
	for _, fs := range files {
		caps["osd"] += ", allow rw tag cephfs data=" + fs.Filesystem
		for _, group := range fs.Groups {
			paths = append(paths, "allow rw fsname="+fs.Filesystem+" path="+groupsDir+group)
		}
	}
	if len(paths) > 0 {
		caps["mon"] += ", " + mdsMaps
		caps["mds"] = strings.Join(paths, ", ")
	}
	return caps
}

// Files are the groups of subvolumes of a filesystem. Their names are those of StorageClasses, and need no quotes in a
// capability.
type Files struct {
	Filesystem string
	Groups     []string
}

// groupsDir is where the module volumes of the mgr makes groups.
const groupsDir = "/volumes/"

// FilesOf reads which groups capabilities such as those of NodeCaps reach, in the order of the capabilities.
func FilesOf(caps ceph.Caps) []Files {
	var files []Files
	for _, clause := range strings.Split(caps["mds"], ",") {
		words := strings.Fields(clause)
		if len(words) != 4 || words[0] != "allow" || words[1] != "rw" {
			continue
		}
		filesystem, named := strings.CutPrefix(words[2], "fsname=")
		group, inGroups := strings.CutPrefix(words[3], "path="+groupsDir)
		if !named || !inGroups || group == "" || strings.Contains(group, "/") {
			continue
		}
		at := slices.IndexFunc(files, func(f Files) bool { return f.Filesystem == filesystem })
		if at < 0 {
			files, at = append(files, Files{Filesystem: filesystem}), len(files)
		}
		files[at].Groups = append(files[at].Groups, group)
	}
	return files
}

// fenceMark is the capability that a fenced user has: to call a command of the mons that does not exist. It allows
// nothing, and says why.
const fenceMark = "seamount fenced"

// FencedCaps allow nothing. boot is the boot id of the node that was fenced.
func FencedCaps(boot string) ceph.Caps {
	return ceph.Caps{"mon": `allow command "` + fenceMark + `" with boot="` + boot + `"`}
}

// FencedBoot says whether a user was fenced, and which boot of its node. A user without any capability counts: whoever
// took them meant it.
func FencedBoot(caps ceph.Caps) (boot string, fenced bool) {
	if len(caps) == 0 {
		return "", true
	}
	text, marked := strings.CutPrefix(caps["mon"], `allow command "`+fenceMark+`" with boot=`)
	return strings.Trim(text, `"`), marked && len(caps) == 1
}
