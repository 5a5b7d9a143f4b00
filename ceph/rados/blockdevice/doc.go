// Package blockdevice is librbd for a process that serves images as block devices: an image opened for long, read and
// written, with its lock and its metadata. It is apart from package rados because the two want opposite things: a device
// waits for Ceph as long as it takes, where a controller gives up in time.
//
// librbd's cache is off. What a write was acknowledged for is on the OSDs, so that another process can go on when this
// one is killed. Discarded ranges read as zeros.
//
// It owns no policy: who may take a lock, and what a lost one means, its caller knows.
package blockdevice
