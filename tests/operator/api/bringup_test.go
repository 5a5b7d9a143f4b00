//go:build e2e

package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// everything is what a cluster of three nodes with two disks each consists of.
var everything = []string{
	"ConfigMap ceph-main-config", "ConfigMap ceph-main-mons",
	"Deployment ceph-main-mgr-a", "Deployment ceph-main-mgr-b",
	"Deployment ceph-main-mon-a", "Deployment ceph-main-mon-b", "Deployment ceph-main-mon-c",
	"Deployment ceph-main-osd-0", "Deployment ceph-main-osd-1", "Deployment ceph-main-osd-2",
	"Deployment ceph-main-osd-3", "Deployment ceph-main-osd-4", "Deployment ceph-main-osd-5",
	"Pod ceph-main-mgr-a-0", "Pod ceph-main-mgr-b-0",
	"Pod ceph-main-mon-a-0", "Pod ceph-main-mon-b-0", "Pod ceph-main-mon-c-0",
	"Pod ceph-main-osd-0-0", "Pod ceph-main-osd-1-0", "Pod ceph-main-osd-2-0",
	"Pod ceph-main-osd-3-0", "Pod ceph-main-osd-4-0", "Pod ceph-main-osd-5-0",
	"PodDisruptionBudget ceph-main-mgr", "PodDisruptionBudget ceph-main-mon", "PodDisruptionBudget ceph-main-osd",
	"Secret ceph-main-identity", "Secret ceph-main-mgr-a", "Secret ceph-main-mgr-b",
	"Secret ceph-main-osd-0", "Secret ceph-main-osd-1", "Secret ceph-main-osd-2",
	"Secret ceph-main-osd-3", "Secret ceph-main-osd-4", "Secret ceph-main-osd-5", "Secret ceph-main-seed", "Secret seamount-csi",
	"Service ceph-main-mgr", "Service ceph-main-mon-a", "Service ceph-main-mon-b", "Service ceph-main-mon-c",
}

// complete says that everything is there, and nothing else. The budgets come when their daemons are seen, which may be a moment
// after the cluster is Ready.
func (w *world) complete() error {
	if diff := cmp.Diff(everything, w.names()); diff != "" {
		return fmt.Errorf("made (-want +got):\n%s", diff)
	}
	return nil
}

// TestLife is the life of one cluster, part by part.
func TestLife(t *testing.T) {
	w := newWorld(t, 3, 2)
	life := &life{world: w, operator: w.operate(newWire(), false)}
	started := time.Now()
	w.apply()
	eventually(t, "three mons, two mgrs and six OSDs", w.healthy(3, 2, 6))
	t.Logf("Ready after %.1f s", time.Since(started).Seconds())
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"made", life.made}, {"owners", life.owners}, {"edits", life.edits}, {"policies", life.policies}, {"rest", life.rest},
		{"retain", life.retain},
	} {
		if !t.Run(part.name, part.run) {
			return
		}
	}
	w.nothingWrong()
}

type life struct {
	*world
	operator *operator
}

func (l *life) made(t *testing.T) {
	eventually(t, "everything is made", l.complete)
	var disks v1alpha1.StorageDiskList
	must(t, l.api.List(t.Context(), &disks))
	for i := range disks.Items {
		disk := &disks.Items[i]
		if disk.Status.Claim == nil && disk.Name != "claimed" || len(l.kubelet.prepared) != 6 {
			t.Errorf("disk %s has no claim; %d disks were prepared", disk.Name, len(l.kubelet.prepared))
		}
	}
}

// owner returns the fields of an object that a manager owns, in their JSON form.
func owner(object client.Object, manager, subresource string) string {
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == manager && entry.Subresource == subresource && entry.Operation == metav1.ManagedFieldsOperationApply {
			return string(entry.FieldsV1.GetRawBytes())
		}
	}
	return ""
}

