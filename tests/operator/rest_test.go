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

// watched are the kinds that something at rest might still write.
const watched = "storageclusters,storageoperations,secrets,configmaps,services,deployments,replicasets,pods,events"

// atRest waits until the cluster has settled, and then sees that nobody writes to the API but Leases, and how many
// commands a poll sends to Ceph.
func (s *suite) atRest(t *testing.T) {
	s.awaitSettled(t)
	objects, requests := s.versions(t), s.metrics(t)
	rest := time.NewTimer(restFor)
	defer rest.Stop()
	<-rest.C
	for name, version := range s.versions(t) {
		if objects[name] != version {
			t.Errorf("%s was written: %s, before %s", name, version, objects[name])
		}
	}
	after := s.metrics(t)
	s.noRequests(t, requests, after)
	s.fewCommands(t, requests, after)
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

// noRequests sees that the operator asked the API server for no write but the renewal of its Lease, which is a PUT.
func (s *suite) noRequests(t *testing.T, before, after map[string]float64) {
	t.Helper()
	seen := false
	for _, series := range slices.Sorted(maps.Keys(after)) {
		found := method.FindStringSubmatch(series)
		if !strings.HasPrefix(series, "rest_client_requests_total{") || found == nil {
			continue
		}
		seen = true
		if made := after[series] - before[series]; made > 0 && found[1] != "PUT" {
			t.Errorf("%s: %v more in %v", series, made, restFor)
		}
	}
	if !seen {
		t.Error("the operator does not count its requests")
	}
}

// most commands a poll.
const mostCommands = 12

func (s *suite) fewCommands(t *testing.T, before, after map[string]float64) {
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
	if polls == 0 {
		t.Fatalf("no poll in %v", restFor)
	}
	t.Logf("%v polls in %v, %.1f commands each", polls, restFor, commands/polls)
	if commands > mostCommands*polls {
		t.Errorf("%v commands for %v polls, at most %d each", commands, polls, mostCommands)
	}
}
