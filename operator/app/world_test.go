package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoapply "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/applyconfiguration"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/cluster"
	"github.com/seamount-dev/seamount/operator/disk"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

const namespace = "seamount"

var theCluster = types.NamespacedName{Namespace: namespace, Name: "main"}

// world is an operator on a Kubernetes and a Ceph in memory, with one cluster, and a hand that runs the pods.
type world struct {
	*testing.T
	api      client.WithWatch
	mu       sync.Mutex // of writes and used: steps are done at once
	writes   []string   // what was asked of the API, without what this world itself asked
	fail     func(write string) error
	now      time.Time
	ceph     *sim.Cluster // nil until the seed is there
	fsid     string
	disks    *disk.Reconciler
	clusters *cluster.Reconciler
	own      bool // this world itself writes
	prepared map[string]int
	slices   map[string]v1alpha1.DiskSlice // on all disks, by their UUIDs
	stores   map[string]ceph.Secret        // the key of the mons in the store of each
	target   *session.Target               // of the operator's session
	failed   map[string]bool               // nodes on which nothing runs
	silent   string                        // the node whose agent does not answer
	erased   map[string]int                // how many times a disk was erased
	used     map[string]bool               // what the operator did, as RBAC names it: "patch storagedisks/status"
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC), prepared: map[string]int{}, used: map[string]bool{}, failed: map[string]bool{},
		erased: map[string]int{}, slices: map[string]v1alpha1.DiskSlice{}, stores: map[string]ceph.Secret{}}
	scheme := newScheme()
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.StorageDisk{}, &v1alpha1.StorageCluster{}, &v1alpha1.StoragePool{}, &v1alpha1.StorageFilesystem{},
			&v1alpha1.StorageOperation{}, &appsv1.Deployment{}).
		WithTypeConverters(applyconfiguration.NewTypeConverter(scheme), clientgoapply.NewTypeConverter(scheme), managedfields.NewDeducedTypeConverter()).
		WithInterceptorFuncs(newLists().funcs()).Build()
	w.api = interceptor.NewClient(api, w.watch())
	w.start()
	return w
}

// start makes a new operator, which remembers nothing.
func (w *world) start() {
	recorder := &events.FakeRecorder{}
	plans := disk.NewPlans(func(plan.ClusterKey) {})
	now := func() time.Time { return w.now }
	w.disks = &disk.Reconciler{
		Client: w.api, Live: w.api, Namespace: namespace, Sessions: sessions{w}, Plans: plans, Events: recorder, Now: now,
	}
	w.clusters = &cluster.Reconciler{
		Client: w.api, Namespace: namespace, Sessions: sessions{w}, Disks: plans, Memory: &cluster.Memory{}, Now: now, Dial: w.dial,
		Executor: &execute.Executor{
			Client: w.api, Live: w.api, Applier: execute.NewApplier(w.api), Events: recorder, NodeImage: "node:1",
		},
	}
}