// owners holds that each writes its own fields, and owns no more than these.
func (l *life) owners(t *testing.T) {
	deployment := &appsv1.Deployment{}
	must(t, l.api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "ceph-main-osd-0"}, deployment))
	var disks v1alpha1.StorageDiskList
	must(t, l.api.List(t.Context(), &disks))
	disk := &disks.Items[0]
	object, err := l.cluster()
	must(t, err)
	discover := v1alpha1.FieldOwnerDiscover(disk.Status.Node)
	for _, test := range []struct {
		what, has, lacks string
		fields           string
	}{
		{"operator, Deployment", `"f:replicas"`, `"f:status"`, owner(deployment, v1alpha1.FieldOwnerOperator, "")},
		{"operator, status of a disk", `"f:claim"`, `"f:verdict"`, owner(disk, v1alpha1.FieldOwnerOperator, "status")},
		{"operator, status of a disk", `"f:state"`, `"f:hardware"`, owner(disk, v1alpha1.FieldOwnerOperator, "status")},
		{"discover, status of a disk", `"f:verdict"`, `"f:claim"`, owner(disk, discover, "status")},
		{"operator, status of the cluster", `"f:fsid"`, `"f:spec"`, owner(object, v1alpha1.FieldOwnerOperator, "status")},
	} {
		if !strings.Contains(test.fields, test.has) || strings.Contains(test.fields, test.lacks) {
			t.Errorf("%s: owns %s; want %s and not %s", test.what, test.fields, test.has, test.lacks)
		}
	}
}

// edits changes objects as a person does: what is the operator's is put right, and what is not is kept.
func (l *life) edits(t *testing.T) {
	deployment, image := &appsv1.Deployment{}, ""
	key := client.ObjectKey{Namespace: namespace, Name: "ceph-main-osd-1"}
	must(t, retry.RetryOnConflict(retry.DefaultRetry, func() error { // the operator or the kubelet may write in between
		if err := l.api.Get(t.Context(), key, deployment); err != nil {
			return err
		}
		image = deployment.Spec.Template.Spec.Containers[0].Image
		deployment.Labels["team"], deployment.Annotations["example.com/note"] = "storage", "ask Alice"
		deployment.Spec.Replicas, deployment.Spec.Template.Spec.Containers[0].Image = new(int32), "other:1"
		return l.api.Update(t.Context(), deployment, person)
	}))
	eventually(t, "replicas and image are put right", func() error {
		if err := l.api.Get(t.Context(), key, deployment); err != nil {
			return err
		}
		if *deployment.Spec.Replicas != 1 || deployment.Spec.Template.Spec.Containers[0].Image != image {
			return fmt.Errorf("%d replicas of %s", *deployment.Spec.Replicas, deployment.Spec.Template.Spec.Containers[0].Image)
		}
		return nil
	})
	if deployment.Labels["team"] != "storage" || deployment.Annotations["example.com/note"] != "ask Alice" {
		t.Errorf("a person's label or annotation is gone: %v, %v", deployment.Labels, deployment.Annotations)
	}
	for _, gone := range []client.Object{
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ceph-main-mon-b"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifest.ConfigName("main")}},
	} {
		must(t, l.api.Get(t.Context(), client.ObjectKeyFromObject(gone), gone))
		was := gone.DeepCopyObject().(client.Object)
		must(t, l.api.Delete(t.Context(), gone))
		eventually(t, gone.GetName()+" comes back", func() error { return l.cameBack(was) })
	}
	eventually(t, "all is well again", l.healthy(3, 2, 6))
}

func (l *life) cameBack(was client.Object) error {
	is := was.DeepCopyObject().(client.Object)
	if err := l.api.Get(l.Context(), client.ObjectKeyFromObject(was), is); err != nil {
		return err
	}
	if is.GetUID() == was.GetUID() {
		return fmt.Errorf("it is not gone yet")
	}
	before, ok := was.(*corev1.Service)
	if after, isService := is.(*corev1.Service); ok && isService && after.Spec.ClusterIP != before.Spec.ClusterIP {
		return fmt.Errorf("its address is %s and was %s", after.Spec.ClusterIP, before.Spec.ClusterIP)
	}
	return nil
}

// policies holds that what the cluster lives on cannot be deleted by mistake.
func (l *life) policies(t *testing.T) {
	var disks v1alpha1.StorageDiskList
	must(t, l.api.List(t.Context(), &disks))
	for i := range disks.Items {
		err := l.api.Delete(t.Context(), &disks.Items[i], client.DryRunAll)
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "belongs to StorageCluster seamount/main") {
			t.Errorf("deleting disk %s: %v", disks.Items[i].Name, err)
		}
	}
}

