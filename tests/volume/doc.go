//go:build e2e

// Package volume holds the agent's volume service to what it promises, on real Ceph, with real loop devices, filesystems and
// helpers: the agent runs in a process and a mount namespace of its own, as in its pod, and is killed at every step.
package volume
