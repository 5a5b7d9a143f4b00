//go:build e2e

// Package cluster holds discover to a real Kubernetes of three nodes with disks that come, go and move: what kubectl
// shows of them, how soon, and that nothing is written while nothing changes.
package cluster
