//go:build e2e

// Package images builds all container images from this checkout, loads them into
// a local Kubernetes and runs each there as a pod would: what an image promises
// holds where it is used, and not only in an archive.
package images
