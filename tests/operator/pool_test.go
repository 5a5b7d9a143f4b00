//go:build e2e

package operator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// threePools are one of each layout.
const threePools = `{apiVersion: v1, kind: List, items: [
{apiVersion: seamount.dev/v1alpha1, kind: StoragePool, metadata: {name: e2e-fast}, spec: {
  clusterRef: {name: %[1]s}, replicated: {replicas: 3}, compression: Aggressive, quota: {bytes: 1Gi}, targetPercent: 20,
  storageClasses: [{name: e2e-fast}, {name: e2e-fast-keep, reclaimPolicy: Retain, mapper: KRBD}]}},
{apiVersion: seamount.dev/v1alpha1, kind: StoragePool, metadata: {name: e2e-bulk}, spec: {
  clusterRef: {name: %[1]s}, erasureCoded: {dataChunks: 2, codingChunks: 1}, storageClasses: [{name: e2e-bulk, fsType: ext4}]}},
{apiVersion: seamount.dev/v1alpha1, kind: StoragePool, metadata: {name: e2e-scratch}, spec: {
  clusterRef: {name: %[1]s}, replicated: {replicas: 1, singleCopy: Accepted}}}]}`

// pools makes one pool of each layout, uses them, and sees that what holds images is not deleted.
func (s *suite) pools(t *testing.T) {
	names := []string{"e2e-fast", "e2e-bulk", "e2e-scratch"}
	start := time.Now()
	s.Apply(t, s.namespace, fmt.Sprintf(threePools, s.name))
	defer s.deletePools(t, names) // not a cleanup: the context of the test has ended by then
	for _, name := range names {
		s.awaitPool(t, name, v1alpha1.ConditionReady, "True", "Available")
	}
	t.Logf("three StoragePools, four pools of Ceph, apply to Ready: %.1f s", time.Since(start).Seconds())
	for _, name := range names {
		s.awaitPool(t, name, v1alpha1.ConditionStorageClassesReady, "True", "Made")
		s.awaitPool(t, name, v1alpha1.ConditionUpToDate, "True", "Current")
	}
	t.Logf("kubectl get storagepools -o wide\n%s", s.Kubectl(t, "-n", s.namespace, "get", "storagepools", "-o", "wide"))
	s.poolsInCeph(t)
	if got := s.Kubectl(t, "get", "storageclass", "e2e-bulk", "-o",
		"jsonpath={.provisioner} {.parameters.pool} {.parameters.dataPool} {.parameters.cluster}"); got != "rbd.csi.seamount.dev e2e-bulk e2e-bulk-data "+s.name {
		t.Errorf("StorageClass e2e-bulk has %q", got)
	}
	s.imageBlocksDeletion(t, "e2e-bulk", "e2e-bulk-data")
}

// poolsInCeph asks Ceph itself.
func (s *suite) poolsInCeph(t *testing.T) {
	got := s.ask(t, "ceph osd pool ls detail")
	for pool, want := range map[string]string{
		"e2e-fast": "replicated size 3 min_size 2", "e2e-bulk": "replicated size 2 min_size 1",
		"e2e-bulk-data": "size 3 min_size 2", "e2e-scratch": "replicated size 1 min_size 1",
	} {
		at := strings.Index(got, "'"+pool+"'")
		line, _, _ := strings.Cut(got[max(at, 0):], "\n")
		if at < 0 || !strings.Contains(line, want) || !strings.Contains(line, "application rbd") {
			t.Errorf("%s: want %s, with the application rbd, in\n%s", pool, want, got)
		}
	}
	if got := s.ask(t, "ceph config dump"); strings.Contains(got, "mon_allow_pool") {
		t.Errorf("a permission was left on:\n%s", got)
	}
}

// imageBlocksDeletion deletes a pool while there is an image in it, and then without one.
func (s *suite) imageBlocksDeletion(t *testing.T, pool, data string) {
	s.ask(t, fmt.Sprintf("rbd create %s/pvc-e2e --size 32M --data-pool %s; rbd bench --io-type write --io-size 64K --io-total 4M %[1]s/pvc-e2e", pool, data))
	if err := s.kubectl("delete", "storagepool", pool, "--wait=false"); err != nil {
		t.Fatal(err)
	}
	said := s.awaitPool(t, pool, v1alpha1.ConditionDeleting, "True", "DependentsExist")
	if !strings.Contains(said.Message, "1 volume (pvc-e2e)") {
		t.Errorf("it says %q", said.Message)
	}
	if got := s.ask(t, "rbd ls "+pool); got != "pvc-e2e" {
		t.Errorf("images: %q", got)
	}
	s.ask(t, fmt.Sprintf("rbd rm --no-progress %s/pvc-e2e", pool))
	s.awaitNoPool(t, pool)
	for _, command := range []string{"ceph osd pool ls", "ceph osd crush rule ls", "ceph osd erasure-code-profile ls"} {
		if got := s.ask(t, command); strings.Contains(got, pool) {
			t.Errorf("%s: %s", command, got)
		}
	}
	if _, err := s.TryKubectl("", "get", "storageclass", pool); err == nil {
		t.Error("the StorageClass is left")
	}
}

// awaitPool waits for a condition of a StoragePool.
func (s *suite) awaitPool(t *testing.T, name, kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	t.Helper()
	var found metav1.Condition
	s.Eventually(t, fmt.Sprintf("%s: %s is %s %s", name, kind, status, reason), func() error {
		var pool v1alpha1.StoragePool
		if err := s.Client.Get(t.Context(), s.key(name), &pool); err != nil {
			return err
		}
		condition := meta.FindStatusCondition(pool.Status.Conditions, kind)
		if condition == nil || condition.Status != status || condition.Reason != reason {
			return fmt.Errorf("conditions %+v", pool.Status.Conditions)
		}
		found = *condition
		return nil
	})
	return found
}

func (s *suite) awaitNoPool(t *testing.T, name string) {
	t.Helper()
	s.Eventually(t, "StoragePool "+name+" is gone", func() error {
		var pool v1alpha1.StoragePool
		err := s.Client.Get(t.Context(), s.key(name), &pool)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil {
			return fmt.Errorf("conditions %+v", pool.Status.Conditions)
		}
		return nil
	})
}

// deletePools takes all pools away, so that the next part finds the cluster as this one did.
func (s *suite) deletePools(t *testing.T, names []string) {
	err := s.kubectl(append([]string{"delete", "storagepool", "--ignore-not-found", "--timeout=150s"}, names...)...)
	if err != nil {
		t.Error(errors.Join(err, s.kubectl("get", "storagepools", "-o", "yaml")))
	}
	s.awaitWhole(t)
}
