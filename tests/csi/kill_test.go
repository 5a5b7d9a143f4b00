//go:build e2e

package csi

import (
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/local/product"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// fio writes and reads back all that it wrote, until somebody makes the file /data/stop. It ends with the first byte that
// is not what it wrote, or the first error.
const fio = `until [ -e /data/stop ]; do
fio --name=verify --filename=/data/file --size=4M --bs=4k --rw=randwrite --ioengine=psync --direct=1 --fsync=64 --verify=crc32c --verify_fatal=1 --output=/data/fio.log || { cat /data/fio.log; exit 1; }
echo round; done`

// killed takes every part of Seamount away from under a pod that verifies what it writes, again and again: the pod sees no
// error.
func (s *suite) killed(t *testing.T) {
	s.claims(t, claim{name: "under-fire"})
	s.start(t, pod{name: "fio", node: "node1", claims: []string{"under-fire"}, command: fio})
	parts := map[string]func(){
		"csi node":       func() { s.kill(t, "app.kubernetes.io/component=csi-node", product.CSINode) },
		"csi controller": func() { s.kill(t, "app.kubernetes.io/component=csi-controller", product.CSI) },
		"agent":          func() { s.kill(t, "app.kubernetes.io/component=agent", product.Agent) },
		"operator":       func() { s.kill(t, "app.kubernetes.io/component=operator", product.Operator) },
		"an OSD": func() {
			s.Kubectl(t, "-n", product.Namespace, "delete", "pod", "-l", manifest.LabelDaemon+"=osd.0", "--grace-period=0", "--force", "--wait=false")
			s.Kubectl(t, "-n", product.Namespace, "rollout", "status", "deployment/"+manifest.OSDName(s.cluster, 0), "--timeout=150s")
		},
	}
	for round := range rounds.Of(t, rounds.Kills, 1) {
		for name, kill := range parts {
			began := time.Now()
			kill()
			t.Logf("round %d: %s is back after %.1f s", round+1, name, time.Since(began).Seconds())
			if phase := s.Kubectl(t, "-n", s.namespace, "get", "pod", "fio", "-o", "jsonpath={.status.phase}"); phase != "Running" {
				t.Fatalf("after %s was killed the pod that writes is %s:\n%s", name, phase, s.Kubectl(t, "-n", s.namespace, "logs", "fio"))
			}
		}
	}
	s.sh(t, "fio", "touch /data/stop")
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=170s", "pod/fio")
	if log := s.Kubectl(t, "-n", s.namespace, "logs", "fio"); !strings.Contains(log, "round") {
		t.Errorf("fio has verified nothing:\n%s", log)
	}
	s.gone(t, "pod/fio", "pvc/under-fire")
}

// kill ends the pods of a part without a word, and waits until it is back.
func (s *suite) kill(t *testing.T, selector string, part product.Part) {
	t.Helper()
	s.Kubectl(t, "-n", product.Namespace, "delete", "pod", "-l", selector, "--grace-period=0", "--force", "--wait=false")
	s.AwaitRollout(t, part)
}
