package answer

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/handle"
)

func stateOf(well bool) State {
	if well {
		return Well
	}
	return Waiting
}

// pod links a pod, and the volumes it uses.
func (w *walker) pod(depth int, p *corev1.Pod) {
	o := Object{KindPod, p.Namespace, p.Name}
	if !w.first(depth, o) {
		return
	}
	well, reason, message := podState(p)
	ours := 0
	at := len(w.why.Links)
	w.link(depth, o, stateOf(well), reason, joinWords(", ", onNode(p.Spec.NodeName), message))
	if !well {
		w.events(depth+1, o)
	}
	for _, name := range claimsOf(p) {
		if c := w.s.claim(p.Namespace, name); c == nil {
			w.missing(depth+1, Object{KindClaim, p.Namespace, name}, "create the PersistentVolumeClaim "+name)
		} else if c.Spec.VolumeName == "" || isOurs(w.s, c) {
			ours++
			w.claim(depth+1, c)
		}
	}
	if ours == 0 && depth == 0 && p.Labels[v1alpha1.LabelCluster] == "" {
		w.why.Links[at].Message = joinWords("; ", w.why.Links[at].Message, "it uses no volume of Seamount")
	}
	if !well {
		w.nodeServices(depth+1, p.Spec.NodeName)
	}
}

func onNode(node string) string {
	if node == "" {
		return "on no node yet"
	}
	return "on node " + node
}

// nodeServices links a node that is not ready, and Seamount's pods on it that are not.
func (w *walker) nodeServices(depth int, name string) {
	if name == "" {
		return
	}
	if n := w.s.node(name); n != nil && !nodeReady(n) {
		w.node(depth, n)
		return
	}
	for _, component := range []string{"csi-node", "agent"} {
		pods := w.s.component(component, name)
		if len(pods) == 0 && !w.s.unread(ResourceDaemons) && len(w.s.Daemons) > 0 {
			w.link(depth, Object{KindNode, "", name}, Waiting, reasonNotRunning, fmt.Sprintf("no pod of seamount-%s runs on it", component))
			w.todo(fmt.Sprintf("kubectl get daemonsets -A -l app.kubernetes.io/name=seamount # why seamount-%s leaves node %s out", component, name))
		}
		w.unready(depth, pods)
	}
}

// unready links those of Seamount's own pods that are not ready.
func (w *walker) unready(depth int, pods []*corev1.Pod) {
	for _, p := range pods {
		if well, _, _ := podState(p); !well {
			w.pod(depth, p)
			w.todo(fmt.Sprintf("kubectl -n %s describe pod %s", p.Namespace, p.Name))
		}
	}
}

// claim links a claim, its volume, and the pool that this lies in.
func (w *walker) claim(depth int, c *corev1.PersistentVolumeClaim) {
	o := Object{KindClaim, c.Namespace, c.Name}
	if !w.first(depth, o) {
		return
	}
	if c.Status.Phase == corev1.ClaimBound {
		w.link(depth, o, Well, string(c.Status.Phase), "to "+c.Spec.VolumeName)
		w.persistentVolume(depth+1, c.Spec.VolumeName)
		return
	}
	w.link(depth, o, Waiting, string(c.Status.Phase), "it has no volume yet")
	w.events(depth+1, o)
	w.storageClass(depth+1, deref(c.Spec.StorageClassName))
}

func (w *walker) storageClass(depth int, name string) {
	o := Object{KindClass, "", name}
	class := w.s.class(name)
	switch {
	case name == "":
		w.link(depth, Object{KindClass, "", "(none)"}, Waiting, reasonNotFound, "the claim names no StorageClass, and there is no default")
		w.todo("name a StorageClass in the claim: kubectl get storageclasses")
	case class == nil:
		w.missing(depth, o, "kubectl get storageclasses # and name one that exists, or one of a StoragePool's spec.storageClasses")
	case class.Provisioner == v1alpha1.ProvisionerCephFS:
		w.link(depth, o, Well, "", "of filesystem "+filesystemOfClass(class))
		w.unready(depth+1, w.s.component("csi-controller", ""))
		namespace, name, _ := strings.Cut(filesystemOfClass(class), "/")
		w.filesystemNamed(depth+1, namespace, name)
	case class.Provisioner != v1alpha1.ProvisionerRBD:
		w.link(depth, o, Unknown, "OtherProvisioner", class.Provisioner+" makes its volumes, not Seamount")
	default:
		w.link(depth, o, Well, "", "of pool "+poolOfClass(class))
		w.unready(depth+1, w.s.component("csi-controller", ""))
		namespace, pool, _ := strings.Cut(poolOfClass(class), "/")
		w.poolNamed(depth+1, namespace, pool)
	}
}

