//go:build e2e

// Package cluster brings up a real local Kubernetes for end-to-end tests: one for
// all tests of a test binary, by the program that a person uses, seamount-local,
// built from this checkout. It has a state directory and an address plan of its
// own, so that a developer's cluster runs on beside it.
//
// Test binaries that want the cluster at the same time wait for each other.
package cluster
