//go:build e2e

package operator

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// ceph is a Ceph cluster in the local Kubernetes, whoever applied it.
type ceph struct {
	*product.Product
	namespace, name string
}

// storageCluster is a StorageCluster of that name that takes the disks of these tests, which are loop devices of
// diskSize: every node sees those that others on the machine make too. More lines of spec can follow.
func storageCluster(name string, lines ...string) string {
	return fmt.Sprintf(`
apiVersion: seamount.dev/v1alpha1
kind: StorageCluster
metadata: {name: %s, namespace: %s}
spec:
  ceph:
    image: %s
  resourceProfile: Lean
  %s
  storage:
    rules:
    - name: disks
      match: {transports: [Loop], minSize: 6Gi, maxSize: 6Gi}
  %s
`, name, product.Namespace, cephImage, product.BriefWarnings, strings.Join(lines, "\n  "))
}

// apply applies a StorageCluster and leaves it to the operator.
func apply(t testing.TB, p *product.Product, name string, lines ...string) *ceph {
	t.Helper()
	p.Apply(t, product.Namespace, storageCluster(name, lines...))
	return &ceph{Product: p, namespace: product.Namespace, name: name}
}

func (c *ceph) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: c.namespace, Name: name}
}

// identity is what is stored of the cluster's.
func (c *ceph) identity(ctx context.Context) (manifest.Identity, error) {
	var secret corev1.Secret
	if err := c.Client.Get(ctx, c.key(manifest.IdentityName(c.name)), &secret); err != nil {
		return manifest.Identity{}, err
	}
	return manifest.IdentityOf(&secret)
}

func (c *ceph) mustIdentity(t testing.TB) manifest.Identity {
	t.Helper()
	id, err := c.identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mons are those that are recorded.
func (c *ceph) mons(ctx context.Context) (handover.Mons, error) {
	var config corev1.ConfigMap
	if err := c.Client.Get(ctx, c.key(manifest.MonsName(c.name)), &config); err != nil {
		return handover.Mons{}, err
	}
	return manifest.MonsOf(&config)
}

// reservations of OSDs, by id.
func (c *ceph) reservations(t testing.TB) map[int32]handover.Reservation {
	t.Helper()
	var secrets corev1.SecretList
	c.list(t, &secrets, manifest.ComponentReservation)
	found := map[int32]handover.Reservation{}
	for i := range secrets.Items {
		r, err := manifest.ReservationOf(&secrets.Items[i])
		if err != nil {
			t.Fatal(err)
		}
		found[r.ID] = r
	}
	return found
}

// list lists the cluster's objects; with a component, only its.
func (c *ceph) list(t testing.TB, into client.ObjectList, component string) {
	t.Helper()
	labels := client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(c.namespace, c.name)}
	if component != "" {
		labels[manifest.LabelComponent] = component
	}
	if err := c.Client.List(t.Context(), into, client.InNamespace(c.namespace), labels); err != nil {
		t.Fatal(err)
	}
}

// pods of the cluster's daemons that are not on their way out; with a component, only its.
func (c *ceph) pods(t testing.TB, component string) []corev1.Pod {
	t.Helper()
	var all corev1.PodList
	c.list(t, &all, component)
	var pods []corev1.Pod
	for _, pod := range all.Items {
		if pod.DeletionTimestamp.IsZero() {
			pods = append(pods, pod)
		}
	}
	return pods
}

// object is the StorageCluster.
func (c *ceph) object(t testing.TB) *v1alpha1.StorageCluster {
	t.Helper()
	var object v1alpha1.StorageCluster
	if err := c.Client.Get(t.Context(), c.key(c.name), &object); err != nil {
		t.Fatal(err)
	}
	return &object
}

// condition of the StorageCluster; an empty one when it is not there.
func (c *ceph) condition(t testing.TB, kind string) metav1.Condition {
	t.Helper()
	for _, condition := range c.object(t).Status.Conditions {
		if condition.Type == kind {
			return condition
		}
	}
	return metav1.Condition{}
}

// run runs a program of Ceph's in the pod of a mon, as client.admin. The key goes there by standard input.
func (c *ceph) run(ctx context.Context, script string) (string, error) {
	id, err := c.identity(ctx)
	if err != nil {
		return "", err
	}
	mon, err := c.runningMon(ctx)
	if err != nil {
		return "", err
	}
	return c.TryKubectl(id.Admin.Reveal(), "-n", c.namespace, "exec", "-i", mon, "-c", manifest.ComponentMon, "--",
		"sh", "-ec", `key=$(mktemp); trap 'rm -f "$key"' EXIT; cat >"$key"; export CEPH_ARGS="--keyfile $key"`+"\n"+script)
}

// ask runs a program of Ceph's that must succeed.
func (c *ceph) ask(t testing.TB, script string) string {
	t.Helper()
	out, err := c.run(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *ceph) runningMon(ctx context.Context) (string, error) {
	var pods corev1.PodList
	labels := client.MatchingLabels{
		v1alpha1.LabelCluster:   v1alpha1.ClusterLabelValue(c.namespace, c.name),
		manifest.LabelComponent: manifest.ComponentMon,
	}
	if err := c.Client.List(ctx, &pods, client.InNamespace(c.namespace), labels); err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp.IsZero() && len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].State.Running != nil {
			return pod.Name, nil
		}
	}
	return "", fmt.Errorf("none of %d mons of %s runs", len(pods.Items), c.name)
}

// restarts are the containers of the cluster that were started more than once.
func (c *ceph) restarts(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, pod := range c.pods(t, "") {
		for _, status := range pod.Status.ContainerStatuses {
			if status.RestartCount > 0 {
				found = append(found, fmt.Sprintf("%s: %d: %+v", pod.Name, status.RestartCount, status.LastTerminationState.Terminated))
			}
		}
	}
	return found
}
