package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Cluster is what all objects of a StorageCluster have in common.
type Cluster struct {
	// Namespace, Name and UID of the StorageCluster.
	Namespace, Name string
	UID             types.UID
	// FSID of the Ceph cluster.
	FSID string
	// Image of Ceph with the Secrets to pull it, and NodeImage that brings seamount-node.
	Image            string
	ImagePullSecrets []string
	NodeImage        string
	// Profile decides the settings of the daemons and their default resources.
	Profile v1alpha1.ResourceProfile
	// FailureDomain of pools that name none.
	FailureDomain v1alpha1.FailureDomain
	// Network of the daemons.
	Network Network
	// MgrModules that people enable, beyond those that are always on.
	MgrModules []string
}

// Network of the daemons.
type Network struct {
	// Host says that daemons use their node's own addresses.
	Host     bool
	IPFamily v1alpha1.IPFamily
	// Public and Cluster are the networks as CIDRs, with Host only; empty: the node's address.
	Public, Cluster []string
}

// MonPod is one mon.
type MonPod struct {
	handover.Mon
	// Hostname of the node: its label kubernetes.io/hostname.
	Hostname    string
	Tolerations []corev1.Toleration
	Resources   *corev1.ResourceRequirements // nil: after the profile
}

// MgrPod is one mgr.
type MgrPod struct {
	Name, Hostname string
	Tolerations    []corev1.Toleration
	Resources      *corev1.ResourceRequirements // nil: after the profile
}

// MDSPod is one metadata server.
type MDSPod struct {
	// Name in Ceph, and the filesystem that it serves.
	Name, Filesystem string
	Hostname         string
	Tolerations      []corev1.Toleration
	Resources        *corev1.ResourceRequirements // nil: after the profile
}

// OSDPod is one OSD.
type OSDPod struct {
	ID int32
	// Hostname of the node: its label kubernetes.io/hostname.
	Hostname string
	// Location in CRUSH, as ceph-osd takes it: "root=default host=n1".
	Location string
	// DeviceClass in CRUSH.
	DeviceClass string
	// NodeMemory in bytes, 0 where it is not known, and the number of the node's OSDs decide how much an OSD without a
	// memory limit may take.
	NodeMemory  int64
	NodeOSDs    int
	Tolerations []corev1.Toleration
	Resources   *corev1.ResourceRequirements // nil: after the profile
}
