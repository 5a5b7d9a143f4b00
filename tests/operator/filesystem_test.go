//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// oneFilesystem has a data pool of each layout, and servers that are light enough for a machine of two cores.
const oneFilesystem = `{apiVersion: seamount.dev/v1alpha1, kind: StorageFilesystem, metadata: {name: e2e-home}, spec: {
  clusterRef: {name: %s}, dataPools: [{name: default, replicated: {replicas: 3}}, {name: bulk, erasureCoded: {dataChunks: 2, codingChunks: 1}}],
  mds: {active: %d}, storageClasses: [{name: e2e-home}, {name: e2e-home-bulk, dataPool: bulk}]}}`

// filesystem makes a filesystem, grows it to two ranks and back, fails a rank over, and deletes it, which is refused while it
// has subvolumes.
func (s *suite) filesystem(t *testing.T) {
	start := time.Now()
	s.Apply(t, s.namespace, fmt.Sprintf(oneFilesystem, s.name, 1))
	defer s.deleteFilesystem(t) // not a cleanup: the context of the test has ended by then
	s.awaitFilesystem(t, v1alpha1.ConditionReady, "True", "Available")
	t.Logf("StorageFilesystem, apply to Ready: %.1f s", time.Since(start).Seconds())
	s.awaitFilesystem(t, v1alpha1.ConditionStorageClassesReady, "True", "Made")
	s.awaitRanks(t, 1)
	if got := s.ask(t, "ceph fs subvolumegroup ls e2e-home"); !strings.Contains(got, `"e2e-home"`) || !strings.Contains(got, `"e2e-home-bulk"`) {
		t.Errorf("subvolume groups: %s", got)
	}

	s.Apply(t, s.namespace, fmt.Sprintf(oneFilesystem, s.name, 2))
	ranks := s.awaitRanks(t, 2)
	s.ask(t, "ceph mds fail "+ranks[0].Daemon)
	s.Eventually(t, "another daemon holds rank 0, and the status says which", func() error {
		now, err := s.ranks(t)
		if err == nil && (len(now) != 2 || now[0].Daemon == ranks[0].Daemon || now[0].Daemon == "" || now[0].State != "active") {
			err = fmt.Errorf("ranks %+v", now)
		}
		return err
	})
	s.awaitFilesystem(t, v1alpha1.ConditionMDSHealthy, "True", "AllRanksActive")

	s.Apply(t, s.namespace, fmt.Sprintf(oneFilesystem, s.name, 1))
	s.awaitRanks(t, 1)
	s.awaitServers(t, 2)
	s.subvolumeBlocksDeletion(t)
}

// subvolumeBlocksDeletion deletes the filesystem while there is a subvolume in it, and then without one.
func (s *suite) subvolumeBlocksDeletion(t *testing.T) {
	s.ask(t, "ceph fs subvolume create e2e-home pvc-e2e --group_name e2e-home-bulk --size 16777216")
	if err := s.kubectl("delete", "storagefilesystem", "e2e-home", "--wait=false"); err != nil {
		t.Fatal(err)
	}
	said := s.awaitFilesystem(t, v1alpha1.ConditionDeleting, "True", "DependentsExist")
	if !strings.Contains(said.Message, "e2e-home-bulk/pvc-e2e") {
		t.Errorf("it says %q", said.Message)
	}
	if got := s.ask(t, "ceph fs subvolume ls e2e-home e2e-home-bulk"); !strings.Contains(got, "pvc-e2e") {
		t.Errorf("subvolumes: %s", got)
	}
	s.ask(t, "ceph fs subvolume rm e2e-home pvc-e2e --group_name e2e-home-bulk")
	s.Eventually(t, "the StorageFilesystem is gone", func() error {
		err := s.Client.Get(t.Context(), s.key("e2e-home"), &v1alpha1.StorageFilesystem{})
		if err == nil {
			return fmt.Errorf("it is there: %s", s.ask(t, "ceph fs ls"))
		}
		return client.IgnoreNotFound(err)
	})
	for _, command := range []string{"ceph fs ls", "ceph osd pool ls", "ceph osd crush rule ls"} {
		if got := s.ask(t, command); strings.Contains(got, "e2e-home") {
			t.Errorf("%s: %s", command, got)
		}
	}
	s.awaitServers(t, 0)
}

func (s *suite) ranks(t *testing.T) ([]v1alpha1.MDSRank, error) {
	var filesystem v1alpha1.StorageFilesystem
	err := s.Client.Get(t.Context(), s.key("e2e-home"), &filesystem)
	return filesystem.Status.Ranks, err
}

// awaitRanks waits until so many ranks are active, each on a node that the status names.
func (s *suite) awaitRanks(t *testing.T, count int) (ranks []v1alpha1.MDSRank) {
	t.Helper()
	s.Eventually(t, fmt.Sprintf("%d ranks are active", count), func() (err error) {
		if ranks, err = s.ranks(t); err != nil {
			return err
		}
		for _, rank := range ranks {
			if rank.State != "active" || rank.Daemon == "" || rank.Node == "" {
				return fmt.Errorf("ranks %+v", ranks)
			}
		}
		if len(ranks) != count {
			return fmt.Errorf("ranks %+v", ranks)
		}
		return nil
	})
	return ranks
}

// awaitServers waits until so many pods of metadata servers are there.
func (s *suite) awaitServers(t *testing.T, count int) {
	t.Helper()
	s.Eventually(t, fmt.Sprintf("%d metadata servers", count), func() error {
		if pods := s.pods(t, "mds"); len(pods) != count {
			return fmt.Errorf("%d pods", len(pods))
		}
		return nil
	})
}

// awaitFilesystem waits for a condition of the StorageFilesystem.
func (s *suite) awaitFilesystem(t *testing.T, kind string, status metav1.ConditionStatus, reason string) (found metav1.Condition) {
	t.Helper()
	s.Eventually(t, fmt.Sprintf("%s is %s %s", kind, status, reason), func() error {
		var filesystem v1alpha1.StorageFilesystem
		if err := s.Client.Get(t.Context(), s.key("e2e-home"), &filesystem); err != nil {
			return err
		}
		condition := meta.FindStatusCondition(filesystem.Status.Conditions, kind)
		if condition == nil || condition.Status != status || condition.Reason != reason {
			return fmt.Errorf("conditions %+v", filesystem.Status.Conditions)
		}
		found = *condition
		return nil
	})
	return found
}

// deleteFilesystem takes the filesystem away, so that the next part finds the cluster as this one did.
func (s *suite) deleteFilesystem(t *testing.T) {
	if err := s.kubectl("delete", "storagefilesystem", "e2e-home", "--ignore-not-found", "--timeout=150s"); err != nil {
		t.Error(err)
	}
	s.awaitWhole(t)
}
