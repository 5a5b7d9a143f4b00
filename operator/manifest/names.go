package manifest

import (
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Labels, annotations and finalizers of the objects.
const (
	// LabelDaemon names the daemon that an object belongs to, as Ceph does: mon.a, mgr.a, osd.0.
	LabelDaemon = "seamount.dev/daemon"
	// LabelComponent says what an object is for: one of the Component constants.
	LabelComponent = "app.kubernetes.io/component"
	// AnnotationNode and AnnotationLocation of a reservation say where the disk is, and where that is in CRUSH. Both
	// change when somebody puts the disk into another node.
	AnnotationNode     = "seamount.dev/node"
	AnnotationLocation = "seamount.dev/crush-location"
	// FinalizerIdentity keeps the keys of a cluster, and what is reserved for its OSDs.
	FinalizerIdentity = "seamount.dev/identity"
)

// Values of LabelComponent.
const (
	ComponentMon         = "mon"
	ComponentMgr         = "mgr"
	ComponentOSD         = "osd"
	ComponentMDS         = "mds"
	ComponentIdentity    = "identity"
	ComponentSeed        = "seed"
	ComponentReservation = "reservation"
	ComponentConfig      = "config"
	ComponentCSI         = "csi"
)

// prefix of the names of all objects of a StorageCluster.
func prefix(cluster string) string { return "ceph-" + cluster }

// IdentityName is the name of the Secret with a cluster's identity.
func IdentityName(cluster string) string { return prefix(cluster) + "-identity" }

// SeedName is the name of the Secret with the keyring of the first mons.
func SeedName(cluster string) string { return prefix(cluster) + "-seed" }

// MonsName is the name of the ConfigMap that records the mons.
func MonsName(cluster string) string { return prefix(cluster) + "-mons" }

// ConfigName is the name of the ConfigMap with ceph.conf.
func ConfigName(cluster string) string { return prefix(cluster) + "-config" }

// MonName is the name of a mon's Deployment and Service.
func MonName(cluster, mon string) string { return prefix(cluster) + "-mon-" + mon }

// MgrName is the name of a mgr's Deployment and Secret.
func MgrName(cluster, mgr string) string { return prefix(cluster) + "-mgr-" + mgr }

// MgrServiceName is the name of the Service with the metrics of the mgrs.
func MgrServiceName(cluster string) string { return prefix(cluster) + "-mgr" }

// OSDName is the name of an OSD's Deployment and of the Secret with its reservation.
func OSDName(cluster string, id int32) string {
	return prefix(cluster) + "-osd-" + strconv.Itoa(int(id))
}

// MDSName is the name of an MDS's Deployment and Secret.
func MDSName(cluster, mds string) string { return prefix(cluster) + "-mds-" + mds }

// MonDaemon is the name of a mon in Ceph, and as the others below a value of LabelDaemon.
func MonDaemon(name string) string { return "mon." + name }

// MgrDaemon is the name of a mgr in Ceph.
func MgrDaemon(name string) string { return "mgr." + name }

// MDSDaemon is the name of an MDS in Ceph.
func MDSDaemon(name string) string { return "mds." + name }

// OSDDaemon is the name of an OSD in Ceph.
func OSDDaemon(id int32) string { return "osd." + strconv.Itoa(int(id)) }

// labels of an object; daemon is empty for one that belongs to no single daemon.
func (c Cluster) labels(component, daemon string) map[string]string {
	labels := map[string]string{
		v1alpha1.LabelCluster:          v1alpha1.ClusterLabelValue(c.Namespace, c.Name),
		"app.kubernetes.io/name":       "ceph",
		"app.kubernetes.io/managed-by": "seamount",
		LabelComponent:                 component,
	}
	if daemon != "" {
		labels["app.kubernetes.io/instance"] = daemon
		labels[LabelDaemon] = daemon
	}
	return labels
}

// selector of the pods of one component, or of one daemon.
func (c Cluster) selector(component, daemon string) map[string]string {
	selector := map[string]string{
		v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(c.Namespace, c.Name),
		LabelComponent:        component,
	}
	if daemon != "" {
		selector[LabelDaemon] = daemon
	}
	return selector
}

// lasting is the metadata of an object that stays when the StorageCluster is deleted: with it the same cluster can be
// brought back.
func (c Cluster) lasting(name, component, daemon string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: c.Namespace, Name: name, Labels: c.labels(component, daemon)}
}

// owned is the metadata of an object that goes when the StorageCluster is deleted.
func (c Cluster) owned(name, component, daemon string) metav1.ObjectMeta {
	meta := c.lasting(name, component, daemon)
	meta.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.KindStorageCluster, Name: c.Name, UID: c.UID,
		Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
	}}
	return meta
}
