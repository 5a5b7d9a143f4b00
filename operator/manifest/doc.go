// Package manifest builds the Kubernetes objects of a Ceph cluster. Each function is pure: the same arguments give the
// same object, and nothing is read or written. What is decided (which daemon runs where, under which address) is
// decided elsewhere and comes in as arguments.
package manifest
