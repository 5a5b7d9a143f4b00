package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
)

// Bounds of Config.Nodes.
const (
	MinNodes = 1
	MaxNodes = 5
)

// Config is what a local cluster is asked to be. It is written once by `up` and
// only grows after that: nodes can be added, addresses never change.
type Config struct {
	// Nodes is how many nodes there are, MinNodes to MaxNodes, numbered from 1.
	Nodes int `json:"nodes"`
	// KubeAPIQPS is kube-controller-manager's --kube-api-qps. Zero leaves
	// Kubernetes' own default (20); the burst is always 1.5 times the rate.
	KubeAPIQPS int `json:"kubeAPIQPS,omitempty"`
	// Network is the address plan.
	Network Network `json:"network"`
}

// Network is the address plan of a local cluster. Addresses are derived from the
// node's number, so that a node keeps its address whatever is stopped or started.
type Network struct {
	// Bridge is the name of the bridge on the machine that joins the nodes.
	Bridge string `json:"bridge"`
	// Machine is the machine's own address on the bridge with the length of the
	// nodes' network; kube-apiserver listens on it.
	Machine netip.Prefix `json:"machine"`
	// Pods is the range of all pods; node N owns its Nth /24.
	Pods netip.Prefix `json:"pods"`
	// Services is the range of the ClusterIPs.
	Services netip.Prefix `json:"services"`
	// APIPort is the port of kube-apiserver on Machine.
	APIPort uint16 `json:"apiPort"`
}

// DefaultConfig is a cluster of three nodes.
func DefaultConfig() Config {
	return Config{
		Nodes: 3,
		Network: Network{
			Bridge:   "smlocal0",
			Machine:  netip.MustParsePrefix("10.250.0.1/24"),
			Pods:     netip.MustParsePrefix("10.251.0.0/16"),
			Services: netip.MustParsePrefix("10.252.0.0/16"),
			APIPort:  6443,
		},
	}
}

// NodeNumbers is 1..Nodes.
func (c Config) NodeNumbers() []int {
	numbers := make([]int, c.Nodes)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// NodeName is the hostname and Kubernetes name of node n.
func NodeName(n int) string { return fmt.Sprintf("node%d", n) }

// ParseNode reads a node as a person writes it: "2" or "node2".
func (c Config) ParseNode(s string) (int, error) {
	for _, n := range c.NodeNumbers() {
		if s == NodeName(n) || s == fmt.Sprint(n) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("no node %q: this cluster has %s to %s", s, NodeName(1), NodeName(c.Nodes))
}

// Zone is the label topology.kubernetes.io/zone of node n. There are three
// zones, so that nodes 4 and 5 share theirs with 1 and 2.
func Zone(n int) string { return fmt.Sprintf("zone-%c", 'a'+rune((n-1)%3)) }

// Rack is the label topology.seamount.dev/rack of node n. Every node has a rack
// of its own within its zone.
func Rack(n int) string { return fmt.Sprintf("rack-%c%d", 'a'+rune((n-1)%3), (n-1)/3+1) }

// NodeAddr is the address of node n on the bridge.
func (w Network) NodeAddr(n int) netip.Addr { return nth(w.Machine.Masked().Addr(), 10+n) }

// NodePrefix is NodeAddr with the length of the nodes' network.
func (w Network) NodePrefix(n int) netip.Prefix {
	return netip.PrefixFrom(w.NodeAddr(n), w.Machine.Bits())
}

// PodRange is the range that the pods of node n get their addresses from.
func (w Network) PodRange(n int) netip.Prefix {
	base := w.Pods.Masked().Addr().As4()
	base[2] += byte(n)
	return netip.PrefixFrom(netip.AddrFrom4(base), 24)
}

// APIService is the ClusterIP of the Service default/kubernetes.
func (w Network) APIService() netip.Addr { return nth(w.Services.Masked().Addr(), 1) }

// DNS is the ClusterIP of cluster DNS.
func (w Network) DNS() netip.Addr { return nth(w.Services.Masked().Addr(), 10) }

// APIAddr is where kube-apiserver listens.
func (w Network) APIAddr() netip.AddrPort { return netip.AddrPortFrom(w.Machine.Addr(), w.APIPort) }

// APIServer is the URL of kube-apiserver.
func (w Network) APIServer() string { return "https://" + w.APIAddr().String() }

func nth(base netip.Addr, n int) netip.Addr {
	b := base.As4()
	b[3] += byte(n)
	return netip.AddrFrom4(b)
}

// ErrNoCluster is returned by LoadConfig when there is no cluster in the directory.
var ErrNoCluster = errors.New("there is no local cluster: `seamount-local up` starts one")

// LoadConfig reads the Config of the cluster in d, or returns ErrNoCluster.
func LoadConfig(d Dir) (Config, error) {
	var c Config
	data, err := os.ReadFile(d.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return c, ErrNoCluster
	}
	if err != nil {
		return c, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s is damaged (%w): run `seamount-local down`, then `up`", d.ConfigFile(), err)
	}
	return c, c.Validate()
}

// SaveConfig writes c into d, atomically.
func SaveConfig(d Dir, c Config) error { return WriteJSON(d.ConfigFile(), c) }
