//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// erased deletes the cluster with its data: every disk is reported and Usable again, nothing else of it is left, and a new
// cluster takes the same disks without help.
func (s *slicedSuite) erased(t *testing.T) {
	before, held := s.mustIdentity(t), s.heldDisks(t)
	s.Kubectl(t, "-n", s.namespace, "patch", "storagecluster", s.name, "--type=merge", "-p", `{"spec":{"deletionPolicy":"Wipe"}}`)
	uid := s.Kubectl(t, "-n", s.namespace, "get", "storagecluster", s.name, "-o", "jsonpath={.metadata.uid}")
	start := time.Now()
	s.Kubectl(t, "-n", s.namespace, "delete", "storagecluster", s.name, "--timeout=300s")
	t.Logf("deleted with its data after %.1f s", time.Since(start).Seconds())
	done := s.awaitOperation(t, "wipe-"+s.name+"-"+uid[:8]+"-1", v1alpha1.OperationSucceeded)
	s.verified(t, done)
	for _, target := range done.Targets {
		delete(held, target.Disk)
	}
	if len(held) > 0 {
		t.Errorf("disks were not erased: %v", held)
	}
	s.Eventually(t, "nothing of it is left", func() error { // pods end when their Deployments are gone
		left, err := s.TryKubectl("", "-n", s.namespace, "get", "secrets,configmaps,services,deployments,pods,poddisruptionbudgets", "-o", "name",
			"-l", v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(s.namespace, s.name))
		if err == nil && left != "" {
			err = fmt.Errorf("left is\n%s", left)
		}
		return err
	})
	for _, node := range nodes {
		if left := s.Exec(t, node, "sh", "-c", "ls -d "+handover.HostDir+"/"+before.FSID+" 2>/dev/null || true"); strings.TrimSpace(left) != "" {
			t.Errorf("node %s keeps %s", node, left)
		}
	}
	start = time.Now()
	s.Apply(t, product.Namespace, slicedCluster(s.name))
	s.watch = s.ceph.watch(t)
	took := s.watch.awaitHealthy(t, s.ceph, start, 1, 1, s.osds)
	t.Logf("a new cluster on the same disks: apply to HEALTH_OK %.1f s", took.Seconds())
	if now := s.mustIdentity(t).FSID; now == before.FSID {
		t.Errorf("it is the same Ceph: %s", now)
	}
}

// heldDisks are those that the cluster has claimed.
func (s *slicedSuite) heldDisks(t *testing.T) map[string]bool {
	t.Helper()
	held := map[string]bool{}
	for _, disk := range s.StorageDisks(t) {
		if claim := disk.Status.Claim; claim != nil && claim.Name == s.name {
			held[disk.Name] = true
		}
	}
	if len(held) == 0 {
		t.Fatal("no disk is claimed")
	}
	return held
}
