//go:build e2e

// Package operator brings up real Ceph clusters in the local Kubernetes, as a person would, hurts them, and asks Ceph
// itself what became of them. Its benchmarks set the figures beside those of the same daemons applied by hand.
package operator
