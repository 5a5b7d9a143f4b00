// Package local tests the local Kubernetes of deploy/local end to end, by the
// program and by kubectl alone: what a person does with it. All tests need root
// and the build tag e2e; package cluster below is the harness, for others too.
package local
