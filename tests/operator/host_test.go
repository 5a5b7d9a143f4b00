//go:build e2e

package operator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestHostNetwork brings up a cluster whose daemons use the nodes' own addresses, and deletes all its pods once: the
// daemons come back at those addresses.
func TestHostNetwork(t *testing.T) {
	s := newSuite(t, "host", 1, "network: {mode: Host}")
	s.askedItself(t)
	s.atNodeAddresses(t)
	s.allPodsDeleted(t)
	s.atNodeAddresses(t)
}

// atNodeAddresses holds the address of every daemon, as Ceph knows it, to those of the nodes.
func (s *suite) atNodeAddresses(t *testing.T) {
	t.Helper()
	addresses := s.nodeAddresses(t)
	for _, pod := range s.pods(t, "") {
		if !pod.Spec.HostNetwork {
			t.Errorf("%s is not in its node's network", pod.Name)
		}
	}
	var mons struct {
		Mons []struct {
			Name string `json:"name"`
			Addr string `json:"addr"`
		} `json:"mons"`
	}
	var osds struct {
		OSDs []struct {
			Public  string `json:"public_addr"`
			Cluster string `json:"cluster_addr"`
		} `json:"osds"`
	}
	s.askJSON(t, "ceph mon dump", &mons)
	s.askJSON(t, "ceph osd dump", &osds)
	var found []string
	for _, mon := range mons.Mons {
		found = append(found, mon.Addr)
	}
	for _, osd := range osds.OSDs {
		found = append(found, osd.Public, osd.Cluster)
	}
	if want := 3 + 2*len(s.disks); len(found) != want {
		t.Errorf("Ceph knows the addresses %v, want %d", found, want)
	}
	for _, at := range found {
		if host, _, _ := strings.Cut(at, ":"); !slices.Contains(addresses, host) {
			t.Errorf("a daemon is at %s; the nodes are %v", at, addresses)
		}
	}
}

func (s *suite) nodeAddresses(t *testing.T) []string {
	t.Helper()
	var all corev1.NodeList
	if err := s.Client.List(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, node := range all.Items {
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				addresses = append(addresses, address.Address)
			}
		}
	}
	return addresses
}

func (c *ceph) askJSON(t *testing.T, command string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(c.ask(t, command+" --format json 2>/dev/null")), into); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}