// poolOfClass returns the pool of a StorageClass, as namespace/name.
func poolOfClass(c *storagev1.StorageClass) string {
	return orElse(c.Annotations[v1alpha1.AnnotationPool],
		c.Parameters[v1alpha1.ParameterClusterNamespace]+"/"+c.Parameters[v1alpha1.ParameterPool])
}

// filesystemOfClass returns the filesystem of a StorageClass, as namespace/name.
func filesystemOfClass(c *storagev1.StorageClass) string {
	return orElse(c.Annotations[v1alpha1.AnnotationFilesystem],
		c.Parameters[v1alpha1.ParameterClusterNamespace]+"/"+c.Parameters[v1alpha1.ParameterFilesystem])
}

func (w *walker) filesystemNamed(depth int, namespace, name string) {
	if f := w.s.filesystem(namespace, name); f != nil {
		w.filesystem(depth, f)
		return
	}
	w.missing(depth, Object{v1alpha1.KindStorageFilesystem, namespace, name},
		"create the StorageFilesystem "+name+" again; its data is where it was only if its filesystem of Ceph still exists")
}

func (w *walker) poolNamed(depth int, namespace, name string) {
	if p := w.s.pool(namespace, name); p != nil {
		w.pool(depth, p)
		return
	}
	w.missing(depth, Object{v1alpha1.KindStoragePool, namespace, name}, "create the StoragePool "+name+" again; its data is where it was only if its pool of Ceph still exists")
}

func (w *walker) persistentVolume(depth int, name string) {
	o := Object{KindVolume, "", name}
	v := w.s.volume(name)
	switch {
	case v == nil:
		w.missing(depth, o, "")
		return
	case !ourVolume(v):
		w.link(depth, o, Unknown, "OtherDriver", "it is not Seamount's")
		return
	}
	h, err := handle.Parse(v.Spec.CSI.VolumeHandle)
	if err != nil {
		w.link(depth, o, Waiting, "NoSuchVolume", err.Error())
		return
	}
	if h.File() {
		w.link(depth, o, Well, string(v.Status.Phase), fmt.Sprintf("subvolume %s of group %s of filesystem %s", h.Subvolume, h.Group, h.Filesystem))
		w.attachments(depth+1, name)
		w.filesystemNamed(depth+1, h.Namespace, h.Filesystem)
		return
	}
	w.link(depth, o, Well, string(v.Status.Phase), fmt.Sprintf("image %s of pool %s", h.Image, h.Pool))
	w.attachments(depth+1, name)
	w.poolNamed(depth+1, h.Namespace, h.Pool)
}

func (w *walker) attachments(depth int, volume string) {
	for i := range w.s.Attachments {
		a := &w.s.Attachments[i]
		if deref(a.Spec.Source.PersistentVolumeName) != volume {
			continue
		}
		o := Object{KindAttachment, "", a.Name}
		switch trouble := attachError(a); {
		case trouble != "":
			w.link(depth, o, Waiting, "NotAttached", fmt.Sprintf("node %s: %s", a.Spec.NodeName, trouble))
		case !a.Status.Attached:
			w.link(depth, o, Waiting, "Attaching", "to node "+a.Spec.NodeName)
			w.unready(depth+1, w.s.component("csi-controller", ""))
		default:
			w.link(depth, o, Well, "Attached", "to node "+a.Spec.NodeName)
		}
	}
}

// events links the last warning of each kind about an object: what the drivers and kubelet said of it.
func (w *walker) events(depth int, o Object) {
	last := map[string]*corev1.Event{}
	var order []string
	for i := range w.s.Events {
		e := &w.s.Events[i]
		about := Object{e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name}
		if e.Type != corev1.EventTypeWarning || about != o {
			continue
		}
		before := last[e.Reason]
		if before == nil {
			order = append(order, e.Reason)
		}
		if before == nil || eventTime(before) < eventTime(e) {
			last[e.Reason] = e
		}
	}
	for _, reason := range order {
		e := last[reason]
		w.link(depth, Object{kindEvent, e.Namespace, e.Name}, Waiting, e.Reason, e.Message)
	}
}

// eventTime is when an event happened last; the two APIs of events have different fields for it.
func eventTime(e *corev1.Event) int64 {
	at := max(e.LastTimestamp.UnixNano(), e.EventTime.UnixNano(), e.CreationTimestamp.UnixNano())
	if e.Series != nil {
		at = max(at, e.Series.LastObservedTime.UnixNano())
	}
	return at
}
