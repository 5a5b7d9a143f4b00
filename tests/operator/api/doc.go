//go:build e2e

// Package api runs the operator as it is put together for production, against a real API server with the definitions,
// admission policies and rules of access of deploy, and on the simulated Ceph. What else there is in a cluster (the
// controllers of Deployments, kubelets, discover) is played by these tests, which brings the big ones within reach: its
// benchmarks run it with 500 nodes and 5,000 OSDs.
package api
