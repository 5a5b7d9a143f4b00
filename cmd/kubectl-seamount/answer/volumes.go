package answer

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/handle"
)

// Volumes answers: which claim is which image or subvolume of Ceph, in which pods and on which nodes.
type Volumes struct {
	Volumes []Volume `json:"volumes"`
}

// Volume is a claim, or a volume whose claim is gone.
type Volume struct {
	Namespace    string   `json:"namespace,omitempty"`
	Claim        string   `json:"claim,omitempty"`
	Phase        string   `json:"phase"`
	Volume       string   `json:"volume,omitempty"`
	StorageClass string   `json:"storageClass,omitempty"`
	Capacity     string   `json:"capacity,omitempty"`
	AccessModes  []string `json:"accessModes,omitempty"`
	// Cluster is the StorageCluster, as namespace/name. Empty: there is no volume yet.
	Cluster string `json:"cluster,omitempty"`
	// Pool and Image are Ceph's, of a block volume.
	Pool  string `json:"pool,omitempty"`
	Image string `json:"image,omitempty"`
	// Filesystem, Group and Subvolume are Ceph's, of a file volume.
	Filesystem string `json:"filesystem,omitempty"`
	Group      string `json:"group,omitempty"`
	Subvolume  string `json:"subvolume,omitempty"`
	// Pods that use the claim.
	Pods []VolumePod `json:"pods,omitempty"`
	// Nodes that it is attached to, or asked to be.
	Nodes []VolumeNode `json:"nodes,omitempty"`
}

// VolumePod is a pod that uses a volume.
type VolumePod struct {
	Name  string `json:"name"`
	Node  string `json:"node,omitempty"`
	Phase string `json:"phase"`
}

// VolumeNode is a node that has a volume.
type VolumeNode struct {
	Name     string `json:"name"`
	Attached bool   `json:"attached"`
	// Message says why it is not attached, in the words of the driver.
	Message string `json:"message,omitempty"`
}

// ListVolumes answers for the claims of the snapshot that are Seamount's; with orphans, also for volumes without a claim.
func ListVolumes(s *Snapshot, orphans bool) Volumes {
	answer := Volumes{Volumes: []Volume{}}
	for i := range s.Claims {
		if c := &s.Claims[i]; isOurs(s, c) {
			answer.Volumes = append(answer.Volumes, describeClaim(s, c))
		}
	}
	for i := range s.Volumes {
		if v := &s.Volumes[i]; orphans && ourVolume(v) && !claimed(s, v) {
			answer.Volumes = append(answer.Volumes, describeOrphan(s, v))
		}
	}
	slices.SortFunc(answer.Volumes, func(a, b Volume) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim), cmp.Compare(a.Volume, b.Volume))
	})
	return answer
}

func ourVolume(v *corev1.PersistentVolume) bool {
	return v.Spec.CSI != nil && ourDriver(v.Spec.CSI.Driver)
}

// ourDriver tells the drivers of block and of file volumes from those of others.
func ourDriver(name string) bool {
	return name == v1alpha1.ProvisionerRBD || name == v1alpha1.ProvisionerCephFS
}

// isOurs says that a claim's volume is Seamount's, or will be.
func isOurs(s *Snapshot, c *corev1.PersistentVolumeClaim) bool {
	if v := s.volume(c.Spec.VolumeName); v != nil {
		return ourVolume(v)
	}
	class := s.class(deref(c.Spec.StorageClassName))
	return class != nil && ourDriver(class.Provisioner)
}

func claimed(s *Snapshot, v *corev1.PersistentVolume) bool {
	ref := v.Spec.ClaimRef
	return ref != nil && find(s.Claims, func(c *corev1.PersistentVolumeClaim) bool {
		return c.Namespace == ref.Namespace && c.Name == ref.Name && c.Spec.VolumeName == v.Name
	}) != nil
}

func describeClaim(s *Snapshot, c *corev1.PersistentVolumeClaim) Volume {
	capacity, known := c.Status.Capacity[corev1.ResourceStorage]
	if !known {
		capacity = c.Spec.Resources.Requests[corev1.ResourceStorage]
	}
	answer := Volume{
		Namespace: c.Namespace, Claim: c.Name, Phase: string(c.Status.Phase), Volume: c.Spec.VolumeName,
		StorageClass: deref(c.Spec.StorageClassName), Capacity: capacity.String(), AccessModes: enums(c.Spec.AccessModes),
		Pods: podsOf(s, c),
	}
	if v := s.volume(c.Spec.VolumeName); v != nil {
		answer.locate(s, v)
	}
	return answer
}

func describeOrphan(s *Snapshot, v *corev1.PersistentVolume) Volume {
	capacity := v.Spec.Capacity[corev1.ResourceStorage]
	answer := Volume{
		Phase: string(v.Status.Phase), Volume: v.Name, StorageClass: v.Spec.StorageClassName, Capacity: capacity.String(),
		AccessModes: enums(v.Spec.AccessModes),
	}
	answer.locate(s, v)
	return answer
}

// locate says which image or subvolume a volume is, and which nodes have it.
func (a *Volume) locate(s *Snapshot, v *corev1.PersistentVolume) {
	if h, err := handle.Parse(v.Spec.CSI.VolumeHandle); err == nil {
		a.Cluster, a.Pool, a.Image = h.Namespace+"/"+h.Cluster, h.Pool, h.Image
		a.Filesystem, a.Group, a.Subvolume = h.Filesystem, h.Group, h.Subvolume
	}
	for i := range s.Attachments {
		if at := &s.Attachments[i]; deref(at.Spec.Source.PersistentVolumeName) == v.Name {
			a.Nodes = append(a.Nodes, VolumeNode{at.Spec.NodeName, at.Status.Attached, attachError(at)})
		}
	}
	slices.SortFunc(a.Nodes, func(x, y VolumeNode) int { return cmp.Compare(x.Name, y.Name) })
}

func attachError(a *storagev1.VolumeAttachment) string {
	if a.Status.DetachError != nil {
		return a.Status.DetachError.Message
	}
	return deref(a.Status.AttachError).Message
}

func podsOf(s *Snapshot, c *corev1.PersistentVolumeClaim) []VolumePod {
	var pods []VolumePod
	for i := range s.Pods {
		p := &s.Pods[i]
		if p.Namespace == c.Namespace && slices.Contains(claimsOf(p), c.Name) {
			pods = append(pods, VolumePod{p.Name, p.Spec.NodeName, string(p.Status.Phase)})
		}
	}
	slices.SortFunc(pods, func(a, b VolumePod) int { return cmp.Compare(a.Name, b.Name) })
	return pods
}

// claimsOf returns the names of the claims that a pod uses, those of its ephemeral volumes included.
func claimsOf(p *corev1.Pod) []string {
	var names []string
	for _, v := range p.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		case v.Ephemeral != nil:
			names = append(names, p.Name+"-"+v.Name)
		}
	}
	return names
}
