//go:build e2e

// Package csi uses block volumes as people do: PersistentVolumeClaims and pods on the local Kubernetes, with a Ceph that the
// operator made. It asks Ceph with Ceph's own programs what is left in the end.
package csi
