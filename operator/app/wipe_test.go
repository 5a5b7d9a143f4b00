package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/operation"
)

// wipeWorld is a world with a healthy cluster that is deleted with its disks erased, and the controller of operations.
type wipeWorld struct {
	*world
	operations *operation.Reconciler
	said       *events.FakeRecorder
}

// newWipeWorld has a cluster of three hosts whose disks discover has seen the OSDs on. It is deleted once change was called.
func newWipeWorld(t *testing.T, sliced bool, change func(*wipeWorld)) *wipeWorld {
	t.Helper()
	w := &wipeWorld{said: events.NewFakeRecorder(1000)}
	if sliced {
		w.world = newWorld(t, slicedObjects()...)
		w.live("three mons, two mgrs and six OSDs", w.healthy(3, 2, 6))
	} else {
		w.world = bringUp(t)
	}
	w.restart()
	w.byHand(func() {
		w.seeOSDs()
		object := w.cluster()
		object.Spec.DeletionPolicy = v1alpha1.DeletionWipe
		w.must(w.api.Update(t.Context(), object))
	})
	for range 3 {
		w.turn()
	}
	if change != nil {
		change(w)
	}
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.cluster())) })
	w.writes = nil
	return w
}

// restart makes another operator, which remembers nothing.
func (w *wipeWorld) restart() {
	w.start()
	w.clusters.Executor.Events = w.said
	w.operations = &operation.Reconciler{
		Client: w.api, Live: w.api, Sessions: sessions{w.world}, Namespace: namespace, Now: func() time.Time { return w.now },
		Executor: &execute.Operations{Client: w.api, Live: w.api, Applier: execute.NewApplier(w.api), Events: &events.FakeRecorder{}},
	}
}

// seeOSDs is what discover makes of disks with OSDs of a cluster that it knows.
func (w *wipeWorld) seeOSDs() {
	var disks v1alpha1.StorageDiskList
	w.must(w.api.List(w.Context(), &disks))
	for i := range disks.Items {
		status := &disks.Items[i].Status
		osd := status.OSDs[0]
		label := &v1alpha1.BlueStoreLabel{FSID: w.fsid, OSDID: &osd.ID, OSDUUID: osd.UUID}
		if osd.Role == v1alpha1.OSDRoleDB {
			label.FSID = "" // the label of a DB names no cluster
		}
		status.Content = &v1alpha1.DiskContent{Kind: v1alpha1.ContentBlueStore, BlueStore: label}
		status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "sha256:" + disks.Items[i].Name,
			Reasons: []v1alpha1.Refusal{{Reason: v1alpha1.ReasonInUse, Message: "it holds an OSD"}}}
		w.must(w.api.Status().Update(w.Context(), &disks.Items[i]))
	}
}

// turn lets everybody look once. What a kill cut off is begun anew by another operator.
func (w *wipeWorld) turn() {
	w.Helper()
	err := w.pass()
	for _, name := range w.names(&v1alpha1.StorageOperationList{}) {
		_, failed := w.operations.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}})
		err = errors.Join(err, failed)
	}
	if err != nil {
		w.restart()
	}
	w.kubelet()
	w.advance(2 * time.Second)
}

// until lets the world go on until it is as wanted.
func (w *wipeWorld) until(what string, wanted func() bool) {
	w.Helper()
	for range 120 {
		if wanted() {
			return
		}
		w.turn()
	}
	w.Fatalf("never: %s\n%s\nwrites: %s", what, w.tell(), strings.Join(w.writes, "\n"))
}

func (w *wipeWorld) gone() bool { return w.cluster().Name == "" }

