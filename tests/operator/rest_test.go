//go:build e2e

package operator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/local/product"
)

// restFor is how long nothing may be written.
const restFor = time.Minute

// watched are the kinds that something at rest might still write. Pods are not among them, nor the events of kubelet: it
// writes both when it likes.
const watched = "storageclusters,storageoperations,secrets,configmaps,services,deployments,replicasets,poddisruptionbudgets"

// restTries is how many minutes may pass until one goes by in which nothing happens: what Ceph itself stores can change
// a rounded figure of the capacity, which is then written once.
const restTries = 5

// atRest waits until the cluster has settled, and then sees that nobody writes to the API but Leases, and how many
// commands a poll sends to Ceph.
func (s *suite) atRest(t *testing.T) {
	s.awaitSettled(t)
	var written []string
	polled := false
	for range restTries {
		objects, requests := s.versions(t), s.metrics(t)
		rest := time.NewTimer(restFor)
		<-rest.C
		after := s.metrics(t)
		polled = s.fewCommands(t, requests, after) || polled
		written = append(changes(objects, s.versions(t)), writes(t, requests, after)...)
		if len(written) == 0 && polled {
			return
		}
		t.Logf("written in %v: %v", restFor, written)
	}
	t.Errorf("in each of %d times %v something is written, the last: %v; polls: %v", restTries, restFor, written, polled)
}

// changes lists the objects that are not as they were.
func changes(before, after map[string]string) []string {
	var found []string
	for name, version := range after {
		if before[name] != version {
			found = append(found, name)
		}
	}
	return found
}

// awaitSettled waits until nothing was written for ten seconds.
func (s *suite) awaitSettled(t *testing.T) {
	t.Helper()
	last, since := s.versions(t), time.Now()
	s.Eventually(t, "nothing is written", func() error {
		if now := s.versions(t); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		if quiet := time.Since(since); quiet < 10*time.Second {
			return fmt.Errorf("for %v only", quiet)
		}
		return nil
	})
}

// versions are the resource versions of all objects, but Leases, that Seamount and Ceph's pods have.
func (s *suite) versions(t *testing.T) map[string]string {
	t.Helper()
	const format = `-o=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`
	found := map[string]string{}
	for _, list := range []string{
		s.Kubectl(t, "-n", s.namespace, "get", watched, format), s.Kubectl(t, "get", "storagedisks", format),
		s.Kubectl(t, "-n", s.namespace, "get", "events", "--field-selector=source!=kubelet,source!=node-controller", format),
	} {
		for line := range strings.Lines(list) {
			if name, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				found[name] = version
			}
		}
	}
	return found
}

// metrics of all pods of the operator, summed up by series.
func (s *suite) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	pods := s.Kubectl(t, "-n", product.Namespace, "get", "pods", "-l", "app.kubernetes.io/component=operator", "-o",
		`jsonpath={range .items[*]}{.metadata.name}:{.spec.containers[0].ports[?(@.name=="metrics")].containerPort}{"\n"}{end}`)
	for pod := range strings.FieldsSeq(pods) {
		path := "/api/v1/namespaces/" + product.Namespace + "/pods/" + pod + "/proxy/metrics"
		for line := range strings.Lines(s.Kubectl(t, "get", "--raw", path)) {
			series, value, found := strings.Cut(strings.TrimSpace(line), "} ")
			if number, err := strconv.ParseFloat(value, 64); found && err == nil {
				sums[series] += number
			}
		}
	}
	return sums
}

var method = regexp.MustCompile(`method="(POST|PUT|PATCH|DELETE)"`)

// writes lists what the operator asked the API server to write, but the renewal of its Lease, which is a PUT.
func writes(t *testing.T, before, after map[string]float64) []string {
	t.Helper()
	var found []string
	seen := false
	for _, series := range slices.Sorted(maps.Keys(after)) {
		match := method.FindStringSubmatch(series)
		if !strings.HasPrefix(series, "rest_client_requests_total{") || match == nil {
			continue
		}
		seen = true
		if made := after[series] - before[series]; made > 0 && match[1] != "PUT" {
			found = append(found, fmt.Sprintf("%v requests: %s", made, series))
		}
	}
	if !seen {
		t.Error("the operator does not count its requests")
	}
	return found
}

// most commands a poll.
const mostCommands = 12

// fewCommands holds that a poll sends no more, and says whether there was one: after a slow one the next waits.
func (s *suite) fewCommands(t *testing.T, before, after map[string]float64) bool {
	t.Helper()
	more := func(name string) (sum float64) {
		for series, value := range after {
			if strings.HasPrefix(series, name+"{") && strings.Contains(series, s.name) {
				sum += value - before[series]
			}
		}
		return sum
	}
	polls, commands := more("seamount_ceph_polls_total"), more("seamount_ceph_commands_total")
	t.Logf("%v polls and %v commands in %v", polls, commands, restFor)
	if commands > mostCommands*polls {
		t.Errorf("%v commands for %v polls, at most %d each", commands, polls, mostCommands)
	}
	return polls > 0
}
