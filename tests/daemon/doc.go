// Package daemon runs the programs of Ceph's pods with a real Ceph, on disks of its own: each pod as its manifest has it,
// with its volumes, its user, its capabilities and its read-only root filesystem, in a mount namespace instead of a
// container and without a Kubernetes.
package daemon
