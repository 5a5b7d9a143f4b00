//go:build e2e

package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/app"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/session"
)

var theCluster = types.NamespacedName{Namespace: namespace, Name: "main"}

// person is the owner of the fields that a person writes.
const person = client.FieldOwner("kubectl")

// world is a cluster of nodes with empty disks, whose pods run.
type world struct {
	testing.TB
	*server
	kubelet *kubelet
}

func newWorld(t testing.TB, nodes, disks int) *world {
	t.Helper()
	s := theServer(t)
	s.clear(t)
	return newWorldOn(t, s, nodes, disks)
}

func newWorldOn(t testing.TB, s *server, nodes, disks int) *world {
	t.Helper()
	w := &world{TB: t, server: s}
	var group errgroup.Group
	group.SetLimit(workers)
	for n := range nodes {
		group.Go(func() error { return w.addNode(t.Context(), nodeName(n), n) })
		for d := range disks {
			group.Go(func() error { return w.addDisk(t.Context(), nodeName(n), d) })
		}
	}
	must(t, group.Wait())
	w.kubelet = newKubelet(t, s)
	return w
}

func nodeName(n int) string { return fmt.Sprintf("n%03d", n) }

// rackSize is how many nodes a rack has.
const rackSize = 20

// addNode adds a node whose discover is alive for as long as a test may take.
func (w *world) addNode(ctx context.Context, name string, number int) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, v1alpha1.LabelTopologyPrefix + "rack": "r" + strconv.Itoa(number/rackSize),
	}}}
	if err := w.api.Create(ctx, node); err != nil {
		return err
	}
	node.Status = corev1.NodeStatus{
		Allocatable: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Gi")},
		Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		Addresses:   []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.1.%d.%d", number/250, 1+number%250)}},
	}
	if err := w.api.Status().Update(ctx, node); err != nil {
		return err
	}
	now, seconds := metav1.NowMicro(), int32(24*time.Hour/time.Second)
	return w.api.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "seamount-discover-" + name, Labels: map[string]string{observe.LabelComponent: v1alpha1.ComponentDiscover},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, RenewTime: &now, LeaseDurationSeconds: &seconds},
	})
}

// addDisk adds an empty disk, as discover does.
func (w *world) addDisk(ctx context.Context, node string, number int) error {
	value := fmt.Sprintf("5000c500%s%02d", node, number)
	disk := &v1alpha1.StorageDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "wwn-" + value, Labels: map[string]string{v1alpha1.LabelNode: node}},
		Status: v1alpha1.StorageDiskStatus{
			Node: node, Presence: v1alpha1.PresencePresent,
			Identity: &v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: value},
			Hardware: &v1alpha1.DiskHardware{Media: v1alpha1.MediaHDD, Transport: v1alpha1.TransportSAS, Size: resource.NewQuantity(1<<40, resource.BinarySI)},
			Content:  &v1alpha1.DiskContent{Kind: v1alpha1.ContentEmpty},
			Verdict:  &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "sha256:" + value},
		},
	}
	if err := w.api.Create(ctx, disk.DeepCopy(), client.FieldOwner(v1alpha1.FieldOwnerDiscover(node))); err != nil {
		return err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(disk)
	if err != nil {
		return err
	}
	applied := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": disk.Name}, "status": content["status"]}}
	applied.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(v1alpha1.KindStorageDisk))
	return w.api.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner(v1alpha1.FieldOwnerDiscover(node)))
}

// apply makes the StorageCluster, as a person does.
func (w *world) apply() {
	w.Helper()
	must(w.TB, w.api.Create(w.Context(), &v1alpha1.StorageCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: theCluster.Namespace, Name: theCluster.Name},
		Spec: v1alpha1.StorageClusterSpec{
			Ceph: v1alpha1.CephSpec{Image: "quay.io/ceph/ceph:v20.2.4"},
			Storage: v1alpha1.StorageSpec{Rules: []v1alpha1.DiskRule{
				{Name: "all", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}}},
			}},
		},
	}, person))
}

// operator is one that runs.
type operator struct {
	manager.Manager
	wire *wire
	stop func()
}

