package app

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// newNodeRemovalWorld has an operation that removes the node of mon.c of a cluster of four nodes, or of three, with data in a pool of
// three copies. The node is cordoned, as a person does who takes it away.
func newNodeRemovalWorld(t *testing.T, nodes int) (w *operationWorld, node string) {
	t.Helper()
	w = &operationWorld{world: newWorld(t, append(nodesAndDisks(nodes, 1), mainCluster())...), name: "remove"}
	w.live("three mons, and an OSD on each node", w.healthy(3, 2, nodes))
	node = w.nodeOfMon("c")
	w.disk = emptyDisk(node, 0).Name
	w.startOperations()
	admin := w.ceph.Admin()
	w.must(admin.CreatePool(t.Context(), ceph.PoolSpec{Name: "p", PGs: 32, AutoscaleMode: "off"}))
	w.must(admin.EnableApplication(t.Context(), "p", "rbd"))
	w.must(w.ceph.FillBytes("p", 4<<30))
	w.byHand(func() {
		w.labelDisks()
		live := &corev1.Node{}
		w.must(w.api.Get(t.Context(), client.ObjectKey{Name: node}, live))
		live.Spec.Unschedulable = true
		w.must(w.api.Update(t.Context(), live))
		w.must(w.api.Create(t.Context(), &v1alpha1.StorageOperation{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "remove", UID: "o-1", Generation: 1},
			Spec: v1alpha1.StorageOperationSpec{
				ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationRemove, Node: node,
			},
		}))
	})
	for range 5 {
		w.turn()
	}
	return w, node
}

// A node goes for good: its OSD leaves with its data safe elsewhere, its disk is erased and no OSD is made of it again; once the Node is
// gone, its mon is another one on another node after the grace, and nothing of the cluster names the node any more.
func TestNodeGoesForGood(t *testing.T) {
	t.Parallel()
	w, node := newNodeRemovalWorld(t, 4)
	w.approve()
	id := w.object().Status.Targets[0].OSDs[0]
	w.until(v1alpha1.OperationSucceeded)
	for range 20 {
		w.turn()
	}
	if osd := w.osd(id); osd != nil || w.erased[w.disk] != 1 || len(w.storageDisk().Status.OSDs) > 0 || w.storageDisk().Status.Claim != nil {
		t.Fatalf("osd.%d: %+v; erased %d times; the disk is %s", id, osd, w.erased[w.disk], w.storageDisk().Status.State)
	}
	if all, in := w.monmap(); !slices.Equal(all, []string{"a", "b", "c"}) || len(in) != 3 {
		t.Fatalf("while the node is there: monmap %v, in quorum %v", all, in)
	}
	w.byHand(func() {
		w.failed[node] = true
		w.must(w.api.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}))
		w.must(w.api.Delete(t.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "seamount-discover-" + node}}))
	})
	w.passes(9, time.Minute)
	if all, in := w.monmap(); !slices.Equal(all, []string{"a", "b", "c"}) || len(in) != 2 {
		t.Fatalf("within the grace: monmap %v, in quorum %v", all, in)
	}
	w.passes(14, 2*time.Minute)
	if all, in := w.monmap(); len(all) != 3 || len(in) != 3 || slices.Contains(all, "c") {
		t.Fatalf("monmap %v, in quorum %v\n%s", all, in, w.describe())
	}
	w.forgotten(node)
	w.live("it is well without the node", w.healthy(3, 2, 3))
}

// forgotten holds the world to that nothing which is kept of a cluster names a node. Its StorageDisks stay, as missing, until somebody
// deletes them, which nothing keeps anyone from.
func (w *operationWorld) forgotten(node string) {
	w.Helper()
	name := regexp.MustCompile(`\b` + node + `\b`)
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &corev1.PodList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceList{}, &policyv1.PodDisruptionBudgetList{},
		&v1alpha1.StorageClusterList{},
	} {
		w.must(w.api.List(w.Context(), list, client.InNamespace(namespace)))
		w.must(meta.EachListItem(list, func(object runtime.Object) error {
			object.(client.Object).SetManagedFields(nil)
			text, err := json.Marshal(object)
			if at := name.FindIndex(text); at != nil {
				w.Errorf("%T %s names the node: …%s…", object, object.(client.Object).GetName(), text[max(at[0]-80, 0):min(at[1]+80, len(text))])
			}
			return err
		}))
	}
	if flags := w.noouts(); len(flags) > 0 {
		w.Errorf("flags %v", flags)
	}
	disk := w.storageDisk()
	if disk.Status.State != v1alpha1.DiskMissing || len(disk.Finalizers) > 0 {
		w.Errorf("the disk is %s, finalizers %v", disk.Status.State, disk.Finalizers)
	}
	w.byHand(func() { w.must(w.api.Delete(w.Context(), disk)) })
	w.passes(2, time.Second)
}

// With one copy of everything on each node, none can go.
func TestNodeCannotGo(t *testing.T) {
	t.Parallel()
	w, _ := newNodeRemovalWorld(t, 3)
	plan := w.object().Status.Plan
	if plan == nil || !slices.ContainsFunc(plan.Blockers, func(r v1alpha1.Refusal) bool {
		return r.Reason == v1alpha1.ReasonTooFewDomains && strings.Contains(r.Message, "pool p")
	}) {
		t.Fatalf("plan %+v", plan)
	}
	for range 5 {
		w.turn()
	}
	osd := w.osd(w.object().Status.Targets[0].OSDs[0])
	if osd == nil || !osd.In || !osd.Up || w.exists(&corev1.ConfigMap{}, manifest.OperationRecordName("main", "remove")) {
		t.Errorf("it has begun: %+v\n%s", osd, w.describe())
	}
}
