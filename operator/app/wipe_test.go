package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	if sliced {
		return startWipeWorld(t, 6, change, slicedObjects()...)
	}
	return startWipeWorld(t, 3, change, append(nodesAndDisks(3, 1), mainCluster())...)
}

func startWipeWorld(t *testing.T, osds int, change func(*wipeWorld), objects ...client.Object) *wipeWorld {
	t.Helper()
	w := &wipeWorld{world: newWorld(t, objects...), said: events.NewFakeRecorder(1000)}
	w.live("three mons, two mgrs and the OSDs", w.healthy(3, 2, osds))
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
	uid := string(w.cluster().UID)
	w.until("gone", w.gone)
	w.wiped()
	operations := w.made()
	if len(operations) != 1 || operations[0].Name != "wipe-main-"+uid+"-1" || operations[0].Status.State != v1alpha1.OperationSucceeded ||
		len(operations[0].Status.Targets) != 3 || len(operations[0].Finalizers) > 0 {
		t.Fatal(w.tell())
	}
	for _, target := range operations[0].Status.Targets {
		if target.Report == nil || target.Report.Result != v1alpha1.ReportVerified || len(target.OSDs) != 1 {
			t.Errorf("target %+v", target)
		}
	}
	if !w.heard("Wiped", "3 disks erased", "/var/lib/seamount/"+w.fsid+" removed on 3 nodes") {
		t.Error("what became of the directories is not said")
	}
	w.granted()
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

// More disks than one operation takes.
func TestDeletionErasesManyDisks(t *testing.T) {
	t.Parallel()
	w := startWipeWorld(t, 66, nil, append(nodesAndDisks(3, 22), mainCluster())...)
	w.until("gone", w.gone)
	w.wiped()
	var sizes []int
	for _, o := range w.made() {
		sizes = append(sizes, len(o.Status.Targets))
	}
	if !slices.Equal(sizes, []int{64, 2}) {
		t.Errorf("operations of %v disks", sizes)
	}
}

// Killed at any write, and with a new operator after that, the end is the same.
func TestDeletionThatErasesKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	first := newWipeWorld(t, false, nil)
	first.until("gone", first.gone)
	for n := 0; n < len(first.writes); n += 2 * killStride {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, false, nil)
			w.killTwice(n)
			w.until("gone", w.gone)
			w.wiped()
			if operations := w.made(); len(operations) != 1 || operations[0].Status.State != v1alpha1.OperationSucceeded {
				t.Error(w.tell())
			}
		})
	}
}

// deleteOperation is a person's decision to give up what an operation has not erased.
func (w *wipeWorld) deleteOperation(name string) {
	w.byHand(func() {
		w.must(w.api.Delete(w.Context(), &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}))
	})
}

// heard says whether the StorageCluster has an event with these words.
func (w *wipeWorld) heard(words ...string) bool {
	for {
		select {
		case event := <-w.said.Events:
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(event, word) }) {
				return true
			}
		default:
			return false
		}
	}
}

// A disk that is not to be erased now holds the deletion up, is named, and is given up when a person deletes the operation: it
// is never touched, and that is said.
func TestDeletionGivesUpADisk(t *testing.T) {
	t.Parallel()
	const left = "wwn-5000c500n200"
	for name, test := range map[string]struct {
		change func(w *wipeWorld)
		why    string
	}{
		"missing": {func(w *wipeWorld) {
			w.changeDisk(left, func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresenceMissing })
		}, "missing"},
		"its node is off": {func(w *wipeWorld) { w.failNode("n2", true) }, "node n2 does not answer"},
		"of another cluster": {func(w *wipeWorld) {
			w.changeDisk(left, func(d *v1alpha1.StorageDisk) { d.Status.Content.BlueStore.FSID = "another" })
		}, "another OSD"},
		"mounted": {func(w *wipeWorld) {
			w.changeDisk(left, func(d *v1alpha1.StorageDisk) {
				d.Status.Verdict.Reasons = append(d.Status.Verdict.Reasons, v1alpha1.Refusal{Reason: v1alpha1.ReasonMounted, Message: "at /mnt"})
			})
		}, "at /mnt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, false, test.change)
			others := func() bool { return len(w.erased) == 2 }
			w.until("the others are erased", others)
			for range 20 {
				w.turn()
			}
			deleting := w.condition(v1alpha1.ConditionDeleting)
			if w.gone() || deleting.Reason != v1alpha1.ReasonWipingDisks || !strings.Contains(deleting.Message, test.why) || !strings.Contains(deleting.Message, left) {
				t.Fatalf("%+v\n%s", deleting, w.tell())
			}
			w.writes = nil
			for range 5 {
				w.turn()
			}
			if len(w.writes) > 0 {
				t.Errorf("written while it waits: %v", w.writes)
			}
			w.deleteOperation(w.made()[0].Name)
			w.until("gone", w.gone)
			w.wiped(left)
			if len(w.made()) > 0 || !w.heard("DiskNotErased", left) {
				t.Errorf("operations %v", w.made())
			}
		})
	}
}