func (w *wipeWorld) tell() string {
	text := w.describe()
	for _, o := range w.made() {
		text += fmt.Sprintf("%s: %s %+v\n", o.Name, o.Status.State, o.Status.Targets)
		for _, c := range o.Status.Conditions {
			text += fmt.Sprintf("  %s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	return text
}

func (w *wipeWorld) made() []v1alpha1.StorageOperation {
	var list v1alpha1.StorageOperationList
	w.must(w.api.List(w.Context(), &list))
	return list.Items
}

func (w *wipeWorld) allDisks() []v1alpha1.StorageDisk {
	var disks v1alpha1.StorageDiskList
	w.must(w.api.List(w.Context(), &disks))
	return disks.Items
}

func (w *wipeWorld) changeDisk(name string, change func(*v1alpha1.StorageDisk)) {
	w.byHand(func() {
		disk := &v1alpha1.StorageDisk{}
		w.must(w.api.Get(w.Context(), client.ObjectKey{Name: name}, disk))
		change(disk)
		w.must(w.api.Status().Update(w.Context(), disk))
	})
}

// wiped holds the world to what a deletion that erases promises of all disks but those that were given up.
func (w *wipeWorld) wiped(left ...string) {
	w.Helper()
	for _, disk := range w.allDisks() {
		times := 1
		if slices.Contains(left, disk.Name) {
			times = 0
		}
		if w.erased[disk.Name] != times || disk.Status.Claim != nil || len(disk.Status.OSDs) > 0 || len(disk.Finalizers) > 0 {
			w.Errorf("%s: erased %d times, claim %+v, OSDs %v, finalizers %v", disk.Name, w.erased[disk.Name], disk.Status.Claim, disk.Status.OSDs, disk.Finalizers)
		}
	}
	for _, list := range []client.ObjectList{&corev1.SecretList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}} {
		kept := slices.DeleteFunc(w.names(list), func(name string) bool { return name == "ceph-main-config" || name == "ceph-main-mgr" }) // owned
		if len(kept) > 0 {
			w.Errorf("%T: %v is left", list, kept)
		}
	}
}

// anew makes a cluster of the same name on the same disks, as a person does.
func (w *wipeWorld) anew(osds int, object *v1alpha1.StorageCluster) {
	w.Helper()
	before := w.fsid
	w.ceph, w.target = nil, nil
	w.restart()
	object.UID = "2"
	w.byHand(func() { w.must(w.api.Create(w.Context(), object)) })
	w.live("another cluster is up", w.healthy(3, 2, osds))
	if w.fsid == before {
		w.Error("it has the same fsid")
	}
}

func TestDeletionThatErases(t *testing.T) {
	t.Parallel()
	w := newWipeWorld(t, false, nil)
	fsid := w.fsid
	w.until("gone", w.gone)
	w.wiped()
	operations := w.made()
	if len(operations) != 1 || operations[0].Name != "wipe-main-"+fsid[:8]+"-1" || operations[0].Status.State != v1alpha1.OperationSucceeded ||
		len(operations[0].Status.Targets) != 3 || len(operations[0].Finalizers) > 0 {
		t.Fatal(w.tell())
	}
	for _, target := range operations[0].Status.Targets {
		if target.Report == nil || target.Report.Result != v1alpha1.ReportVerified || len(target.OSDs) != 1 {
			t.Errorf("target %+v", target)
		}
	}
	w.anew(3, mainCluster())
}

// Disks in slices, with DBs on disks of their own.
func TestDeletionErasesSlices(t *testing.T) {
	t.Parallel()
	w := newWipeWorld(t, true, nil)
	w.until("gone", w.gone)
	w.wiped()
	for _, object := range slicedObjects() {
		if cluster, ok := object.(*v1alpha1.StorageCluster); ok {
			w.anew(6, cluster)
		}
	}
}

// Killed at any write, and with a new operator after that, the end is the same.
func TestDeletionThatErasesKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	first := newWipeWorld(t, false, nil)
	first.until("gone", first.gone)
	for n := 0; n < len(first.writes); n += killStride {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, false, nil)
			count := 0
			w.fail = func(string) error {
				if count++; count > n && count <= n+2 { // it was done, and the answer was lost
					return errKilled
				}
				return nil
			}
			w.until("gone", w.gone)
			w.wiped()
			if operations := w.made(); len(operations) != 1 || operations[0].Status.State != v1alpha1.OperationSucceeded {
				t.Error(w.tell())
			}
		})
	}
}