// versions of all objects, without Leases, which are renewed.
func (l *life) versions() []string {
	l.Helper()
	var versions []string
	for _, list := range []client.ObjectList{
		&v1alpha1.StorageClusterList{}, &v1alpha1.StorageDiskList{}, deploymentList(), &corev1.ServiceList{}, &corev1.ConfigMapList{},
		&corev1.SecretList{}, &corev1.PodList{}, &corev1.NodeList{}, &corev1.EventList{}, budgetList(),
	} {
		must(l.TB, l.api.List(l.Context(), list, client.InNamespace("")))
		must(l.TB, eachObject(list, func(object client.Object) error {
			versions = append(versions, fmt.Sprintf("%T %s %s", object, object.GetName(), object.GetResourceVersion()))
			return nil
		}))
	}
	slices.Sort(versions)
	return versions
}

// How long nothing must have changed until the cluster is at rest, and how long it is watched then, twice; in the middle of that,
// another operator follows. What Ceph says counts for the budgets once the daemon that started last has run for ten seconds, and
// Ceph is asked every ten seconds then.
const (
	calm    = 25 * time.Second
	resting = 12 * time.Second
)

// rest holds that nothing is written when nothing changes: not by this operator, nor by one that follows it.
func (l *life) rest(t *testing.T) {
	before := l.calmed(t)
	written := len(l.operator.wire.Writes())
	pass(t, resting)
	l.operator.stop()
	next := newWire()
	second := l.operate(next, false)
	pass(t, resting)
	for _, write := range slices.Concat(l.operator.wire.Writes()[written:], next.Writes()) {
		t.Errorf("written at rest: %s", write)
	}
	if diff := cmp.Diff(before, l.versions()); diff != "" {
		t.Errorf("objects changed at rest (-before +after):\n%s", diff)
	}
	l.operator = second
}

// calmed waits until no object has changed for long enough, and returns the versions of all.
func (l *life) calmed(t *testing.T) []string {
	t.Helper()
	last, since := l.versions(), time.Now()
	eventually(t, "no object changes", func() error {
		if now := l.versions(); !slices.Equal(now, last) {
			last, since = now, time.Now()
		}
		if quiet := time.Since(since); quiet < calm {
			return fmt.Errorf("for %v only", quiet)
		}
		return nil
	})
	return last
}

func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test is over")
	}
}

// retain deletes the cluster and applies it again: it is the same one, and no disk is prepared again.
func (l *life) retain(t *testing.T) {
	object, err := l.cluster()
	must(t, err)
	fsid := object.Status.FSID
	must(t, l.api.Delete(t.Context(), object))
	eventually(t, "the cluster is gone", func() error {
		if _, err := l.cluster(); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
	var kept []string
	for _, name := range everything {
		if strings.HasPrefix(name, "Secret ceph-") || name == "ConfigMap ceph-main-mons" {
			kept = append(kept, name)
		}
	}
	eventually(t, "its daemons stop", func() error {
		left := l.names()
		for _, name := range left {
			if strings.HasPrefix(name, "Deployment ") || strings.HasPrefix(name, "Pod ") {
				return fmt.Errorf("%s is left", name)
			}
		}
		for _, name := range kept {
			if !slices.Contains(left, name) {
				t.Errorf("%s is gone", name)
			}
		}
		return nil
	})
	l.collect(object)
	l.apply()
	eventually(t, "the same cluster is back", l.healthy(3, 2, 6))
	if object, err = l.cluster(); err != nil || object.Status.FSID != fsid {
		t.Errorf("fsid %s, want %s; %v", object.Status.FSID, fsid, err)
	}
	eventually(t, "everything is made", l.complete)
}

// collect removes what a deleted object owned, as Kubernetes does.
func (l *life) collect(owner client.Object) {
	l.Helper()
	for _, list := range []client.ObjectList{&corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}} {
		must(l.TB, l.api.List(l.Context(), list, client.InNamespace(namespace)))
		must(l.TB, eachObject(list, func(object client.Object) error {
			for _, reference := range object.GetOwnerReferences() {
				if reference.UID == owner.GetUID() {
					return l.api.Delete(l.Context(), object)
				}
			}
			return nil
		}))
	}
}
