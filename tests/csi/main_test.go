//go:build e2e

package csi

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

func TestMain(m *testing.M) {
	if task, ok := os.LookupEnv(noopVariable); ok {
		os.Exit(noopProcess(task))
	}
	os.Exit(cluster.Main(m))
}

var nodes = []string{"node1", "node2", "node3"}

const diskSize = "6G"

// suite is one Ceph cluster with a StoragePool or a StorageFilesystem, which the parts of a test share.
type suite struct {
	*product.Product
	cluster   string       // the StorageCluster's name
	image     string       // for pods that use volumes
	ceph      string       // image of Ceph
	namespace string       // of these pods and their claims
	noopEnded func() error // of the driver that makes nothing, for benchmarks
}

// TestVolumes does with volumes all that people do, and looks in the end what is left of it.
func TestVolumes(t *testing.T) {
	s := newSuite(t, pool, filesystem)
	t.Run("Parts", s.parts)
	t.Run("Killed", s.killed)
	t.Run("NothingLeft", s.nothingLeft)
	t.Run("Files", s.files)
}

// parts are about volumes of their own, two at a time.
func (s *suite) parts(t *testing.T) {
	for _, part := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"Moves", (*suite).moves},
		{"SnapshotRestored", (*suite).snapshotRestored},
		{"Cloned", (*suite).cloned},
		{"Expanded", (*suite).expanded},
		{"RawBlock", (*suite).rawBlock},
		{"RawBlockOfSeveralNodes", (*suite).rawBlockOfSeveralNodes},
		{"ReadByMany", (*suite).readByMany},
		{"FSGroup", (*suite).fsGroup},
		{"OneWriter", (*suite).oneWriter},
		{"Refused", (*suite).refused},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(s, t)
		})
	}
}

// clusterOf names the cluster of a test. One of the same name would be the former one, whose identity is kept.
func clusterOf(t testing.TB) string {
	name := strings.TrimPrefix(strings.TrimPrefix(t.Name(), "Test"), "Benchmark")
	return strings.ToLower(name)
}

// newSuite makes a cluster and what its volumes are made in.
func newSuite(t testing.TB, made ...backing) *suite {
	t.Helper()
	product.Prepare(t, len(nodes), "ceph-20", "seamount-node", "seamount", "workload")
	p := product.Install(t, len(nodes), product.Discover)
	ceph := p.Image(t, "ceph-20")
	p.SnapshotCRDs(t)
	p = product.Install(t, len(nodes), product.Discover, product.Operator, product.CSI)
	s := &suite{Product: p, cluster: clusterOf(t), image: p.Image(t, "workload"), ceph: ceph}
	for _, node := range nodes {
		p.AwaitVerdict(t, p.AddDisk(t, node, diskSize), v1alpha1.VerdictUsable, "")
	}
	start := time.Now()
	objects := []string{"storagecluster/" + s.cluster}
	p.Apply(t, product.Namespace, fmt.Sprintf(storage, s.cluster, ceph))
	for _, b := range made {
		p.Apply(t, product.Namespace, fmt.Sprintf(b.manifest, s.cluster))
		objects = append(objects, b.object)
	}
	t.Cleanup(func() { s.remove(t, objects) })
	s.awaitReady(t, objects)
	t.Logf("%s, apply to Ready: %.1f s", strings.Join(objects, ", "), time.Since(start).Seconds())
	s.namespace = p.Namespace(t)
	return s
}

// storage is a cluster on the disks of this test.
const storage = `
apiVersion: seamount.dev/v1alpha1
kind: StorageCluster
metadata: {name: %[1]s}
spec:
  ceph: {image: %[2]s}
  resourceProfile: Lean
  ` + product.BriefWarnings + `
  storage:
    rules:
    - name: disks
      match: {transports: [Loop], minSize: 6Gi, maxSize: 6Gi}
`

// backing is an object that volumes are made in.
type backing struct{ object, manifest string }

// pool has classes for both filesystems.
var pool = backing{"storagepool/vol", `
apiVersion: seamount.dev/v1alpha1
kind: StoragePool
metadata: {name: vol}
spec:
  clusterRef: {name: %s}
  replicated: {replicas: 3}
  storageClasses: [{name: vol}, {name: vol-ext4, fsType: ext4}]
`}

// remove takes all away, what was made last first, while the operator is there to do it. It is refused until the operator has
// seen that the volumes are gone.
func (s *suite) remove(t testing.TB, objects []string) {
	for _, object := range slices.Backward(objects) {
		s.Eventually(t, object+" is deleted", func() error {
			_, err := s.TryKubectl("", "-n", product.Namespace, "delete", object, "--ignore-not-found", "--timeout=170s")
			return err
		})
	}
}

// awaitReady waits for one object after the other, on a machine that may be busy with other things.
func (s *suite) awaitReady(t testing.TB, objects []string) {
	t.Helper()
	for _, object := range objects {
		var err error
		for range 4 {
			if _, err = s.TryKubectl("", "-n", product.Namespace, "wait", "--for=condition=Ready", "--timeout=150s", object); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Kubectl(t, "-n", product.Namespace, "get", object, "-o", "yaml"))
		}
	}
}

// ask runs a program of Ceph's in the pod of a mon, as client.admin. The key goes there by standard input.
func (s *suite) ask(t testing.TB, script string) string {
	t.Helper()
	var secret corev1.Secret
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: product.Namespace, Name: manifest.IdentityName(s.cluster)}, &secret); err != nil {
		t.Fatal(err)
	}
	identity, err := manifest.IdentityOf(&secret)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.TryKubectl(identity.Admin.Reveal(), "-n", product.Namespace, "exec", "-i", "deployment/"+manifest.MonName(s.cluster, "a"),
		"-c", manifest.ComponentMon, "--", "sh", "-ec", "umask 077; cat >/tmp/admin; export CEPH_ARGS='--keyfile /tmp/admin'\n"+script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sh runs a script in a pod.
func (s *suite) sh(t testing.TB, pod, script string) string {
	t.Helper()
	return s.Kubectl(t, "-n", s.namespace, "exec", pod, "--", "sh", "-ec", script)
}

// gone deletes objects and waits for that.
func (s *suite) gone(t testing.TB, objects ...string) {
	t.Helper()
	s.Kubectl(t, append([]string{"-n", s.namespace, "delete", "--timeout=170s"}, objects...)...)
}

// lines of a text that are not empty.
func lines(text string) []string { return strings.Fields(text) }
