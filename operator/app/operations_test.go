package app

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/operation"
)

// operationWorld is a world with a healthy cluster of three hosts, one of which has two OSDs, the controller of operations,
// and an operation that is to take the second of these two away.
type operationWorld struct {
	*world
	disk       string
	operations *operation.Reconciler
	lacking    bool   // an OSD is dead: copies may be missing
	name       string // of the operation that is looked at
}

func newOperationWorld(t *testing.T) *operationWorld {
	t.Helper()
	disk := emptyDisk("n2", 7)
	w := &operationWorld{world: bringUp(t), disk: disk.Name, name: "remove"}
	w.byHand(func() { w.must(w.api.Create(t.Context(), disk)) })
	w.live("a fourth OSD, which its disk shows", func() bool {
		w.must(w.api.Get(t.Context(), client.ObjectKey{Name: w.disk}, disk))
		return w.healthy(3, 2, 4)() && disk.Status.State == v1alpha1.DiskInService
	})
	w.startOperations()
	w.byHand(func() {
		w.must(w.api.Create(t.Context(), &v1alpha1.StorageOperation{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "remove", UID: "o-1", Generation: 1},
			Spec: v1alpha1.StorageOperationSpec{
				ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationRemove, Disks: []string{w.disk},
			},
		}))
	})
	w.writes = nil
	return w
}

// startOperations makes a new controller of operations, which remembers nothing.
func (w *operationWorld) startOperations() {
	w.operations = &operation.Reconciler{
		Client: w.api, Live: w.api, Sessions: sessions{w.world}, Namespace: namespace, Now: func() time.Time { return w.now },
		Executor: &execute.Operations{Client: w.api, Live: w.api, Applier: execute.NewApplier(w.api), Events: &events.FakeRecorder{}},
	}
}

func (w *operationWorld) object() *v1alpha1.StorageOperation {
	object := &v1alpha1.StorageOperation{}
	w.must(w.api.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: w.name}, object))
	return object
}

// plan makes a pass, and returns the status.
func (w *operationWorld) plan() v1alpha1.StorageOperationStatus {
	w.Helper()
	_, err := w.operations.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(w.object())})
	w.must(err)
	w.now = w.now.Add(2 * time.Second)
	w.ceph.Advance(2 * time.Second)
	return w.object().Status
}

func (w *operationWorld) change(change func(*v1alpha1.StorageOperation)) {
	w.byHand(func() {
		object := w.object()
		change(object)
		object.Generation++
		w.must(w.api.Update(w.Context(), object))
	})
}

func TestOperationIsPlanned(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	got := w.plan()
	if got.State != v1alpha1.OperationAwaitingApproval || len(got.Plan.Blockers) > 0 {
		t.Errorf("state %s, blockers %+v", got.State, got.Plan.Blockers)
	}
	if len(got.Targets) != 1 || len(got.Targets[0].OSDs) != 1 || got.Targets[0].Node != "n2" || got.Plan.ID == "" || len(got.Plan.Steps) != 4 {
		t.Errorf("plan %+v, targets %+v", got.Plan, got.Targets)
	}
	if want := fmt.Sprintf("osd.%d", got.Targets[0].OSDs[0]); got.Summary.Targets != want || got.Plan.Outcome == nil {
		t.Errorf("summary %+v, want %s; outcome %+v", got.Summary, want, got.Plan.Outcome)
	}
	for _, spec := range conditions.Of(v1alpha1.KindStorageOperation) {
		at := slices.IndexFunc(got.Conditions, func(c metav1.Condition) bool { return c.Type == spec.Type })
		if at < 0 || !slices.Contains(slices.Concat(spec.True, spec.False, spec.Unknown), got.Conditions[at].Reason) {
			t.Errorf("condition %s is not as the API says: %+v", spec.Type, got.Conditions)
		}
	}
}

// Nothing but the status of the operation is ever written, and at rest not that either.
func TestOperationAtRestWritesNothing(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	w.plan()
	if !slices.Equal(w.writes, []string{"apply status StorageOperation remove"}) {
		t.Errorf("written: %v", w.writes)
	}
	w.writes = nil
	before := w.ceph.Calls()
	for range 20 {
		w.plan()
	}
	if len(w.writes) > 0 {
		t.Errorf("written at rest: %v", w.writes)
	}
	for call, n := range w.ceph.Calls() {
		if n > before[call] && call != "Snapshot" && call != "PGsOfOSD" {
			t.Errorf("Ceph was asked for %s", call)
		}
	}
}

// What agents report of a target is theirs: it is no reason to write.
func TestOperationKeepsReports(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	w.plan()
	w.byHand(func() {
		object := w.object()
		object.Status.Targets[0].Report = &v1alpha1.TargetReport{Result: v1alpha1.ReportRefused, Message: "no"}
		w.must(w.api.Status().Update(t.Context(), object))
	})
	w.writes = nil
	if got := w.plan(); len(w.writes) > 0 || got.Targets[0].Report == nil {
		t.Errorf("written %v, target %+v", w.writes, got.Targets[0])
	}
}

func TestOperationFollowsItsDisk(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	before := w.plan().Plan.ID
	w.byHand(func() {
		disk := &v1alpha1.StorageDisk{}
		w.must(w.api.Get(t.Context(), client.ObjectKey{Name: w.disk}, disk))
		disk.Status.Verdict.Seal = "sha256:another"
		w.must(w.api.Status().Update(t.Context(), disk))
	})
	if got := w.plan(); got.Plan.ID == before || got.Targets[0].Seal != "sha256:another" {
		t.Errorf("plan %s as before, targets %+v", got.Plan.ID, got.Targets)
	}
}

// A cancelled operation is left alone, whatever becomes of its disk.
func TestOperationIsCancelled(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	w.plan()
	w.change(func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentCancel })
	if got := w.plan(); got.State != v1alpha1.OperationCancelled {
		t.Errorf("state %s", got.State)
	}
	if due := w.operations.OfCluster(t.Context(), theCluster); len(due) > 0 {
		t.Errorf("still looked after: %v", due)
	}
	w.byHand(func() {
		disk := &v1alpha1.StorageDisk{}
		w.must(w.api.Get(t.Context(), client.ObjectKey{Name: w.disk}, disk))
		disk.Status.Verdict.Seal = "sha256:another"
		w.must(w.api.Status().Update(t.Context(), disk))
	})
	w.writes = nil
	if w.plan(); len(w.writes) > 0 {
		t.Errorf("written: %v", w.writes)
	}
}

// While Ceph does not answer, nothing is decided on what was; the plan stays to be read.
func TestOperationWhileCephIsSilent(t *testing.T) {
	t.Parallel()
	w := newOperationWorld(t)
	before := w.plan().Plan
	target := w.target
	w.target = nil
	got := w.plan().Plan
	if got.Blockers[0].Reason != v1alpha1.ReasonStaleData || got.ID != before.ID || got.Outcome == nil {
		t.Errorf("plan %+v, before %+v", got, before)
	}
	w.target = target
	if got := w.plan().Plan; len(got.Blockers) > 0 || got.ID != before.ID {
		t.Errorf("plan %+v, before %+v", got, before)
	}
}

// What the controller of operations does is granted.
func TestRBACGrantsOperations(t *testing.T) {
	t.Parallel()
	everywhere, atHome := grants(t, "ClusterRole"), grants(t, "Role")
	w := newOperationWorld(t)
	w.plan()
	if !w.used["patch storageoperations/status"] {
		t.Error("no status was written")
	}
	for use := range w.used {
		if !everywhere[use] && !atHome[use] {
			t.Errorf("not granted: %s", use)
		}
	}
}
