//go:build e2e

package csi

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/local/product"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// clock tells milliseconds to a script, also where date knows no smaller unit than seconds.
const clock = `
now() { read -r up idle </proc/uptime; echo "${up%.*}${up#*.}0"; }
`

// swap writes files that are named by their checksums, and reads the newest ones of two other pods, until somebody makes the
// file /data/stop. It ends with the first error, and the first byte that is not what was written. In the end it says how long
// the longest round took, in milliseconds.
const swap = clock + `
mine=/data/$HOSTNAME
mkdir -p $mine
round=0 longest=0
until [ -e /data/stop ]; do
  began=$(now)
  round=$((round + 1))
  head -c 65536 /dev/urandom >/tmp/block
  sum=$(sha256sum </tmp/block)
  cp /tmp/block $mine/.new
  sync $mine/.new
  mv $mine/.new $mine/$round-${sum%% *}
  rm -f $mine/$((round - 8))-*
  for other in $(ls -d /data/*/ | shuf -n 2); do
    file=$(ls -t $other | head -n 1)
    [ -n "$file" ] || continue
    if ! sum=$(sha256sum <$other$file); then
      if [ -e $other$file ]; then exit 1; fi
      continue # its writer has removed it meanwhile
    fi
    if [ "${sum%% *}" != "${file#*-}" ]; then
      echo "$other$file has the checksum $sum"
      exit 1
    fi
  done
  took=$(($(now) - began))
  if [ $took -gt $longest ]; then longest=$took; fi
done
echo "rounds $round, the longest $longest ms"
`

// usualPods share a volume, two on each node.
const usualPods = 6

// filesShared takes every part away from under pods on three nodes that write one volume and read what the others wrote: none
// of them sees an error.
func (s *suite) filesShared(t *testing.T) {
	s.claims(t, sharedClaim("market"))
	pods := make([]pod, rounds.Of(t, rounds.Pods, usualPods))
	for i := range pods {
		pods[i] = pod{name: fmt.Sprintf("trader-%d", i), node: nodes[i%len(nodes)], claims: []string{"market"}, command: swap}
	}
	s.start(t, pods...)
	for round := range rounds.Of(t, rounds.Kills, 1) {
		s.killUnderFiles(t, round, pods)
	}
	s.sh(t, pods[0].name, "touch /data/stop")
	gone := []string{"pvc/market"}
	var longest int
	for _, p := range pods {
		if _, err := s.TryKubectl("", "-n", s.namespace, "wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=170s", "pod/"+p.name); err != nil {
			t.Errorf("%v\n%s", err, s.Kubectl(t, "-n", s.namespace, "logs", p.name))
		}
		longest = max(longest, s.longestRound(t, p.name))
		gone = append(gone, "pod/"+p.name)
	}
	t.Logf("%d pods on %d nodes, no error; the longest round took %d ms", len(pods), len(nodes), longest)
	s.gone(t, gone...)
}

// killUnderFiles takes one part after the other away, and looks whether every pod goes on.
func (s *suite) killUnderFiles(t *testing.T, round int, pods []pod) {
	t.Helper()
	for _, part := range []struct {
		name string
		kill func()
	}{
		{"the active MDS", func() { s.failOver(t) }},
		{"agent", func() { s.kill(t, "app.kubernetes.io/component=agent", product.Agent) }},
		{"csi node", func() { s.kill(t, "app.kubernetes.io/component=csi-node", product.CSINode) }},
		{"csi controller", func() { s.kill(t, "app.kubernetes.io/component=csi-controller", product.CSI) }},
	} {
		began := time.Now()
		part.kill()
		t.Logf("round %d: %s is back after %.1f s", round+1, part.name, time.Since(began).Seconds())
		for _, p := range pods {
			if phase := s.Kubectl(t, "-n", s.namespace, "get", "pod", p.name, "-o", "jsonpath={.status.phase}"); phase != "Running" {
				t.Fatalf("after %s was killed, pod %s is %s:\n%s", part.name, p.name, phase, s.Kubectl(t, "-n", s.namespace, "logs", p.name))
			}
		}
	}
}

// failOver has another server take the first rank, and waits until it is active.
func (s *suite) failOver(t *testing.T) {
	t.Helper()
	active := func() string {
		out := s.ask(t, fmt.Sprintf("ceph fs get %s -f json | tr ',' '\\n' | grep -o '\"up:active\"\\|\"gid\":[0-9]*' | tr '\\n' ' '", filesystemName))
		return strings.TrimSpace(out)
	}
	was := active()
	s.ask(t, "ceph mds fail "+filesystemName+":0")
	s.Eventually(t, "another MDS is active", func() error {
		if now := active(); now == was || !strings.Contains(now, "up:active") {
			return fmt.Errorf("was %s, is %s", was, now)
		}
		return nil
	})
}

var roundsTold = regexp.MustCompile(`rounds (\d+), the longest (\d+) ms`)

// longestRound reads what a pod said in the end.
func (s *suite) longestRound(t *testing.T, name string) int {
	t.Helper()
	log := s.Kubectl(t, "-n", s.namespace, "logs", name)
	told := roundsTold.FindStringSubmatch(log)
	if told == nil || told[1] == "0" {
		t.Errorf("pod %s has written nothing:\n%s", name, log)
		return 0
	}
	longest, err := strconv.Atoi(told[2])
	if err != nil {
		t.Error(err)
	}
	return longest
}
