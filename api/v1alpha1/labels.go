package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Labels.
const (
	// LabelNode names the node that a StorageDisk is in: NodeLabelValue.
	LabelNode = "seamount.dev/node"
	// LabelMedia is the Media of a StorageDisk.
	LabelMedia = "seamount.dev/media"
	// LabelCluster names the StorageCluster that an object belongs to: ClusterLabelValue.
	LabelCluster = "seamount.dev/cluster"
	// LabelFilesystem names the StorageFilesystem that a metadata server belongs to: FilesystemLabelValue.
	LabelFilesystem = "seamount.dev/filesystem"
	// LabelOSDPrefix begins the labels that find the disks of an OSD: OSDLabel.
	LabelOSDPrefix = "osd.seamount.dev/"
	// LabelGuard with the value GuardData keeps a namespace from being deleted while it holds the keys of a cluster.
	LabelGuard = "seamount.dev/guard"
	// GuardData is the value of LabelGuard.
	GuardData = "data"
	// LabelWhatIf marks a StorageOperation that only asks what it would do: it is held, nobody approves it, and whoever asked
	// deletes it again. The value tells one question from the next.
	LabelWhatIf = "seamount.dev/what-if"
	// LabelMadeFor says why the operator made a StorageOperation by itself; without it a person did, or the deletion of a cluster.
	LabelMadeFor = "seamount.dev/made-for"
	// MadeForFailedDisk is the value of LabelMadeFor for a Replace of a disk that failed.
	MadeForFailedDisk = "failed-disk"
	// LabelTopologyPrefix begins the node labels for the levels of the topology between host and zone, such as
	// topology.seamount.dev/rack. Zone and region are Kubernetes' own labels.
	LabelTopologyPrefix = "topology.seamount.dev/"
)

// The values of the label OSDLabel.
const (
	// OSDLabelData says that the disk holds the OSD's data.
	OSDLabelData = "data"
	// OSDLabelDB says that the disk holds the OSD's DB.
	OSDLabelDB = "db"
)

// AnnotationAllowDelete with the value "true" lets a CustomResourceDefinition of this group be deleted, and with it
// every object of the kind.
const AnnotationAllowDelete = "seamount.dev/allow-delete"

// FinalizerOSD keeps a StorageDisk while an OSD needs it, so that a dead disk can still be named.
const FinalizerOSD = "seamount.dev/osd"

// VerbApprove is the RBAC verb on storageoperations that lets somebody approve them.
const VerbApprove = "approve"

// The longest label value and field owner that Kubernetes takes, in characters.
const (
	maxLabelValue = 63
	maxFieldOwner = 128
)

// maxMDSPrefix leaves room for "mds." before, and a dash and two letters behind, in the value of a label.
const maxMDSPrefix = maxLabelValue - len("mds.") - len("-za")

// NodeLabelValue returns the value of LabelNode for a node. A name that is too long for a label is cut and ends in a
// hash of the whole.
func NodeLabelValue(node string) string {
	return shorten(node, maxLabelValue)
}

// ClusterLabelValue returns the value of LabelCluster for a StorageCluster: namespace.name. One that is too long for
// a label is cut and ends in a hash of the whole.
func ClusterLabelValue(namespace, name string) string {
	return shorten(namespace+"."+name, maxLabelValue)
}

// FilesystemLabelValue returns the value of LabelFilesystem for a StorageFilesystem. A name that is too long for a label is
// cut and ends in a hash of the whole.
func FilesystemLabelValue(name string) string {
	return shorten(name, maxLabelValue)
}

// MDSPrefix returns what the names of the metadata servers of a StorageFilesystem begin with: its own name. One that begins
// with a digit, which Ceph does not take, gets letters before it, and one that is too long is cut and ends in a hash of the
// whole.
func MDSPrefix(filesystem string) string {
	if filesystem != "" && filesystem[0] >= '0' && filesystem[0] <= '9' {
		filesystem = "fs" + filesystem
	}
	return shorten(filesystem, maxMDSPrefix)
}

// IsMDSOf says whether a metadata server has a name of a StorageFilesystem: the prefix, and letters.
func IsMDSOf(filesystem, server string) bool {
	letters, own := strings.CutPrefix(server, MDSPrefix(filesystem)+"-")
	return own && !strings.Contains(letters, "-")
}

// OSDLabel returns the key of the label that finds the disks of an OSD.
func OSDLabel(id int32) string {
	return LabelOSDPrefix + strconv.Itoa(int(id))
}

// shorten cuts s to at most limit characters. Two strings that differ stay different: a cut one ends in a hash.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	tail := "-" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(s[:limit-len(tail)], "-._/") + tail
}
