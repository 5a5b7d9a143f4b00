// Package answer answers what people ask of their storage: is it well, what is planned, where is a volume, why is
// something not ready, and what is there for a person to do. It reads a Snapshot of plain objects of the API and returns
// plain structs, which are the same for a terminal and for a page, and whose JSON is stable. It asks nobody, reads no
// clock, decides nothing and changes nothing; it speaks in the words that conditions, verdicts and plans already have.
package answer

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Snapshot is what was read from the API server for one answer. A question needs only a part of it.
type Snapshot struct {
	Now time.Time

	Clusters    []v1alpha1.StorageCluster
	Disks       []v1alpha1.StorageDisk
	Pools       []v1alpha1.StoragePool
	Filesystems []v1alpha1.StorageFilesystem
	Operations  []v1alpha1.StorageOperation

	Nodes       []corev1.Node
	Claims      []corev1.PersistentVolumeClaim
	Volumes     []corev1.PersistentVolume
	Classes     []storagev1.StorageClass
	Attachments []storagev1.VolumeAttachment
	// Pods of workloads, and Daemons: those of Ceph and of Seamount itself.
	Pods    []corev1.Pod
	Daemons []corev1.Pod
	Events  []corev1.Event

	// Unread names the resources that could not be read, such as "pods": of those, nothing is said to be absent.
	Unread []string
}

// The resources that Unread may name.
const (
	ResourceNodes       = "nodes"
	ResourceDaemons     = "pods of Ceph and Seamount"
	ResourceEvents      = "events"
	ResourceAttachments = "volumeattachments"
)

func (s *Snapshot) unread(resource string) bool { return slices.Contains(s.Unread, resource) }

// find returns the object with a name, and for namespaced ones a namespace.
func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

func (s *Snapshot) cluster(namespace, name string) *v1alpha1.StorageCluster {
	return find(s.Clusters, func(c *v1alpha1.StorageCluster) bool { return c.Namespace == namespace && c.Name == name })
}

func (s *Snapshot) pool(namespace, name string) *v1alpha1.StoragePool {
	return find(s.Pools, func(p *v1alpha1.StoragePool) bool { return p.Namespace == namespace && p.Name == name })
}

func (s *Snapshot) filesystem(namespace, name string) *v1alpha1.StorageFilesystem {
	return find(s.Filesystems, func(f *v1alpha1.StorageFilesystem) bool { return f.Namespace == namespace && f.Name == name })
}

func (s *Snapshot) disk(name string) *v1alpha1.StorageDisk {
	return find(s.Disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == name })
}

func (s *Snapshot) node(name string) *corev1.Node {
	return find(s.Nodes, func(n *corev1.Node) bool { return n.Name == name })
}

func (s *Snapshot) claim(namespace, name string) *corev1.PersistentVolumeClaim {
	return find(s.Claims, func(c *corev1.PersistentVolumeClaim) bool { return c.Namespace == namespace && c.Name == name })
}

func (s *Snapshot) volume(name string) *corev1.PersistentVolume {
	return find(s.Volumes, func(v *corev1.PersistentVolume) bool { return v.Name == name })
}

func (s *Snapshot) class(name string) *storagev1.StorageClass {
	return find(s.Classes, func(c *storagev1.StorageClass) bool { return c.Name == name })
}

// disksOf returns the disks that a cluster holds.
func (s *Snapshot) disksOf(c *v1alpha1.StorageCluster) []*v1alpha1.StorageDisk {
	var disks []*v1alpha1.StorageDisk
	for i := range s.Disks {
		if claim := s.Disks[i].Status.Claim; claim != nil && claim.Namespace == c.Namespace && claim.Name == c.Name {
			disks = append(disks, &s.Disks[i])
		}
	}
	return disks
}

// operationsOf returns the operations of a cluster.
func (s *Snapshot) operationsOf(c *v1alpha1.StorageCluster) []*v1alpha1.StorageOperation {
	var operations []*v1alpha1.StorageOperation
	for i := range s.Operations {
		if o := &s.Operations[i]; o.Namespace == c.Namespace && o.Spec.ClusterRef.Name == c.Name {
			operations = append(operations, o)
		}
	}
	return operations
}

// daemon returns the pod of a daemon of a cluster, by the daemon's name in Ceph, such as mon.a.
func (s *Snapshot) daemon(namespace, cluster, daemon string) *corev1.Pod {
	label := v1alpha1.ClusterLabelValue(namespace, cluster)
	return find(s.Daemons, func(p *corev1.Pod) bool {
		return p.Labels[v1alpha1.LabelCluster] == label && p.Labels[manifest.LabelDaemon] == daemon
	})
}

// servers returns the pods of the metadata servers of a filesystem: they have its name, and a letter each.
func (s *Snapshot) servers(f *v1alpha1.StorageFilesystem) []*corev1.Pod {
	label := v1alpha1.ClusterLabelValue(f.Namespace, f.Spec.ClusterRef.Name)
	var pods []*corev1.Pod
	for i := range s.Daemons {
		p := &s.Daemons[i]
		server, is := strings.CutPrefix(p.Labels[manifest.LabelDaemon], serverPrefix)
		if is && v1alpha1.IsMDSOf(f.Name, server) && p.Labels[v1alpha1.LabelCluster] == label {
			pods = append(pods, p)
		}
	}
	return pods
}

// serverPrefix begins the names of metadata servers among those of daemons.
const serverPrefix = "mds."

// component returns the pods of a component of Seamount itself; node empty: on every node.
func (s *Snapshot) component(name, node string) []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range s.Daemons {
		p := &s.Daemons[i]
		if p.Labels["app.kubernetes.io/name"] == "seamount" && p.Labels[manifest.LabelComponent] == name &&
			(node == "" || p.Spec.NodeName == node) {
			pods = append(pods, p)
		}
	}
	return pods
}