// watch counts the writes of the operator, and lets them fail.
func (w *world) watch() interceptor.Funcs {
	write := func(verb, what string) error {
		if w.own {
			return nil
		}
		w.use(verb, what)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.writes = append(w.writes, verb+" "+what)
		if w.fail != nil {
			return w.fail(verb + " " + what)
		}
		return nil
	}
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			w.use("get", nameOf(o))
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			w.use("list", strings.TrimSuffix(cmp.Or(l.GetObjectKind().GroupVersionKind().Kind, fmt.Sprintf("%T", l)[strings.Index(fmt.Sprintf("%T", l), ".")+1:]), "List")+" ")
			return c.List(ctx, l, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return errors.Join(write("create", nameOf(o)), c.Create(ctx, o, opts...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return errors.Join(write("patch", nameOf(o)), c.Patch(ctx, o, p, opts...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return errors.Join(write("delete", nameOf(o)), c.Delete(ctx, o, opts...))
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return errors.Join(write("apply", nameOf(o.(client.Object))), c.Apply(ctx, o, opts...))
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, o runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			return errors.Join(write("apply "+sub, nameOf(o.(client.Object))), c.SubResource(sub).Apply(ctx, o, opts...))
		},
	}
}

func nameOf(o client.Object) string {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = fmt.Sprintf("%T", o)[strings.Index(fmt.Sprintf("%T", o), ".")+1:]
	}
	return kind + " " + o.GetName()
}

// use notes what the operator asks of the API. It lists from caches, which watch; to apply may be to create.
func (w *world) use(verb, what string) {
	if w.own {
		return
	}
	kind, _, _ := strings.Cut(what, " ")
	verb, sub, _ := strings.Cut(verb, " ")
	plural := "s"
	if strings.HasSuffix(kind, "s") {
		plural = "es"
	}
	resource := strings.TrimSuffix(strings.ToLower(kind)+plural+"/"+sub, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case verb == "apply" && sub == "" && kind != v1alpha1.KindStorageDisk:
		w.used["create "+resource], w.used["patch "+resource] = true, true
	case verb == "apply":
		w.used["patch "+resource] = true
	case verb == "list":
		w.used["list "+resource], w.used["watch "+resource] = true, true
	default:
		w.used[verb+" "+resource] = true
	}
}

// sessions look at the simulated cluster whenever they are asked.
type sessions struct{ w *world }

func (s sessions) Ensure(_ types.NamespacedName, target session.Target) { s.w.target = &target }
func (s sessions) Forget(types.NamespacedName)                          { s.w.target = nil }
func (s sessions) Poke(types.NamespacedName)                            {}

func (s sessions) State(types.NamespacedName) session.State {
	state := session.State{Polls: 1}
	conn, err := s.Client(theCluster)
	if err == nil {
		state.Snapshot, err = conn.Snapshot(s.w.Context())
	}
	if err == nil {
		copied := *state.Snapshot
		copied.At = s.w.now
		state.Snapshot = &copied
	}
	state.Err = err
	return state
}

func (s sessions) Client(types.NamespacedName) (ceph.Client, error) {
	if s.w.target == nil {
		return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable, Text: "not connected yet"}
	}
	return s.w.dial(s.w.Context(), *s.w.target)
}

// dial opens a session with the simulated cluster.
func (w *world) dial(_ context.Context, target session.Target) (ceph.Client, error) {
	if w.ceph == nil || len(target.MonHosts) == 0 {
		return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable, Text: "no mon can be reached"}
	}
	conn, err := w.ceph.Client(target.Entity, target.Key)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// pass lets the operator look once at everything. Errors are those of steps, which the next pass does again.
func (w *world) pass() error {
	_, diskErr := w.disks.Reconcile(w.Context(), disk.Request{})
	_, clusterErr := w.clusters.Reconcile(w.Context(), reconcile.Request{NamespacedName: theCluster})
	return errors.Join(diskErr, clusterErr)
}

// live lets the operator, the pods and time go on until the cluster is as wanted.
func (w *world) live(what string, wanted func() bool) {
	w.Helper()
	var last error
	for range 60 {
		last = w.pass()
		w.kubelet()
		w.advance(time.Second)
		if last == nil && wanted() {
			return
		}
	}
	w.Fatalf("the world does not come to be: %s\nlast error: %v\n%s\nwrites: %s", what, last, w.describe(), strings.Join(w.writes, "\n"))
}

func (w *world) advance(d time.Duration) {
	w.now = w.now.Add(d)
	if w.ceph != nil {
		w.ceph.Advance(d)
	}
	w.byHand(func() {
		var leases coordinationv1.LeaseList
		w.must(w.api.List(w.Context(), &leases))
		for i := range leases.Items {
			leases.Items[i].Spec.RenewTime = &metav1.MicroTime{Time: w.now}
			w.must(w.api.Update(w.Context(), &leases.Items[i]))
		}
	})
}

// byHand writes as this world, not as the operator.
func (w *world) byHand(f func()) {
	w.own = true
	defer func() { w.own = false }()
	f()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) cluster() *v1alpha1.StorageCluster {
	object := &v1alpha1.StorageCluster{}
	w.must(client.IgnoreNotFound(w.api.Get(w.Context(), theCluster, object)))
	return object
}

func (w *world) condition(conditionType string) metav1.Condition {
	found := meta.FindStatusCondition(w.cluster().Status.Conditions, conditionType)
	if found == nil {
		return metav1.Condition{}
	}
	return *found
}

// healthy says that Ceph itself is well, with all its daemons, and that the object says so.
func (w *world) healthy(mons, mgrs, osds int) func() bool {
	return func() bool {
		if w.ceph == nil {
			return false
		}
		s, err := w.ceph.Admin().Snapshot(w.Context())
		if err != nil {
			return false
		}
		up := 0
		for _, osd := range s.OSDs {
			if osd.Up {
				up++
			}
		}
		return s.Health.Status == ceph.HealthOK && len(s.Quorum.InQuorum) == mons && up == osds && 1+len(s.Mgr.Standbys) == mgrs &&
			w.condition(v1alpha1.ConditionReady).Status == metav1.ConditionTrue
	}
}

func (w *world) describe() string {
	var b strings.Builder
	for _, c := range w.cluster().Status.Conditions {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	if w.ceph != nil {
		if s, err := w.ceph.Admin().Snapshot(w.Context()); err == nil {
			fmt.Fprintf(&b, "ceph: %+v, quorum %v, %d OSDs\n", s.Health, s.Quorum.InQuorum, len(s.OSDs))
		}
	}
	return b.String()
}

// kubelet gives Services their addresses, and runs what the Deployments ask for.
func (w *world) kubelet() {
	w.byHand(func() {
		w.addresses()
		w.agents()
		w.makeCeph()
		var deployments appsv1.DeploymentList
		w.must(w.api.List(w.Context(), &deployments))
		wanted := map[string]bool{}
		for i := range deployments.Items {
			if w.failed[deployments.Items[i].Annotations[manifest.AnnotationNode]] {
				continue
			}
			wanted[deployments.Items[i].Name] = true
			w.runPod(&deployments.Items[i])
		}
		w.stopPods(wanted)
		w.readStores()
	})
}

func (w *world) addresses() {
	var services corev1.ServiceList
	w.must(w.api.List(w.Context(), &services))
	taken := map[string]bool{}
	for _, s := range services.Items {
		taken[s.Spec.ClusterIP] = true
	}
	for i := range services.Items {
		service := &services.Items[i]
		for n := 1; service.Spec.ClusterIP == ""; n++ {
			if ip := "10.96.0." + strconv.Itoa(n); !taken[ip] {
				service.Spec.ClusterIP, taken[ip] = ip, true
				w.must(w.api.Update(w.Context(), service))
			}
		}
	}
}

// makeCeph makes the Ceph that the seed asks for: with that the first mon is made.
func (w *world) makeCeph() {
	stored, err := observe.Read(w.Context(), w.api, w.api, plan.ClusterKey(theCluster))
	w.must(err)
	if w.ceph != nil || stored.Seed == nil || stored.Identity == nil {
		return
	}
	keyring := []ceph.Entity{keys.Mon(stored.Identity.Mon), keys.Admin(stored.Identity.Admin)}
	for _, mon := range stored.Seed.Mons {
		w.stores[mon] = stored.Identity.Mon
	}
	for _, id := range stored.Seed.OSDs {
		keyring = append(keyring, ceph.Entity{Name: "osd." + strconv.Itoa(int(id)), Key: stored.Reservations[id].Key,
			Caps: ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"}})
	}
	made, err := sim.New(sim.Options{FSID: stored.Identity.FSID, Mons: stored.Seed.Mons, Mgrs: stored.Seed.Mgrs, Stopped: true, Keyring: keyring})
	w.must(err)
	w.ceph, w.fsid = made, stored.Identity.FSID
}

// nodes returns three nodes with a Lease of discover each, and so many empty disks on each.
func nodesAndDisks(nodes, disks int) []client.Object {
	var objects []client.Object
	at := metav1.NewMicroTime(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC))
	for n := range nodes {
		name := "n" + strconv.Itoa(n+1)
		objects = append(objects, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
			Status: corev1.NodeStatus{
				Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Gi")},
				Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
				Addresses:   []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0." + strconv.Itoa(n+1)}},
			},
		}, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "seamount-discover-" + name,
				Labels: map[string]string{observe.LabelComponent: v1alpha1.ComponentDiscover}},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, RenewTime: &at},
		})
		for d := range disks {
			objects = append(objects, emptyDisk(name, d))
		}
	}
	return objects
}

