// Package network owns the network of a local cluster.
//
// The nodes hang on a bridge like machines on a switch, each with its own network
// namespace. The bridge has a namespace of its own too: packets between nodes
// then never pass the machine's firewall, which may drop what it forwards (Docker
// sets the FORWARD policy to DROP), and no rule has to be added there. On the
// machine itself there is one link, the cable into the switch, with the address
// that kube-apiserver listens on and routes to the nodes' pods.
//
//	machine            switch              node N
//	smlocal0 ─veth─ machine ┐
//	10.250.0.1              nodes(bridge)
//	                  nodeN ┘ ─────veth───── eth0 10.250.0.(10+N)
//
// It never adds a firewall rule, never turns forwarding on, and never changes a
// link that it did not make.
package network
