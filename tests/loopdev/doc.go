//go:build e2e

// Package loopdev gives tests disks: sparse files behind loop devices of their own, numbered from 3000 on, so that
// they are neither those that `losetup -f` hands out nor those of the local Kubernetes. What a test attached goes with
// it; what a killed test binary left goes when the next one starts. It never touches a device that it did not attach.
package loopdev
