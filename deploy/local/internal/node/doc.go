// Package node owns the nodes of a local cluster: it starts them, each as a
// process tree in namespaces of its own, stops, kills, freezes and cuts them off
// like machines, and removes every trace of them.
//
// Package boot is the other side, inside a node. This package never enters a
// node's namespaces itself: files are reached through /proc/PID/root, and
// commands run with nsenter(1).
package node
