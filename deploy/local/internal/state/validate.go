package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The ports of the control plane on the machine's address, besides APIPort.
const (
	EtcdClientPort        = 2379
	EtcdPeerPort          = 2380
	ControllerManagerPort = 10257
	SchedulerPort         = 10259
)

// Longest prefixes that have room for MaxNodes nodes, their pods, and the
// ClusterIP of DNS.
const (
	nodesBits    = 24
	podsBits     = 21
	servicesBits = 28
)

// maxLinkName is the longest name that the kernel lets a network link have.
const maxLinkName = 15

// Validate says in one sentence what is wrong with c, or returns nil.
func (c Config) Validate() error {
	if c.Nodes < MinNodes || c.Nodes > MaxNodes {
		return fmt.Errorf("%d nodes asked for: choose %d to %d", c.Nodes, MinNodes, MaxNodes)
	}
	if c.KubeAPIQPS < 0 {
		return fmt.Errorf("--kube-api-qps %d is negative: choose 0 for the default of Kubernetes or a positive rate", c.KubeAPIQPS)
	}
	return c.Network.validate()
}

func (w Network) validate() error {
	ranges := []struct {
		flag   string
		prefix netip.Prefix
		bits   int
	}{{"--network", w.Machine, nodesBits}, {"--pod-network", w.Pods, podsBits}, {"--service-network", w.Services, servicesBits}}
	for i, r := range ranges {
		if !r.prefix.IsValid() || !r.prefix.Addr().Is4() {
			return fmt.Errorf("%s %s is no IPv4 range: choose one such as 10.250.0.1/24", r.flag, r.prefix)
		}
		if r.prefix.Bits() > r.bits {
			return fmt.Errorf("%s %s is too small: choose a /%d or wider", r.flag, r.prefix, r.bits)
		}
		for _, other := range ranges[:i] {
			if r.prefix.Overlaps(other.prefix) {
				return fmt.Errorf("%s %s and %s %s overlap: choose separate ranges", other.flag, other.prefix, r.flag, r.prefix)
			}
		}
	}
	if err := w.validateMachine(); err != nil {
		return err
	}
	if w.Bridge == "" || len(w.Bridge) > maxLinkName || w.Bridge == "." || w.Bridge == ".." || strings.ContainsAny(w.Bridge, "/: \t\n") {
		return fmt.Errorf("--bridge %q is no name for a network link: choose 1 to %d letters and digits", w.Bridge, maxLinkName)
	}
	return w.validatePort()
}

func (w Network) validateMachine() error {
	if w.Machine == w.Machine.Masked() {
		return fmt.Errorf("--network %s is the network's own address: choose the first in it, %s", w.Machine, nth(w.Machine.Addr(), 1))
	}
	for n := MinNodes; n <= MaxNodes; n++ {
		if w.Machine.Addr() == w.NodeAddr(n) {
			return fmt.Errorf("--network %s is the address of %s: choose the first of the network", w.Machine, NodeName(n))
		}
	}
	return nil
}

func (w Network) validatePort() error {
	if w.APIPort == 0 {
		return fmt.Errorf("--api-port 0 is no port: choose another, such as 6443")
	}
	if slices.Contains([]uint16{EtcdClientPort, EtcdPeerPort, ControllerManagerPort, SchedulerPort}, w.APIPort) {
		return fmt.Errorf("--api-port %d is used by another part of the control plane: choose another, such as 6443", w.APIPort)
	}
	return nil
}
