package network

import (
	"net"
	"net/netip"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Names of links that are in namespaces of our own and so need no prefix.
const (
	bridgeName = "nodes"   // in the switch
	uplinkName = "machine" // in the switch: the far end of the machine's link
	nodeLink   = "eth0"    // in a node
)

// portName is the port of node n in the switch.
func portName(n int) string { return state.NodeName(n) }

// route says where a range is reached. A zero prefix length is the default route.
type route struct {
	To  netip.Prefix
	Via netip.Addr
}

// end is one end of a cable as it is to be configured.
type end struct {
	Link    string
	Address netip.Prefix
	MAC     net.HardwareAddr
	Routes  []route
}

// planMachine is the machine's end. It reaches every pod through its node, so
// that the apiserver can call webhooks and tests can call pods, with no Service
// proxy on the machine. The routes of nodes that do not exist yet do no harm.
func planMachine(w state.Network) end {
	e := end{Link: w.Bridge, Address: w.Machine, MAC: hardwareAddr(w.Machine.Addr())}
	for n := state.MinNodes; n <= state.MaxNodes; n++ {
		e.Routes = append(e.Routes, podRoute(w, n))
	}
	return e
}

// planNode is the end in node n. The default route makes Services reachable from
// the node itself: a packet needs a route before kube-proxy's rules see it.
func planNode(w state.Network, n int) end {
	e := end{Link: nodeLink, Address: w.NodePrefix(n), MAC: hardwareAddr(w.NodeAddr(n))}
	e.Routes = append(e.Routes, route{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: w.Machine.Addr()})
	for other := state.MinNodes; other <= state.MaxNodes; other++ {
		if other != n {
			e.Routes = append(e.Routes, podRoute(w, other))
		}
	}
	return e
}

func podRoute(w state.Network, n int) route {
	return route{To: w.PodRange(n), Via: w.NodeAddr(n)}
}

// hardwareAddr is a locally administered MAC address. It follows from the IP
// address, as that of a network card stays when its machine is restarted: with a
// new one, the neighbours would talk to the old one until their ARP entry expires.
func hardwareAddr(ip netip.Addr) net.HardwareAddr {
	b := ip.As4()
	return net.HardwareAddr{0x02, 0x5e, b[0], b[1], b[2], b[3]}
}
