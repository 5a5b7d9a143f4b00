//go:build !cgo

package mds

// Use does nothing in a program that is built without librados.
func Use() {}
