// Package addons owns what runs in a local cluster from the start: cluster DNS.
// It applies the manifests that are embedded in it and touches no other object.
package addons
