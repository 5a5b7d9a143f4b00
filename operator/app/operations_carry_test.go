package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// newRemovalWorld has data in a pool of three copies, and discover has seen the OSDs.
func newRemovalWorld(t *testing.T, change func(*v1alpha1.StorageOperation)) *operationWorld {
	t.Helper()
	w := newOperationWorld(t)
	admin := w.ceph.Admin()
	w.must(admin.CreatePool(t.Context(), ceph.PoolSpec{Name: "p", PGs: 32, AutoscaleMode: "off"}))
	w.must(admin.EnableApplication(t.Context(), "p", "rbd"))
	w.must(w.ceph.FillBytes("p", 4<<30))
	w.byHand(w.labelDisks)
	for range 5 {
		w.turn()
	}
	if change != nil {
		w.byHand(func() {
			object := w.object()
			w.must(w.api.Delete(t.Context(), object))
			object.ResourceVersion, object.UID, object.Status = "", "o-2", v1alpha1.StorageOperationStatus{}
			change(object)
			w.must(w.api.Create(t.Context(), object))
		})
	}
	w.turn()
	w.approve()
	return w
}

func (w *operationWorld) approve() {
	w.Helper()
	plan := w.object().Status.Plan
	if plan == nil || len(plan.Blockers) > 0 {
		w.Fatalf("plan %+v", plan)
	}
	w.change(func(o *v1alpha1.StorageOperation) {
		o.Spec.Approval = &v1alpha1.OperationApproval{PlanID: plan.ID, Approver: "alice", AcceptedRisks: plan.Risks}
	})
}

// turn lets everybody look once. What a kill cut off is begun anew by another operator.
func (w *operationWorld) turn() {
	w.Helper()
	_, err := w.operations.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: w.name}})
	err = errors.Join(err, w.pass())
	if err != nil {
		w.start()
		w.startOperations()
	}
	w.kubelet()
	w.advance(2 * time.Second)
	w.checkData()
}

// checkData holds the data to what was promised: no PG ever lacks a copy, unless an OSD has died.
func (w *operationWorld) checkData() {
	w.Helper()
	s, err := w.ceph.Admin().Snapshot(w.Context())
	w.must(err)
	for _, state := range s.PGs.ByState {
		if !w.lacking && strings.Contains(state.State, "undersized") || !strings.Contains(state.State, "active") {
			w.Fatalf("%d PGs are %s", state.Count, state.State)
		}
	}
}

// until lets the world go on until the operation is in a state.
func (w *operationWorld) until(want ...v1alpha1.OperationState) v1alpha1.StorageOperationStatus {
	w.Helper()
	for range 400 {
		if status := w.object().Status; slices.Contains(want, status.State) {
			return status
		}
		w.turn()
	}
	w.Fatalf("never %v: %s\nwrites: %s", want, w.tell(), strings.Join(w.writes, "\n"))
	return v1alpha1.StorageOperationStatus{}
}

func (w *operationWorld) tell() string {
	status := w.object().Status
	text := fmt.Sprintf("state %s, targets %+v\n", status.State, status.Targets)
	for _, c := range status.Conditions {
		text += fmt.Sprintf("%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return text + w.describe()
}

func (w *operationWorld) storageDisk() *v1alpha1.StorageDisk {
	disk := &v1alpha1.StorageDisk{}
	w.must(w.api.Get(w.Context(), client.ObjectKey{Name: w.disk}, disk))
	return disk
}

// osd of the disk, as Ceph has it; nil: it has none.
func (w *operationWorld) osd(id int32) *ceph.OSD {
	s, err := w.ceph.Admin().Snapshot(w.Context())
	w.must(err)
	for i := range s.OSDs {
		if s.OSDs[i].ID == int(id) {
			return &s.OSDs[i]
		}
	}
	return nil
}

func (w *operationWorld) exists(object client.Object, name string) bool {
	err := w.api.Get(w.Context(), w.named(name), object)
	if !apierrors.IsNotFound(err) {
		w.must(err)
	}
	return err == nil
}

// removed holds the world to what a removal promises.
func (w *operationWorld) removed(status v1alpha1.StorageOperationStatus) {
	w.Helper()
	target := status.Targets[0]
	id := target.OSDs[0]
	if target.Report == nil || target.Report.Result != v1alpha1.ReportVerified || target.Report.ErasedBytes == nil {
		w.Errorf("target %+v", target)
	}
	if status.Progress.Percent != 100 || status.CompletionTime == nil || status.StartTime == nil {
		w.Errorf("progress %+v", status.Progress)
	}
	for range 3 {
		w.turn()
	}
	if w.exists(&corev1.ConfigMap{}, manifest.OperationRecordName("main", "remove")) || len(w.object().Finalizers) > 0 {
		w.Error("something is kept of the operation")
	}
	if w.prepared[w.disk+"/"] != 0 || w.erased[w.disk] != 1 {
		w.Errorf("erased %d times", w.erased[w.disk])
	}
	w.live("the rule takes the disk again, and its OSD has a new uuid", func() bool {
		disk := w.storageDisk()
		return w.healthy(3, 2, 4)() && disk.Status.State == v1alpha1.DiskInService && len(disk.Status.OSDs) == 1
	})
	if osd := w.osd(id); osd == nil || !osd.In {
		w.Errorf("osd.%d is not there again: %+v", id, osd)
	}
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	w := newRemovalWorld(t, nil)
	id := w.object().Status.Targets[0].OSDs[0]
	uuid := w.osd(id).UUID
	states := map[v1alpha1.DiskState]bool{}
	for range 400 {
		w.turn()
		states[w.storageDisk().Status.State] = true
		if w.object().Status.State == v1alpha1.OperationSucceeded {
			break
		}
	}
	status := w.until(v1alpha1.OperationSucceeded)
	for _, state := range []v1alpha1.DiskState{v1alpha1.DiskDraining, v1alpha1.DiskDrained, v1alpha1.DiskWiping} {
		if !states[state] {
			t.Errorf("the disk never was %s: %v", state, states)
		}
	}
	if osd := w.osd(id); osd != nil && osd.UUID == uuid {
		t.Errorf("osd.%d is still there", id)
	}
	w.removed(status)
}

// Killed at any write, and with a new operator after that, the end is the same.
func TestRemovalKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	first := newRemovalWorld(t, nil)
	first.writes = nil
	first.until(v1alpha1.OperationSucceeded)
	for n := 0; n < len(first.writes); n += 2 * killStride { // each kills at two
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newRemovalWorld(t, nil)
			w.killTwice(n)
			w.removed(w.until(v1alpha1.OperationSucceeded))
		})
	}
}

