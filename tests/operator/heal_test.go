//go:build e2e

package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// deleted deletes objects of the cluster one by one. Each comes back, as it was.
func (s *suite) deleted(t *testing.T) {
	for _, component := range []string{manifest.ComponentMon, manifest.ComponentMgr, manifest.ComponentOSD} {
		t.Run("Pod of "+component, func(t *testing.T) { s.podDeleted(t, component) })
	}
	for _, daemon := range []string{manifest.MonName(s.name, "a"), manifest.MgrName(s.name, "a"), manifest.OSDName(s.name, 0)} {
		t.Run("Deployment "+daemon, func(t *testing.T) { s.objectDeleted(t, &appsv1.Deployment{}, daemon) })
	}
	t.Run("Service", s.serviceDeleted)
	t.Run("ConfigMap", func(t *testing.T) { s.configDeleted(t, manifest.ConfigName(s.name)) })
	t.Run("Secret", s.keyDeleted)
}

func (s *suite) podDeleted(t *testing.T, component string) {
	pod := s.pods(t, component)[0]
	start := time.Now()
	s.Kubectl(t, "-n", s.namespace, "delete", "pod", pod.Name)
	s.awaitWhole(t)
	t.Logf("pod of %s deleted to HEALTH_OK: at most %.1f s", component, time.Since(start).Seconds())
}

// objectDeleted deletes an object and waits until another of its name is there.
func (s *suite) objectDeleted(t *testing.T, object client.Object, name string) {
	t.Helper()
	before := s.uid(t, object, name)
	if err := s.Client.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	s.Eventually(t, "another "+name, func() error {
		if err := s.Client.Get(t.Context(), s.key(name), object); err != nil {
			return err
		}
		if object.GetUID() == before {
			return fmt.Errorf("it is the old one still")
		}
		return nil
	})
	s.awaitWhole(t)
}

func (s *suite) uid(t *testing.T, object client.Object, name string) types.UID {
	t.Helper()
	if err := s.Client.Get(t.Context(), s.key(name), object); err != nil {
		t.Fatal(err)
	}
	return object.GetUID()
}

// serviceDeleted deletes the Service of a mon, whose address is the mon's identity.
func (s *suite) serviceDeleted(t *testing.T) {
	var service corev1.Service
	name := manifest.MonName(s.name, "a")
	s.uid(t, &service, name)
	before := service.Spec.ClusterIP
	s.objectDeleted(t, &service, name)
	if service.Spec.ClusterIP != before {
		t.Errorf("the address is %s, was %s", service.Spec.ClusterIP, before)
	}
}

func (s *suite) configDeleted(t *testing.T, name string) {
	var config corev1.ConfigMap
	s.uid(t, &config, name)
	before := config.Data
	s.objectDeleted(t, &config, name)
	s.Eventually(t, name+" says what it said", func() error {
		if err := s.Client.Get(t.Context(), s.key(name), &config); err != nil {
			return err
		}
		if !maps.Equal(config.Data, before) {
			return fmt.Errorf("now %v, before %v", config.Data, before)
		}
		return nil
	})
}

// keyDeleted deletes a mgr's Secret: its key is in Ceph, and the same comes back.
func (s *suite) keyDeleted(t *testing.T) {
	var secret corev1.Secret
	name := manifest.MgrName(s.name, "a")
	s.uid(t, &secret, name)
	before := string(secret.Data["keyring"])
	s.objectDeleted(t, &secret, name)
	if string(secret.Data["keyring"]) != before {
		t.Error("the keyring is another")
	}
}

// allPodsDeleted deletes all Ceph pods at once. Replacements start while the old ones still end; no container may fail
// because of that. The environment says how often.
func (s *suite) allPodsDeleted(t *testing.T) {
	for range rounds.Of(t, rounds.Kills, 1) {
		selector := v1alpha1.LabelCluster + "=" + v1alpha1.ClusterLabelValue(s.namespace, s.name)
		start := time.Now()
		s.Kubectl(t, "-n", s.namespace, "delete", "pods", "-l", selector, "--wait=false")
		took := s.awaitHealthyAgain(t, start)
		t.Logf("all Ceph pods deleted to HEALTH_OK: %.1f s (%s)", took.Seconds(), s.watch.phases(start, len(s.disks)))
		s.awaitWhole(t)
		if found := s.restarts(t); len(found) > 0 {
			t.Fatalf("containers were started again: %v", found)
		}
	}
}

// nodeStopped stops a node in order and starts it again.
func (s *suite) nodeStopped(t *testing.T) {
	s.upAfter(t)
	start := time.Now()
	s.Local(t, "node", "stop", "node2")
	s.watch.await(t, s.ceph, start, "a mon and the node's OSDs are out", func(x state) bool {
		return len(x.Quorum) == 2 && x.Up == len(s.disks)-s.perNode()["node2"]
	})
	if got := s.condition(t, "Ready"); got.Status != "True" {
		s.awaitCondition(t, "Ready", "True", "")
	}
	back := time.Now()
	s.Local(t, "node", "start", "node2")
	took := s.watch.awaitHealthy(t, s.ceph, back, 3, 2, len(s.disks))
	t.Logf("node started to HEALTH_OK: %.1f s", took.Seconds())
	s.awaitWhole(t)
}

