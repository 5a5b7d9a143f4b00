package execute

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// provide does the step on a simulated cluster, and returns what the CSI controller is handed.
func (w *world) provide(t *testing.T, made *sim.Cluster, action plan.ProvideUsers) handover.CSICluster {
	t.Helper()
	w.target.Ceph = func() (ceph.Client, error) { return made.Admin(), nil }
	action.Mons = []string{"10.96.0.1"}
	if outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(action, "users")}}); outcome.Err != nil || !outcome.UsersChecked {
		t.Fatalf("%+v", outcome)
	}
	handed, value := w.handed(t, w.target.Object.Name)
	w.target.Stored.CSI, w.target.Stored.CSIValue = &handed, value
	return handed
}

func (w *world) handed(t *testing.T, cluster string) (handover.CSICluster, []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	if err := w.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: handover.CSISecretName}, secret); err != nil {
		t.Fatal(err)
	}
	handed, err := handover.DecodeCSICluster(secret.Data[cluster])
	if err != nil {
		t.Fatal(err)
	}
	return handed, secret.Data[cluster]
}

func simulated(t *testing.T) *sim.Cluster {
	t.Helper()
	made, err := sim.New(sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestProvideUsers(t *testing.T) {
	t.Parallel()
	w, made := newWorld(t), simulated(t)
	handed := w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1", "n2"}})
	if handed.FSID != fsid || !slices.Equal(handed.Mons, []string{"10.96.0.1"}) {
		t.Errorf("handed over the cluster %s at %v", handed.FSID, handed.Mons)
	}
	wanted := map[string]ceph.Caps{keys.NameCSI: keys.CSICaps(), keys.NameNode("n1"): keys.NodeCaps(), keys.NameNode("n2"): keys.NodeCaps()}
	for _, user := range append(slices.Collect(maps.Values(handed.Nodes)), handed.User) {
		entity, err := made.Admin().Entity(t.Context(), user.Entity)
		if err != nil || !entity.Key.Equal(user.Key) {
			t.Errorf("%s: another key than Ceph's, or %v", user.Entity, err)
		}
		if diff := cmp.Diff(wanted[user.Entity], entity.Caps); diff != "" {
			t.Errorf("%s: %s", user.Entity, diff)
		}
	}

	before, calls := w.applied.Load(), made.Calls()
	again := w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1", "n2"}})
	if diff := cmp.Diff(handed, again); diff != "" || w.applied.Load() != before {
		t.Errorf("the second time %d writes: %s", w.applied.Load()-before, diff)
	}
	after := made.Calls()
	delete(after, "Entities")
	delete(calls, "Entities")
	delete(after, "Entity") // what this test asks
	delete(calls, "Entity")
	if diff := cmp.Diff(calls, after); diff != "" {
		t.Errorf("the second time Ceph is asked for more than a list: %s", diff)
	}
}

// What somebody changed comes back, but a fence: that is lifted by who knows that the node has started anew.
func TestProvideUsersLeavesAFence(t *testing.T) {
	t.Parallel()
	w, made := newWorld(t), simulated(t)
	w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1", "n2", "n3", "n4"}})
	admin := made.Admin()
	for node, caps := range map[string]ceph.Caps{"n1": {"mon": "allow r"}, "n2": keys.FencedCaps("boot-1"), "n3": {}, "n4": keys.FencedCaps("b")} {
		if err := admin.SetCaps(t.Context(), keys.NameNode(node), caps); err != nil {
			t.Fatal(err)
		}
	}
	w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1", "n2", "n3"}, Retired: []string{"n4"}})
	for node, want := range map[string]ceph.Caps{"n1": keys.NodeCaps(), "n2": keys.FencedCaps("boot-1"), "n3": {}, "n4": keys.FencedCaps("b")} {
		entity, err := admin.Entity(t.Context(), keys.NameNode(node))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, entity.Caps); diff != "" {
			t.Errorf("%s: %s", node, diff)
		}
	}
}

func TestRetiredUsersGo(t *testing.T) {
	t.Parallel()
	w, made := newWorld(t), simulated(t)
	w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1", "n2"}})
	handed := w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1"}, Retired: []string{"n2"}})
	if _, still := handed.Nodes["n2"]; still || len(handed.Nodes) != 1 {
		t.Errorf("handed over %v", slices.Collect(maps.Keys(handed.Nodes)))
	}
	all, err := made.Admin().Entities(t.Context())
	if err != nil || slices.ContainsFunc(all, func(e ceph.Entity) bool { return e.Name == keys.NameNode("n2") }) {
		t.Errorf("Ceph has %v, %v", all, err)
	}
}

// Clusters of one namespace share the Secret, and do not disturb each other. The last that goes takes it along.
func TestClustersShareTheSecret(t *testing.T) {
	t.Parallel()
	w, made := newWorld(t), simulated(t)
	first := w.target.Object
	w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1"}})
	second := first.DeepCopy()
	second.Name, second.UID = "other", "2"
	w.target.Object, w.target.Stored.CSI, w.target.Stored.CSIValue = second, nil, nil
	w.provide(t, made, plan.ProvideUsers{Nodes: []string{"n1"}})
	w.handed(t, "main")
	for _, object := range []*v1alpha1.StorageCluster{first, second} {
		w.target.Object = object
		outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(plan.ReleaseCluster{}, "release")}})
		if outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		if object == first {
			w.handed(t, "other")
		}
	}
	if w.exists(t, &corev1.Secret{}, handover.CSISecretName) {
		t.Error("the Secret is left")
	}
}
