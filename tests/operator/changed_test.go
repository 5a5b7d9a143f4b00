//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

type terminated = corev1.ContainerStateTerminated

// content is what somebody writes on a disk after it was planned, at an offset that discover reads.
const (
	content       = "somebody's data"
	contentOffset = "4096"
)

// diskChanged plugs in two disks, keeps their pods from starting until both are reserved, and writes to one of them
// meanwhile. That one is refused and stays as it is; the other goes on.
func (s *suite) diskChanged(t *testing.T) {
	release := s.holdPods(t)
	before := len(s.reservations(t))
	start := time.Now()
	changed := s.AddDisk(s.whole, "node2", diskSize)
	s.addDisk("node3")
	s.Eventually(t, "both disks are reserved", func() error {
		if n := len(s.reservations(t)) - before; n != 2 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	s.Exec(t, changed.Node, "sh", "-ec", fmt.Sprintf("printf %%s %q | dd of=%s bs=1 seek=%s conv=notrunc,fsync status=none",
		content, changed.Path, contentOffset))
	release()
	s.watch.await(t, s.ceph, start, "the other disk's OSD is up", func(x state) bool { return x.Up == len(s.disks) })
	disk := s.awaitRefused(t, changed)
	t.Logf("%s: %+v", disk.Name, disk.Status.Conditions)
	s.untouched(t, changed)
	said := s.awaitCondition(t, "DisksSettled", "False", v1alpha1.ReasonDeviceChanged)
	if !strings.Contains(said.Message, disk.Name) {
		t.Errorf("DisksSettled does not name the disk: %s", said.Message)
	}
}

// holdPods lets no more pods into the namespace until release is called.
func (s *suite) holdPods(t *testing.T) (release func()) {
	t.Helper()
	s.Apply(t, s.namespace, `{apiVersion: v1, kind: ResourceQuota, metadata: {name: hold}, spec: {hard: {pods: "0"}}}`)
	done := false
	release = func() {
		if done {
			return
		}
		done = true
		if err := s.kubectl("delete", "resourcequota", "hold"); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(release)
	s.Eventually(t, "the quota holds", func() error {
		out, err := s.TryKubectl("", "-n", s.namespace, "get", "resourcequota", "hold", "-o", "jsonpath={.status.hard.pods}")
		if err == nil && out != "0" {
			err = fmt.Errorf("it is %q", out)
		}
		return err
	})
	return release
}

// awaitRefused waits until a disk says that it changed, and what to do.
func (s *suite) awaitRefused(t *testing.T, d cluster.Disk) *v1alpha1.StorageDisk {
	t.Helper()
	var disk *v1alpha1.StorageDisk
	s.Eventually(t, d.Device+" of "+d.Node+" is refused", func() error {
		disk = s.StorageDisk(t, d)
		if disk == nil {
			return fmt.Errorf("it is not reported")
		}
		for _, condition := range disk.Status.Conditions {
			if condition.Type == "InService" && condition.Status == "False" && condition.Reason == v1alpha1.ReasonDeviceChanged {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", disk.Status.Conditions)
	})
	return disk
}

// untouched sees that a disk holds what somebody wrote, and nothing of Ceph's.
func (s *suite) untouched(t *testing.T, d cluster.Disk) {
	t.Helper()
	got := s.Exec(t, d.Node, "sh", "-ec", fmt.Sprintf("dd if=%s bs=1 skip=%s count=%d status=none", d.Path, contentOffset, len(content)))
	if got != content {
		t.Errorf("the disk holds %q", got)
	}
	rest := s.Exec(t, d.Node, "sh", "-ec", fmt.Sprintf("tr -d '\\0' <%s | wc -c", d.Path))
	if rest != fmt.Sprint(len(content)) {
		t.Errorf("the disk holds %s bytes that are not zero, want %d", rest, len(content))
	}
}
