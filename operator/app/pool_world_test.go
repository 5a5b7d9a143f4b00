package app

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/pool"
)

// ownerWorld is a world with a healthy cluster of three hosts, and in it the controller of a kind of objects with pools, and
// one such object.
type ownerWorld struct {
	*world
	kind       pool.Kind
	name, of   string // of the object and of its kind
	live       client.Client
	pools      *pool.Reconciler
	snapshots  bool // there are VolumeSnapshotClasses
	conditions func() []metav1.Condition
}

func newOwnerWorld(t *testing.T, kind pool.Kind, of string, object client.Object) *ownerWorld {
	t.Helper()
	w := &ownerWorld{world: bringUp(t), kind: kind, of: of, snapshots: true, name: object.GetName()}
	w.writes = nil
	w.live = interceptor.NewClient(w.api, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			if _, ok := l.(*unstructured.UnstructuredList); ok && !w.snapshots {
				return &meta.NoKindMatchError{GroupKind: observe.SnapshotClassKind().GroupKind(), SearchedVersions: []string{"v1"}}
			}
			return c.List(ctx, l, opts...)
		},
	})
	w.startPools()
	w.byHand(func() { w.must(w.api.Create(t.Context(), object)) })
	return w
}

// startPools makes a new controller, which remembers nothing.
func (w *ownerWorld) startPools() {
	w.pools = &pool.Reconciler{
		Kind: w.kind, Client: w.api, Sessions: sessions{w.world}, Memory: &pool.Memory{}, Now: func() time.Time { return w.now },
		Executor: &execute.Executor{Client: w.api, Live: w.live, Events: &events.FakeRecorder{}},
	}
}

func (w *ownerWorld) passPool() error {
	_, err := w.pools.Reconcile(w.Context(), reconcile.Request{
		NamespacedName: types.NamespacedName{Namespace: namespace, Name: w.name},
	})
	w.now = w.now.Add(2 * time.Second)
	w.ceph.Advance(2 * time.Second)
	return err
}

// settle makes passes until the object is as wanted.
func (w *ownerWorld) settle(what string, wanted func() bool) {
	w.Helper()
	var last error
	for range 40 {
		if last = w.passPool(); last == nil && wanted() {
			return
		}
	}
	w.Fatalf("not reached: %s\nlast error: %v\nconditions %+v", what, last, w.conditions())
}

// says returns whether a condition has a status and a reason, and that all conditions are there.
func (w *ownerWorld) says(kind string, status metav1.ConditionStatus, reason string) func() bool {
	return func() bool {
		all := w.conditions()
		for _, spec := range conditions.Of(w.of) {
			found := meta.FindStatusCondition(all, spec.Type)
			if found == nil {
				w.Fatalf("no condition %s", spec.Type)
			}
			if known := slices.Concat(spec.True, spec.False, spec.Unknown); !slices.Contains(known, found.Reason) {
				w.Fatalf("%s has the reason %s, which is none of %v", spec.Type, found.Reason, known)
			}
		}
		found := meta.FindStatusCondition(all, kind)
		return found.Status == status && found.Reason == reason
	}
}

func (w *ownerWorld) message(kind string) string {
	return meta.FindStatusCondition(w.conditions(), kind).Message
}

func (w *ownerWorld) current() bool {
	return w.says("Ready", metav1.ConditionTrue, "Available")() && w.says("UpToDate", metav1.ConditionTrue, "Current")() &&
		w.says("StorageClassesReady", metav1.ConditionTrue, "Made")()
}

// rests fails unless nothing is written, to Kubernetes or to Ceph, once all is as declared, also after a start.
func (w *ownerWorld) rests() {
	w.Helper()
	for range 60 {
		w.must(w.passPool())
	}
	w.writes = nil
	w.startPools()
	calls := w.changes()
	for range 60 {
		w.must(w.passPool())
	}
	if again := w.changes(); len(w.writes) > 0 || again != calls || again == 0 {
		w.Errorf("written at rest: %v, and %d changes of pools after %d", w.writes, again, calls)
	}
}

// poolWorld is the world of a StoragePool.
type poolWorld struct{ *ownerWorld }

func newPoolWorld(t *testing.T, object *v1alpha1.StoragePool) *poolWorld {
	t.Helper()
	w := &poolWorld{newOwnerWorld(t, pool.Pools{}, v1alpha1.KindStoragePool, object)}
	w.conditions = func() []metav1.Condition { return w.object().Status.Conditions }
	return w
}

func (w *poolWorld) object() *v1alpha1.StoragePool {
	object := &v1alpha1.StoragePool{}
	w.must(client.IgnoreNotFound(w.api.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: w.name}, object)))
	return object
}

func (w *ownerWorld) snapshot() *ceph.Snapshot {
	s, err := w.ceph.Admin().Snapshot(w.Context())
	w.must(err)
	return s
}

// cephPool returns a pool of Ceph with the name of its rule; a zero one when there is none.
func (w *ownerWorld) cephPool(name string) (ceph.Pool, string) {
	s := w.snapshot()
	for _, p := range s.Pools {
		if p.Name != name {
			continue
		}
		for _, r := range s.CRUSH.Rules {
			if r.ID == p.RuleID {
				return p, r.Name
			}
		}
	}
	return ceph.Pool{}, ""
}

func (w *poolWorld) change(change func(*v1alpha1.StoragePool)) {
	w.byHand(func() {
		object := w.object()
		change(object)
		object.Generation++
		w.must(w.api.Update(w.Context(), object))
	})
}

func (w *ownerWorld) class(name string) *storagev1.StorageClass {
	class := &storagev1.StorageClass{}
	if err := w.api.Get(w.Context(), client.ObjectKey{Name: name}, class); err != nil {
		return nil
	}
	return class
}

func (w *ownerWorld) snapshotClasses() []string {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(observe.SnapshotClassKind())
	w.must(w.api.List(w.Context(), list))
	var names []string
	for _, item := range list.Items {
		names = append(names, item.GetName())
	}
	return names
}

// changes counts the calls that change pools.
func (w *ownerWorld) changes() int {
	n := 0
	for method, calls := range w.ceph.Calls() {
		if strings.HasPrefix(method, "Set") || strings.HasPrefix(method, "Create") || method == "InitImagePool" || method == "EnableApplication" {
			n += calls
		}
	}
	return n
}

func storagePool(name string, layout v1alpha1.PoolLayout) *v1alpha1.StoragePool {
	return &v1alpha1.StoragePool{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "p-1", Generation: 1},
		Spec: v1alpha1.StoragePoolSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "main"}, PoolLayout: layout,
			StorageClasses: []v1alpha1.PoolStorageClass{{Name: name}},
		},
	}
}

func replicated(replicas int32) v1alpha1.PoolLayout {
	layout := v1alpha1.PoolLayout{Replicated: &v1alpha1.ReplicatedLayout{Replicas: replicas}}
	if replicas == 1 {
		layout.Replicated.SingleCopy = v1alpha1.SingleCopyAccepted
	}
	return layout
}

func erasureCoded() v1alpha1.PoolLayout {
	return v1alpha1.PoolLayout{ErasureCoded: &v1alpha1.ErasureCodedLayout{DataChunks: 2, CodingChunks: 1}}
}