// powerCut cuts the power of all nodes at once.
func (s *suite) powerCut(t *testing.T) {
	s.upAfter(t)
	var before map[int32]int64
	s.Eventually(t, "Ceph says when its OSDs came up", func() (err error) {
		before, err = s.boots(t.Context())
		return err
	})
	s.Local(t, append([]string{"node", "kill"}, nodes...)...)
	back := time.Now()
	s.Local(t, append([]string{"node", "start"}, nodes...)...)
	s.awaitBooted(t, before)
	s.awaitWhole(t)
	t.Logf("power on to HEALTH_OK: %.1f s", time.Since(back).Seconds())
}

// mappedOSD is an OSD in the osdmap.
type mappedOSD struct {
	OSD    int32 `json:"osd"`
	Up     int32 `json:"up"`
	In     int32 `json:"in"`
	UpFrom int64 `json:"up_from"`
}

func (s *suite) osdmap(ctx context.Context) ([]mappedOSD, error) {
	out, err := s.run(ctx, "timeout 60 ceph osd dump --format json 2>/dev/null")
	if err != nil {
		return nil, err
	}
	var dump struct{ OSDs []mappedOSD }
	err = json.Unmarshal([]byte(out), &dump)
	return dump.OSDs, err
}

// boots are the epochs of the osdmap in which OSDs came up, by id.
func (s *suite) boots(ctx context.Context) (map[int32]int64, error) {
	osds, err := s.osdmap(ctx)
	if err != nil {
		return nil, err
	}
	boots := map[int32]int64{}
	for _, o := range osds {
		if o.Up == 1 {
			boots[o.OSD] = o.UpFrom
		}
	}
	return boots, nil
}

// awaitBooted waits until all OSDs have come up again. When all mons went down at once nobody told of an OSD that it is down, and
// Ceph calls all of them up, and all PGs clean, until it hears of them.
func (s *suite) awaitBooted(t *testing.T, before map[int32]int64) {
	t.Helper()
	s.Eventually(t, "all OSDs come up anew", func() error {
		now, err := s.boots(t.Context())
		if err != nil {
			return err
		}
		for id, epoch := range before {
			if now[id] <= epoch {
				return fmt.Errorf("osd.%d came up in epoch %d, and now in %d", id, epoch, now[id])
			}
		}
		return nil
	})
}

// upAfter starts whatever node a test left behind.
func (s *suite) upAfter(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := s.Try(append([]string{"up"}, s.Flags...)...); err != nil {
			t.Errorf("up: %v\n%s", err, out)
		}
	})
}

// rollout changes what every OSD's pod is made of. The change reaches one failure domain at a time: one host here.
func (s *suite) rollout(t *testing.T) {
	const memory = "300Mi"
	before := map[string]bool{}
	for _, pod := range s.pods(t, manifest.ComponentOSD) {
		before[pod.Name] = true
	}
	mons, start := s.uids(t, manifest.ComponentMon), time.Now()
	s.Kubectl(t, "-n", s.namespace, "patch", "storagecluster", s.name, "--type=merge", "-p",
		`{"spec":{"osd":{"resources":{"requests":{"memory":"`+memory+`"}}}}}`)
	gomega.NewWithT(t).Eventually(func() string { return s.unchanged(t, before, memory) }).
		WithTimeout(rolloutLimit).WithPolling(time.Second).Should(gomega.BeEmpty(), "every OSD has the new template")
	s.awaitWhole(t)
	t.Logf("%d OSDs changed in %.1f s", len(s.disks), time.Since(start).Seconds())
	if diff := cmp.Diff(mons, s.uids(t, manifest.ComponentMon)); diff != "" {
		t.Errorf("the pods of mons are not what they were (-before +after):\n%s", diff)
	}
	s.watch.answered(t, start)
	for _, x := range s.watch.since(start) {
		if !x.Silent && (x.Up < len(s.disks)-s.mostOnOneHost() || x.unserved() > 0) {
			t.Errorf("more than one host was touched at a time: %+v", x)
		}
	}
}

// uids are those of a component's pods.
func (s *suite) uids(t *testing.T, component string) map[string]types.UID {
	t.Helper()
	all := map[string]types.UID{}
	for _, pod := range s.pods(t, component) {
		all[pod.Name] = pod.UID
	}
	return all
}

// rolloutLimit is for one host after the other, each of which has settled before the next.
const rolloutLimit = 12 * time.Minute

// unchanged is an OSD's pod that is as it was, with what holds it; empty when all have changed.
func (s *suite) unchanged(t *testing.T, before map[string]bool, memory string) string {
	t.Helper()
	for _, pod := range s.pods(t, manifest.ComponentOSD) {
		if before[pod.Name] || pod.Spec.Containers[0].Resources.Requests.Memory().String() != memory {
			return pod.Name + ": " + s.condition(t, "UpToDate").Message
		}
	}
	return ""
}

// mostOnOneHost is how many of the OSDs are in the host that has most.
func (s *suite) mostOnOneHost() int {
	return slices.Max(slices.Collect(maps.Values(s.perNode())))
}

// perNode is how many of the disks are in each node.
func (s *suite) perNode() map[string]int {
	count := map[string]int{}
	for _, d := range s.disks {
		count[d.Node]++
	}
	return count
}
