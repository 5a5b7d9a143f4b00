//go:build e2e

package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// namespace of Seamount, as the manifests have it.
const namespace = "seamount"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	if isOperatorProcess() {
		os.Exit(operatorProcess())
	}
	status := cluster.Main(m)
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// server is etcd and kube-apiserver with what deploy installs. There is nothing else: no controller, no scheduler.
type server struct {
	sync.Once
	environment *envtest.Environment
	config      *rest.Config // of an administrator
	api         client.WithWatch
}

// shared is the server of all tests of this package, which run one after the other.
var shared server

func (s *server) stop() error {
	if s.environment == nil {
		return nil
	}
	return s.environment.Stop()
}

// theServer starts the server, once.
func theServer(t testing.TB) *server {
	t.Helper()
	shared.Do(func() { shared.start(t) })
	if shared.api == nil {
		t.Fatal("the API server did not start")
	}
	return &shared
}

func (s *server) start(t testing.TB) {
	t.Helper()
	root, err := crdtest.Root()
	must(t, err)
	environment := &envtest.Environment{
		BinaryAssetsDirectory: cluster.Build(t), ControlPlaneStartTimeout: 2 * time.Minute, ControlPlaneStopTimeout: time.Minute,
		CRDInstallOptions: envtest.CRDInstallOptions{Paths: []string{filepath.Join(root, "deploy", "crds")}, ErrorIfPathMissing: true, MaxTime: time.Minute},
	}
	// Who makes an owner reference that blocks the owner's deletion must be allowed to: some distributions ask for it.
	environment.ControlPlane.GetAPIServer().Configure().Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
	s.environment = environment
	s.config, err = environment.Start()
	must(t, err)
	s.config.QPS, s.config.Burst = -1, -1 // the server sets the pace
	api, err := client.NewWithWatch(s.config, client.Options{Scheme: scheme(t)})
	must(t, err)
	must(t, api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	for _, pattern := range []string{"policies/*.yaml", "manifests/operator/rbac.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, "deploy", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("nothing at deploy/%s: %v", pattern, err)
		}
		for _, file := range files {
			install(t, api, file)
		}
	}
	awaitPolicies(t, api)
	s.api = api
}

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	must(t, errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s)))
	return s
}

// install creates the objects of a manifest.
func install(t testing.TB, api client.Client, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		object := &unstructured.Unstructured{}
		must(t, yaml.Unmarshal(document, &object.Object))
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

// awaitPolicies waits until a disk that is claimed cannot be deleted: policies take effect some time after they are
// stored.
func awaitPolicies(t testing.TB, api client.Client) {
	t.Helper()
	disk := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "claimed"}}
	must(t, api.Create(t.Context(), disk))
	disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: namespace, Name: "main", FSID: "8b1c6d2e", Rule: "all"}
	must(t, api.Status().Update(t.Context(), disk))
	eventually(t, "a claimed disk cannot be deleted", func() error {
		if err := api.Delete(t.Context(), disk, client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Errorf("deleting it is answered with: %w", err)
		}
		return nil
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is for a machine that has much else to do.
const patience = 2 * time.Minute

func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	gomega.NewWithT(t).Eventually(check).WithTimeout(patience).WithPolling(50*time.Millisecond).Should(gomega.Succeed(), what)
}

// clear removes everything that a test made, finalizers or not.
func (s *server) clear(t testing.TB) {
	t.Helper()
	ctx := context.Background() // also after the test
	for _, list := range []client.ObjectList{
		&v1alpha1.StorageClusterList{}, deploymentList(), &corev1.PodList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{},
		&corev1.SecretList{}, budgetList(), leaseList(), &v1alpha1.StorageDiskList{}, &corev1.NodeList{},
	} {
		must(t, s.api.List(ctx, list))
		must(t, eachObject(list, func(object client.Object) error { return s.remove(ctx, object) }))
	}
}

// remove removes an object of a test, and leaves those of the server.
func (s *server) remove(ctx context.Context, object client.Object) error {
	if object.GetNamespace() != namespace && object.GetNamespace() != "" {
		return nil
	}
	if disk, ok := object.(*v1alpha1.StorageDisk); ok && disk.Status.Claim != nil {
		disk.Status.Claim = nil
		if err := s.api.Status().Update(ctx, disk); err != nil {
			return err
		}
	}
	if len(object.GetFinalizers()) > 0 {
		object.SetFinalizers(nil)
		if err := s.api.Update(ctx, object); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	return client.IgnoreNotFound(s.api.Delete(ctx, object, client.GracePeriodSeconds(0)))
}
