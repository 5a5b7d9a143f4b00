package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// failedWorld has a cluster with a policy for failed disks, and an OSD whose disk is to fail. Nobody has made an operation.
type failedWorld struct {
	*operationWorld
	id   int32
	uuid string
}

func newFailedWorld(t *testing.T, policy v1alpha1.ApprovalMode) *failedWorld {
	t.Helper()
	w := &failedWorld{operationWorld: newReplaceWorld(t, func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentHold })}
	w.id = w.object().Status.Targets[0].OSDs[0]
	w.uuid = w.osd(w.id).UUID
	w.byHand(func() {
		w.must(w.api.Delete(t.Context(), w.object()))
		cluster := w.cluster()
		cluster.Spec.Approvals = &v1alpha1.ApprovalsSpec{FailedDisks: policy}
		cluster.Generation++
		w.must(w.api.Update(t.Context(), cluster))
	})
	w.name = manifest.ReplaceOperationName("main", w.id, 1)
	return w
}

// operationsMade names all operations that there are.
func (w *failedWorld) operationsMade() string {
	var list v1alpha1.StorageOperationList
	var names []string
	w.byHand(func() { w.must(w.api.List(w.Context(), &list)) })
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return strings.Join(names, " ")
}

// fails lets the disk fail, and time go on until Ceph has marked its OSD out and data is whole elsewhere.
func (w *failedWorld) fails() {
	w.Helper()
	w.die(w.disk, w.id)
	if made := w.operationsMade(); made != "" {
		w.Fatalf("%s is made although the OSD is in", made)
	}
	w.advance(11 * time.Minute)
	for range 100 {
		if w.turn(); w.operationsMade() != "" {
			return
		}
	}
	w.Fatalf("nobody makes an operation: osd %+v\n%s", w.osd(w.id), w.describe())
}

// rests holds the operator to writing nothing.
func (w *failedWorld) rests() {
	w.Helper()
	for range 60 {
		w.turn() // what was just done is looked at, and data finds its place
	}
	w.writes = nil
	for range 10 {
		w.turn()
	}
	if len(w.writes) > 0 {
		w.Errorf("at rest it wrote %s", strings.Join(w.writes, "\n"))
	}
}

// With the policy, a disk that fails is replaced by the next one that is put in, and nobody has to say anything.
func TestFailedDiskIsReplaced(t *testing.T) {
	t.Parallel()
	w := newFailedWorld(t, v1alpha1.ApprovalAutomatic)
	w.fails()
	w.untilWaiting()
	w.rests()
	by := w.spare()
	status := w.until(v1alpha1.OperationSucceeded)
	if approved := status.Conditions[0]; approved.Reason != v1alpha1.ReasonByPolicy {
		t.Errorf("approved %+v", approved)
	}
	w.replaced(w.id, w.uuid, by)
	w.rests()
	if made := w.operationsMade(); made != w.name {
		t.Errorf("operations %s", made)
	}
	w.granted()
}

// Without the policy one operation waits for a person, the cluster says so, and what a person says of it holds.
func TestFailedDiskWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *failedWorld){
		"cancelled": func(w *failedWorld) {
			w.change(func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentCancel })
			w.until(v1alpha1.OperationCancelled)
		},
		"deleted": func(w *failedWorld) { w.byHand(func() { w.must(w.api.Delete(w.Context(), w.object())) }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFailedWorld(t, v1alpha1.ApprovalManual)
			w.fails()
			w.until(v1alpha1.OperationAwaitingApproval)
			w.rests()
			if text := w.tell(); !strings.Contains(text, "does not see it any more") {
				t.Errorf("it does not say why it was made: %s", text)
			}
			if c := w.condition(v1alpha1.ConditionApprovalRequired); !strings.Contains(c.Message, w.name) {
				t.Errorf("%s: %s", c.Type, c.Message)
			}
			end(w)
			left := w.operationsMade()
			w.start() // a new operator remembers nothing
			w.startOperations()
			w.rests()
			if made := w.operationsMade(); made != left || strings.Contains(made, " ") {
				t.Errorf("operations %q, were %q", made, left)
			}
			if osd := w.osd(w.id); osd == nil || osd.UUID != w.uuid {
				t.Errorf("osd %+v", osd)
			}
		})
	}
}

// An OSD that comes up again needs no replacement: the operation ends, and a later failure is one of its own.
func TestFailedDiskComesBack(t *testing.T) {
	t.Parallel()
	w := newFailedWorld(t, v1alpha1.ApprovalManual)
	w.fails()
	w.until(v1alpha1.OperationAwaitingApproval)
	w.byHand(func() {
		disk := w.diskNamed(w.disk)
		disk.Status.Presence = v1alpha1.PresencePresent
		w.must(w.api.Status().Update(t.Context(), disk))
		w.must(w.api.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifest.OSDName("main", w.id) + "-0"}}))
	})
	w.until(v1alpha1.OperationSuperseded)
	w.rests()
	secret := &corev1.Secret{}
	w.must(w.api.Get(t.Context(), w.named(manifest.OSDName("main", w.id)), secret))
	if noted := secret.Annotations[manifest.AnnotationReplaced]; noted != "" {
		t.Errorf("%s is still noted", noted)
	}
}

// Killed at any write until it waits for approval, there is one operation, and it is noted.
func TestFailedDiskKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	const kills = 4
	for n := range kills {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newFailedWorld(t, v1alpha1.ApprovalManual)
			count := 0
			w.fail = func(write string) error {
				if count > 0 || strings.Contains(write, "create StorageOperation") {
					count++
				}
				if count == n+1 { // it was done, and the answer was lost
					return errKilled
				}
				return nil
			}
			w.fails()
			w.until(v1alpha1.OperationAwaitingApproval)
			w.fail = nil
			w.rests()
			if made := w.operationsMade(); made != w.name || count <= n {
				t.Errorf("operations %s, %d writes since it was made", made, count)
			}
		})
	}
}

// A step that the API server refuses is told in the conditions on every pass, is not written again and again, and goes on later.
func TestOperationTellsAFailedStep(t *testing.T) {
	t.Parallel()
	w := newReplaceWorld(t, nil)
	executor := w.operations.Executor
	refusing := *executor
	refusing.Client = interceptor.NewClient(w.api, interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
			return apierrors.NewForbidden(corev1.Resource("configmaps"), o.GetName(), errors.New("no right to create it"))
		},
	})
	w.operations.Executor = &refusing
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(w.object())}
	for range 3 {
		if _, err := w.operations.Reconcile(t.Context(), request); err == nil {
			t.Fatal("it is not tried again")
		}
	}
	status := w.object().Status
	said := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionComplete)
	if said.Reason != v1alpha1.ReasonStepFailed || !strings.Contains(said.Message, "no right to create it") || !strings.Contains(said.Message, "helm upgrade") {
		t.Errorf("%s: %s", said.Reason, said.Message)
	}
	if status.State != v1alpha1.OperationHeld || !strings.Contains(status.Targets[0].Message, "no right to create it") {
		t.Errorf("state %s, targets %+v", status.State, status.Targets)
	}
	w.writes = nil
	for range 3 {
		_, _ = w.operations.Reconcile(t.Context(), request) // tried above
	}
	if len(w.writes) > 0 {
		t.Errorf("written again: %v", w.writes)
	}
	w.operations.Executor = executor
	w.until(v1alpha1.OperationRunning)
}
