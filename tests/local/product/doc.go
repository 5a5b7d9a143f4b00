//go:build e2e

// Package product installs Seamount in the local Kubernetes of package cluster as a person would: images built from this
// checkout, the definitions, the admission policies and the manifests of deploy. Test binaries of the operator and of
// discover share it.
package product
