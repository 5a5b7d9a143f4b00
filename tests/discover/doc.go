//go:build e2e

// Package discover holds discover to real block devices: every kind of content that a disk can hold is made by the tools
// that make it, and goes the whole way from the kernel to the verdict. The tests of laws break what a law is about and
// look at what is reported. The package never looks at the verdict of a disk that it did not make.
package discover
