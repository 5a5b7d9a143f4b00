// Package boot is what runs inside a node: it builds the node's own filesystem,
// becomes its PID 1, starts containerd, the kubelet and kube-proxy and keeps them
// running, and reaps what nobody else does.
//
// It decides nothing about the node: all of that is in the Spec, which the
// command that starts the node writes. It never writes to the machine's files.
package boot