// Cancelled while data moves, the OSD serves as before; after the point of no return that is refused, and it goes on.
func TestRemovalIsCancelled(t *testing.T) {
	t.Parallel()
	for turns := range 6 {
		t.Run(fmt.Sprint(turns), func(t *testing.T) {
			t.Parallel()
			w := newRemovalWorld(t, nil)
			id := w.object().Status.Targets[0].OSDs[0]
			for range turns {
				w.turn()
			}
			w.change(func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentCancel })
			w.until(v1alpha1.OperationCancelled)
			w.live("all is as before", w.healthy(3, 2, 4))
			if osd := w.osd(id); osd == nil || !osd.In || !osd.Up {
				t.Errorf("osd.%d: %+v", id, osd)
			}
			for range 3 {
				w.turn()
			}
			if !w.exists(&appsv1.Deployment{}, manifest.OSDName("main", id)) || w.exists(&corev1.ConfigMap{}, manifest.OperationRecordName("main", "remove")) {
				t.Error("it is not as before")
			}
			if state := w.storageDisk().Status.State; state != v1alpha1.DiskInService {
				t.Errorf("the disk is %s", state)
			}
		})
	}
}

func TestOSDDrain(t *testing.T) {
	t.Parallel()
	w := newRemovalWorld(t, func(o *v1alpha1.StorageOperation) { o.Spec.Type = v1alpha1.OperationDrain })
	status := w.until(v1alpha1.OperationSucceeded)
	id := status.Targets[0].OSDs[0]
	for range 60 {
		w.turn()
	}
	if osd := w.osd(id); osd.In || !osd.Up || osd.PGs > 0 {
		t.Errorf("osd.%d: %+v", id, osd)
	}
	if state := w.storageDisk().Status.State; state != v1alpha1.DiskDrained {
		t.Errorf("the disk is %s", state)
	}
	w.writes = nil
	for range 20 {
		w.turn()
	}
	if len(w.writes) > 0 {
		t.Errorf("written at rest: %v", w.writes)
	}
}

// A removal that has begun ends although the cluster is being deleted with its disks: the deletion waits for it.
func TestRemovalEndsBeforeDeletion(t *testing.T) {
	t.Parallel()
	w := newRemovalWorld(t, nil)
	w.until(v1alpha1.OperationRunning)
	w.byHand(func() {
		object := w.cluster()
		object.Spec.DeletionPolicy = v1alpha1.DeletionWipe
		w.must(w.api.Update(t.Context(), object))
		w.must(w.api.Delete(t.Context(), object))
	})
	w.until(v1alpha1.OperationSucceeded)
	if w.erased[w.disk] != 1 {
		t.Errorf("erased %v", w.erased)
	}
}

// Held, a drain goes on moving, and nothing is stopped.
func TestRemovalIsHeld(t *testing.T) {
	t.Parallel()
	w := newRemovalWorld(t, nil)
	w.until(v1alpha1.OperationRunning)
	w.turn()
	w.change(func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentHold })
	status := w.until(v1alpha1.OperationHeld)
	id := status.Targets[0].OSDs[0]
	for range 40 {
		w.turn()
	}
	if osd := w.osd(id); osd.In || !osd.Up || osd.PGs > 0 {
		t.Errorf("osd.%d: %+v", id, osd)
	}
	w.change(func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentProceed })
	w.removed(w.until(v1alpha1.OperationSucceeded))
}
