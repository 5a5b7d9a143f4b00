// Package store owns the image store of a local cluster: a containerd root that
// holds all images that nodes start with. Images are unpacked once; a node gets
// hard links to them, in milliseconds and with no room taken twice.
//
// It never changes a store that a node may have been made from: a new set of
// images makes a new one.
package store
