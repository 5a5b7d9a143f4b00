//go:build e2e

package cluster

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/tests/local/product"
)

// pidOf is discover's process on a node, not a child of it that reads a disk.
func pidOf(t testing.TB, p *product.Product, node string) string {
	t.Helper()
	return p.Exec(t, node, "pgrep", "-o", "-f", discoverProcess)
}

// discoverProcess matches the command line of discover, and not that of a child that reads a disk.
const discoverProcess = "^/usr/bin/seamount-node discover run"

// confined (D7): whatever discover runs as, the kernel holds it to reading.
func confined(t *testing.T, p *product.Product) {
	for _, node := range []string{"node1", "node2", "node3"} {
		status := p.Exec(t, node, "cat", "/proc/"+pidOf(t, p, node)+"/status")
		for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(status, want) {
				t.Errorf("discover on %s lacks %q:\n%s", node, want, status)
			}
		}
	}
}

// versions of all StorageDisks.
func versions(t *testing.T, p *product.Product) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, s := range p.StorageDisks(t) {
		all[s.Name] = s.ResourceVersion
	}
	return all
}

// settled waits until nothing was written for some scans, which take longer on a machine that is busy with other things.
func settled(t *testing.T, p *product.Product) map[string]string {
	t.Helper()
	const quiet = 15 * time.Second
	last, since := versions(t, p), time.Now()
	p.Eventually(t, "nothing is written", func() error {
		if now := versions(t, p); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		if left := quiet - time.Since(since); left > 0 {
			return fmt.Errorf("something was written %v ago", time.Since(since))
		}
		return nil
	})
	return last
}

// restTime is how long nothing changes while writes are counted.
const restTime = time.Minute

// atRest: nothing is written while nothing changes, and neither when discover is killed and starts again.
func atRest(t *testing.T, p *product.Product) {
	before, writes := settled(t, p), writesTo(t, p)
	p.Exec(t, "node1", "kill", "-9", pidOf(t, p, "node1"))
	killed := time.Now()
	restarts := "{.items[*].status.containerStatuses[0].restartCount}"
	p.Eventually(t, "the killed container is started again", func() error {
		if counts := p.Kubectl(t, "-n", product.Namespace, "get", "pods", "-o", "jsonpath="+restarts); !strings.Contains(counts, "1") {
			return fmt.Errorf("restarts: %s", counts)
		}
		return nil
	})
	product.Install(t, nodes, product.Discover) // waits until it is ready, that is, until it has scanned
	t.Logf("ready %v after it was killed", time.Since(killed).Round(time.Millisecond))
	<-time.After(restTime)
	if diff := cmp.Diff(before, versions(t, p)); diff != "" {
		t.Errorf("a restart or %v at rest changed objects:\n%s", restTime, diff)
	}
	if diff := cmp.Diff(writes, writesTo(t, p)); diff != "" {
		t.Errorf("a restart or %v at rest made requests that write, even if they changed nothing:\n%s", restTime, diff)
	}
}

// request matches the API server's count of one kind of request to the API.
var request = regexp.MustCompile(`(?m)^apiserver_request_total\{([^}]*group="seamount\.dev"[^}]*)\} (\S+)$`)

// writesTo counts the requests that wrote to the API of Seamount, whatever became of them, by what they did.
func writesTo(t *testing.T, p *product.Product) map[string]float64 {
	t.Helper()
	count := map[string]float64{}
	for _, m := range request.FindAllStringSubmatch(p.Kubectl(t, "get", "--raw", "/metrics"), -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if !reads.MatchString(m[1]) {
			count[m[1]] += n
		}
	}
	if len(count) == 0 {
		t.Fatal("the API server counts no request that wrote a StorageDisk, though some are there")
	}
	return count
}

// reads matches the labels of requests that only read.
var reads = regexp.MustCompile(`verb="(GET|LIST|WATCH|CONNECT)"`)

// silent (S1): a discover that does not scan is not Ready, so that nobody trusts what it said.
func silent(t *testing.T, p *product.Product) {
	pid := pidOf(t, p, "node2")
	p.Exec(t, "node2", "kill", "-STOP", pid)
	t.Cleanup(func() {
		if out, err := p.Try("exec", "node2", "--", "kill", "-CONT", pid); err != nil {
			t.Errorf("let it go on: %v\n%s", err, out)
		}
	})
	stopped := time.Now()
	p.Eventually(t, "discover on node2 is not Ready", func() error {
		if ready := p.Kubectl(t, "-n", product.Namespace, "get", "pods", "--field-selector=spec.nodeName=node2",
			"-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`); ready != "False" {
			return fmt.Errorf("it is Ready: %s", ready)
		}
		return nil
	})
	t.Logf("not Ready %v after it stopped", time.Since(stopped).Round(time.Second))
}
