package app

import (
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// runPod runs the pod of a Deployment, if it does not run in this form yet.
func (w *world) runPod(deployment *appsv1.Deployment) {
	template := deployment.Annotations[plan.AnnotationTemplate]
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: deployment.Namespace, Name: deployment.Name + "-0", Labels: deployment.Spec.Template.Labels,
		Annotations: map[string]string{"template": template}, CreationTimestamp: metav1.NewTime(w.now),
	}}
	live := &corev1.Pod{}
	err := w.api.Get(w.Context(), client.ObjectKeyFromObject(pod), live)
	w.must(client.IgnoreNotFound(err))
	if err == nil && live.Annotations["template"] == template {
		return
	}
	if err == nil {
		w.must(w.api.Delete(w.Context(), live))
		w.stopDaemon(live)
	}
	if w.ceph == nil || !w.startDaemon(deployment) {
		return
	}
	w.must(w.api.Create(w.Context(), pod))
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "daemon", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(w.now)}},
	}}}
	w.must(w.api.Status().Update(w.Context(), pod))
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 1, UpdatedReplicas: 1}
	w.must(w.api.Status().Update(w.Context(), deployment))
}

// startDaemon says whether the daemon runs. An OSD that Ceph does not know yet is tried again.
func (w *world) startDaemon(deployment *appsv1.Deployment) bool {
	daemon, _ := observe.DaemonOf(deployment.Labels)
	switch daemon.Kind {
	case plan.DaemonMon:
		w.ceph.StartMon(daemon.Name)
	case plan.DaemonMgr:
		w.ceph.StartMgr(daemon.Name)
	case plan.DaemonMDS:
		w.ceph.StartMDS(daemon.Name)
	case plan.DaemonOSD:
		return w.startOSD(deployment, daemon.Name)
	}
	return true
}

func (w *world) startOSD(deployment *appsv1.Deployment, name string) bool {
	id, err := strconv.Atoi(name)
	w.must(err)
	secret := &corev1.Secret{}
	w.must(w.api.Get(w.Context(), client.ObjectKeyFromObject(deployment), secret))
	reservation, err := manifest.ReservationOf(secret)
	w.must(err)
	if !w.cut(reservation) {
		return false
	}
	w.prepare(reservation.Data.Disk+"/"+reservation.Data.Slice, reservation.UUID)
	err = w.ceph.StartOSD(id, sim.OSDDaemon{Host: reservation.Node, UUID: reservation.UUID, Key: reservation.Key})
	return err == nil
}

// cut says whether the slices of an OSD are on their disks.
func (w *world) cut(r handover.Reservation) bool {
	for _, device := range []*handover.Device{&r.Data, r.DB} {
		if device == nil || device.Slice == "" {
			continue
		}
		if at, found := w.slices[device.Slice]; !found || at.Offset != device.Offset || at.Size != device.Bytes || at.OSD != r.ID {
			return false
		}
	}
	return true
}

// agents do what they are asked for.
func (w *world) agents() {
	var disks v1alpha1.StorageDiskList
	w.must(w.api.List(w.Context(), &disks))
	for i := range disks.Items {
		disk := &disks.Items[i]
		request := disk.Status.Request
		if request == nil || w.silent == request.Node || disk.Status.Report != nil && disk.Status.Report.ID == request.ID {
			continue
		}
		if request.Action == v1alpha1.DiskActionErase {
			w.erase(disk)
			continue
		}
		for _, slice := range request.Slices {
			there, found := w.slices[slice.UUID]
			if there.Freed != "" {
				there.OSD = slice.OSD // another's by now
			}
			if there.Freed = slice.Freed; found && there != slice {
				w.Errorf("%s: %+v is asked to become %+v", disk.Name, there, slice)
			}
			w.slices[slice.UUID] = slice
		}
		disk.Status.Report = &v1alpha1.DiskReport{ID: request.ID, Node: request.Node, Result: v1alpha1.DiskReportDone}
		w.must(w.api.Status().Update(w.Context(), disk))
	}
}

