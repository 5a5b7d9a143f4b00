// Package cgroup owns the control groups of the nodes: one group for each node in
// every hierarchy of the machine, below a group of the cluster. A node sees its
// group as the root of its own hierarchies.
//
// It works with cgroup v1, the hybrid layout and cgroup v2. It never changes a
// group that it did not make, except that on v2 it turns on the controllers that
// the kubelet needs at the root, and turns off again what it turned on.
package cgroup
