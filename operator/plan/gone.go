package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Gone returns a function that says of the name of a node whether discover there can no longer speak for its disks: the
// node was taken out of Kubernetes, or somebody has said that it is off (the taint out-of-service). A node that is only
// silent is not gone: it may still write to its disks. The nodes must all have been observed.
func Gone(nodes []Node) func(name string) bool {
	speaks := make(map[string]bool, len(nodes))
	for _, node := range nodes {
		speaks[node.Name] = !saidOff(&node)
	}
	return func(name string) bool { return !speaks[name] }
}

// saidOff says that somebody has said of a node that it is off.
func saidOff(node *Node) bool {
	return slices.ContainsFunc(node.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeOutOfService })
}