// What a person has given up stays given up, whenever the operator is killed.
func TestDeletionGivesUpADiskKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	const left = "wwn-5000c500n200"
	for n := 0; n < 24; n += 2 * killStride {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, false, func(w *wipeWorld) {
				w.changeDisk(left, func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresenceMissing })
			})
			w.until("the others are erased", func() bool { return len(w.erased) == 2 })
			w.turn()
			w.deleteOperation(w.made()[0].Name)
			w.changeDisk(left, func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresencePresent })
			w.killTwice(n)
			w.until("gone", w.gone)
			w.wiped(left)
			if len(w.made()) > 0 {
				t.Errorf("operations %v", w.made())
			}
		})
	}
}

// A disk that comes back is erased like the others.
func TestDeletionWaitsForADisk(t *testing.T) {
	t.Parallel()
	const late = "wwn-5000c500n200"
	w := newWipeWorld(t, false, func(w *wipeWorld) {
		w.changeDisk(late, func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresenceMissing })
	})
	w.until("the others are erased", func() bool { return len(w.erased) == 2 })
	w.changeDisk(late, func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresencePresent })
	w.until("gone", w.gone)
	w.wiped()
	if !w.heard("Wiped", "3 disks erased", "/var/lib/seamount/"+w.fsid) {
		t.Error("what became of the disks is not said")
	}
}

// An agent that does not answer for a directory, or a node that goes meanwhile, holds the deletion up no longer than for minutes, and the
// node is named with the directory.
func TestDeletionLeavesADirectory(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *wipeWorld){
		"the agent is silent": func(w *wipeWorld) { w.silent = "n2" },
		"the node goes":       func(w *wipeWorld) { w.silent = "n2"; w.failNode("n2", true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWipeWorld(t, false, nil)
			w.until("all are erased", func() bool { return len(w.erased) == 3 })
			change(w)
			w.until("gone", w.gone)
			w.wiped()
			if !w.heard("Wiped", "removed on 2 nodes", "is left on n2") {
				t.Error("the directory that stays is not named")
			}
		})
	}
}

// An operation that a person deletes before it has begun gives up all its disks, and does not come back.
func TestDeletionGivesUpAnOperation(t *testing.T) {
	t.Parallel()
	w := newWipeWorld(t, false, nil)
	w.until("the operation is made", func() bool { return len(w.made()) > 0 })
	w.byHand(func() {
		object := w.made()[0]
		object.Spec.Intent = v1alpha1.IntentHold
		w.must(w.api.Update(t.Context(), &object))
	})
	for range 5 {
		w.turn()
	}
	if len(w.erased) > 0 {
		t.Fatal("erased while it is held")
	}
	w.deleteOperation(w.made()[0].Name)
	w.until("gone", w.gone)
	w.wiped("wwn-5000c500n100", "wwn-5000c500n200", "wwn-5000c500n300")
	if !w.heard("NOT erased", "the stores of the mons are left in /var/lib/seamount/"+w.fsid) {
		t.Error("the stores of the mons are not left")
	}
	if len(w.made()) > 0 {
		t.Errorf("operations %v", w.made())
	}
}

// Nothing is stopped while pools rest on the cluster; and with Retain after all, before anything is erased, it comes back as it was.
func TestDeletionThinksAgain(t *testing.T) {
	t.Parallel()
	pool := &v1alpha1.StoragePool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p"},
		Spec: v1alpha1.StoragePoolSpec{ClusterRef: v1alpha1.ClusterReference{Name: "main"}}}
	w := newWipeWorld(t, false, func(w *wipeWorld) { w.byHand(func() { w.must(w.api.Create(t.Context(), pool)) }) })
	for range 5 {
		w.turn()
	}
	if got := w.condition(v1alpha1.ConditionDeleting); got.Reason != v1alpha1.ReasonDependentsExist || !w.healthy(3, 2, 3)() {
		t.Fatalf("with a pool: %+v", got)
	}
	w.byHand(func() { w.must(w.api.Delete(t.Context(), pool)) })
	w.turn()
	w.byHand(func() {
		object := w.cluster()
		object.Spec.DeletionPolicy = v1alpha1.DeletionRetain
		w.must(w.api.Update(t.Context(), object))
	})
	fsid := w.fsid
	w.until("gone", w.gone)
	for range 3 {
		w.turn()
	}
	object := mainCluster()
	object.UID = "2"
	w.restart()
	w.byHand(func() { w.must(w.api.Create(t.Context(), object)) })
	w.live("the same cluster is back", w.healthy(3, 2, 3))
	if len(w.erased) > 0 || w.cluster().Status.FSID != fsid || len(w.made()) > 0 {
		t.Errorf("erased %v, fsid %s of %s", w.erased, w.cluster().Status.FSID, fsid)
	}
}