func emptyDisk(node string, number int) *v1alpha1.StorageDisk {
	value := fmt.Sprintf("5000c500%s%02d", node, number)
	return &v1alpha1.StorageDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "wwn-" + value, Labels: map[string]string{v1alpha1.LabelNode: node}},
		Spec:       v1alpha1.StorageDiskSpec{Use: v1alpha1.DiskUseAllowed},
		Status: v1alpha1.StorageDiskStatus{
			Node: node, Presence: v1alpha1.PresencePresent,
			Identity: &v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: value},
			Hardware: &v1alpha1.DiskHardware{Media: v1alpha1.MediaHDD, Transport: v1alpha1.TransportSAS, Size: resource.NewQuantity(1<<40, resource.BinarySI)},
			Content:  &v1alpha1.DiskContent{Kind: v1alpha1.ContentEmpty},
			Verdict:  &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "sha256:" + value},
		},
	}
}

func mainCluster() *v1alpha1.StorageCluster {
	return &v1alpha1.StorageCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "main", UID: "1", Generation: 1},
		Spec: v1alpha1.StorageClusterSpec{
			Ceph: v1alpha1.CephSpec{Image: "quay.io/ceph/ceph:v20.2.4"},
			Storage: v1alpha1.StorageSpec{Rules: []v1alpha1.DiskRule{
				{Name: "all", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}}},
			}},
		},
	}
}