// operatorConfig connects as the operator's ServiceAccount, with its rights and no others.
func operatorConfig(admin *rest.Config) *rest.Config {
	config := rest.CopyConfig(admin)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + v1alpha1.FieldOwnerOperator,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return config
}

func operatorOptions(dial session.Dial) app.Options {
	return app.Options{
		Namespace: namespace, Home: namespace, MetricsAddress: "0", HealthAddress: "0", NodeImage: "node:1", Dial: dial, Log: logr.Discard(),
	}
}

// operate starts an operator at a wire. It stops with the test, or before.
func (w *world) operate(wire *wire, elect bool) *operator {
	w.Helper()
	config := operatorConfig(w.config)
	config.Wrap(wire.around)
	options := operatorOptions(w.kubelet.dial)
	options.LeaderElection = elect
	mgr, err := app.New(config, options)
	must(w.TB, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = mgr.Start(ctx) // what it leaves is looked at
	}()
	o := &operator{Manager: mgr, wire: wire, stop: func() {
		cancel()
		<-done
	}}
	w.Cleanup(o.stop)
	w.Cleanup(func() {
		if forbidden := wire.Forbidden(); len(forbidden) > 0 && !wire.expectRefusals {
			w.Errorf("the operator lacks a permission: %v", forbidden)
		}
	})
	return o
}

func (w *world) cluster() (*v1alpha1.StorageCluster, error) {
	object := &v1alpha1.StorageCluster{}
	return object, w.api.Get(w.Context(), theCluster, object)
}

// healthy says that Ceph itself is well with all its daemons, and that the object says so.
func (w *world) healthy(mons, mgrs, osds int) func() error {
	return func() error {
		object, err := w.cluster()
		if err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("not Ready: %s", conditionsText(object))
		}
		s, err := w.kubelet.ceph.Load().Admin().Snapshot(w.Context())
		if err != nil {
			return err
		}
		up := 0
		for i := range s.OSDs {
			if s.OSDs[i].Up {
				up++
			}
		}
		if s.Health.Status != ceph.HealthOK || len(s.Quorum.InQuorum) != mons || 1+len(s.Mgr.Standbys) != mgrs || up != osds {
			return fmt.Errorf("%s with %d mons, %d mgrs, %d OSDs up", s.Health.Status, len(s.Quorum.InQuorum), 1+len(s.Mgr.Standbys), up)
		}
		return nil
	}
}

func conditionsText(object *v1alpha1.StorageCluster) string {
	text := ""
	for _, c := range object.Status.Conditions {
		text += fmt.Sprintf("%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}

// nothingWrong holds the laws that the kubelet watches.
func (w *world) nothingWrong() {
	w.Helper()
	for _, what := range w.kubelet.Wrong() {
		w.Error(what)
	}
}

// names of what was made in the namespace, by kind, sorted.
func (w *world) names() []string {
	w.Helper()
	var names []string
	for kind, list := range map[string]client.ObjectList{
		"Deployment": deploymentList(), "Pod": &corev1.PodList{}, "Service": &corev1.ServiceList{},
		"ConfigMap": &corev1.ConfigMapList{}, "Secret": &corev1.SecretList{}, "PodDisruptionBudget": budgetList(),
	} {
		must(w.TB, w.api.List(w.Context(), list, client.InNamespace(namespace)))
		must(w.TB, eachObject(list, func(object client.Object) error {
			names = append(names, kind+" "+object.GetName())
			return nil
		}))
	}
	slices.Sort(names)
	return names
}

func deploymentList() client.ObjectList { return &appsv1.DeploymentList{} }

func budgetList() client.ObjectList { return &policyv1.PodDisruptionBudgetList{} }

func leaseList() client.ObjectList { return &coordinationv1.LeaseList{} }

func eachObject(list client.ObjectList, f func(client.Object) error) error {
	var errs []error
	err := meta.EachListItem(list, func(o runtime.Object) error {
		errs = append(errs, f(o.(client.Object)))
		return nil
	})
	return errors.Join(append(errs, err)...)
}
