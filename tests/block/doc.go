//go:build e2e

// Package block maps images of a real Ceph with seamount-block, and kills it.
package block
