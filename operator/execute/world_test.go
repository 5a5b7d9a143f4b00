package execute

import (
	"context"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoapply "k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seamount-dev/seamount/api/applyconfiguration"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// world is a Kubernetes in memory and what the executor is told.
type world struct {
	client.WithWatch
	applied  atomic.Int64 // steps are done at once
	read     atomic.Int64
	executor *Executor
	target   Target
}

const fsid = "8b1c6d2e-0000-4000-8000-000000000001"

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{}
	w.WithWatch = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.StorageDisk{}, &v1alpha1.StorageCluster{}, &appsv1.Deployment{}).
		WithTypeConverters(applyconfiguration.NewTypeConverter(scheme), clientgoapply.NewTypeConverter(scheme), managedfields.NewDeducedTypeConverter()).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				w.read.Add(1)
				return c.Get(ctx, key, o, opts...)
			},
			Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				w.applied.Add(1)
				return c.Apply(ctx, o, opts...)
			},
		}).Build()
	w.executor = &Executor{Client: w, Live: w, Applier: NewApplier(w), Events: &events.FakeRecorder{}, NodeImage: "node:1"}
	w.target = Target{
		Object: &v1alpha1.StorageCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "main", UID: "1"}},
		Spec:   plan.Cluster{Image: "quay.io/ceph/ceph:v20.2.4"},
		Stored: &observe.Stored{
			Identity: &manifest.Identity{FSID: fsid, Admin: keys.New(ceph.CipherAES), Mon: keys.New(ceph.CipherAES)},
			Mons:     handover.Mons{Mons: []handover.Mon{{Name: "a", Node: "n1", Address: "10.96.0.1", State: handover.MonSeed}}},
		},
		Ceph: func() (ceph.Client, error) { return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable} },
	}
	return w
}

func step(do plan.Action, id string, after ...string) plan.Step {
	return plan.Step{ID: id, Reason: "a test", Do: do, After: after}
}

func mgr(name string) plan.DaemonID { return plan.DaemonID{Kind: plan.DaemonMgr, Name: name} }

func (w *world) exists(t *testing.T, object client.Object, name string) bool {
	t.Helper()
	err := w.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: name}, object)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return err == nil
}

func usableDisk(claim *v1alpha1.DiskClaim) *v1alpha1.StorageDisk {
	return &v1alpha1.StorageDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "wwn-1"},
		Status: v1alpha1.StorageDiskStatus{
			Claim: claim, Hardware: &v1alpha1.DiskHardware{Size: resource.NewQuantity(1<<40, resource.BinarySI)},
		},
	}
}

func osdOn(disk string) plan.Reservation {
	return plan.Reservation{
		ID: 0, Node: "n1", Location: ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: "n1"}}, Rule: "all", DeviceClass: "hdd",
		Data: plan.Part{Disk: disk, Count: 1, Bytes: 1 << 40, Seal: "sha256:1", Identity: v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "1"}},
	}
}