// erase is what the agent and discover make of a disk that is to be erased.
func (w *world) erase(disk *v1alpha1.StorageDisk) {
	request := disk.Status.Request
	if request.Seal != deref(disk.Status.Verdict).Seal {
		w.Errorf("%s: asked to erase what was sealed %s, and it is %s", disk.Name, request.Seal, disk.Status.Verdict.Seal)
	}
	w.erased[disk.Name]++
	w.unheld(disk.Name)
	for label := range w.prepared {
		if strings.HasPrefix(label, disk.Name+"/") {
			if _, uuid, _ := strings.Cut(label, " "); !slices.Contains(deref(request.Erase).OSDs, uuid) || request.Erase.FSID != w.fsid {
				w.Errorf("%s holds %s, and is asked to be erased for %+v", disk.Name, label, request.Erase)
			}
			delete(w.prepared, label)
		}
	}
	for _, slice := range request.Slices {
		delete(w.slices, slice.UUID)
	}
	disk.Status.Report = &v1alpha1.DiskReport{ID: request.ID, Node: request.Node, Result: v1alpha1.DiskReportDone, ErasedBytes: 4096}
	disk.Status.Content = &v1alpha1.DiskContent{Kind: v1alpha1.ContentEmpty}
	disk.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "sha256:erased"}
	w.must(w.api.Status().Update(w.Context(), disk))
}

// unheld holds an erasure to that no OSD runs that has something on the disk.
func (w *world) unheld(disk string) {
	var pods corev1.PodList
	w.must(w.api.List(w.Context(), &pods, client.MatchingLabels{manifest.LabelComponent: manifest.ComponentOSD}))
	for i := range pods.Items {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: namespace, Name: strings.TrimSuffix(pods.Items[i].Name, "-0")}
		if err := w.api.Get(w.Context(), key, secret); err != nil {
			continue
		}
		r, err := manifest.ReservationOf(secret)
		w.must(err)
		if r.Data.Disk == disk || r.DB != nil && r.DB.Disk == disk {
			w.Errorf("%s is erased while %s runs", disk, pods.Items[i].Name)
		}
	}
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// prepare is the one mkfs that a disk, or a slice of one, ever sees.
func (w *world) prepare(disk, uuid string) {
	for label := range w.prepared {
		if label != disk+" "+uuid && len(label) > len(disk) && label[:len(disk)] == disk {
			w.Errorf("disk %s was prepared as %s, and is to be %s", disk, label, uuid)
		}
	}
	w.prepared[disk+" "+uuid]++
}

func (w *world) stopPods(wanted map[string]bool) {
	var pods corev1.PodList
	w.must(w.api.List(w.Context(), &pods))
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Labels[manifest.LabelComponent] != manifest.ComponentRecovery && !wanted[pod.Name[:len(pod.Name)-len("-0")]] {
			w.must(w.api.Delete(w.Context(), pod))
			w.stopDaemon(pod)
		}
	}
}

func (w *world) stopDaemon(pod *corev1.Pod) {
	daemon, ok := observe.DaemonOf(pod.Labels)
	if !ok || w.ceph == nil {
		return
	}
	switch daemon.Kind {
	case plan.DaemonMon:
		w.ceph.StopMon(daemon.Name)
	case plan.DaemonMgr:
		w.ceph.StopMgr(daemon.Name)
	case plan.DaemonMDS:
		w.ceph.StopMDS(daemon.Name)
	case plan.DaemonOSD:
		id, err := strconv.Atoi(daemon.Name)
		w.must(err)
		w.ceph.StopOSD(id)
	}
}

// names of all objects of a kind, sorted.
func (w *world) names(list client.ObjectList) []string {
	w.must(w.api.List(w.Context(), list, client.InNamespace(namespace)))
	var names []string
	w.must(eachName(list, func(name string) { names = append(names, name) }))
	slices.Sort(names)
	return names
}
