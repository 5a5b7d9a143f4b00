// Package fuse speaks the kernel's FUSE protocol for one regular file: a mount of which the root is the file, served
// past the page cache. It opens and mounts the device, parses requests, encodes answers, and lets another process go on
// where one died: the kernel sends the requests again that were not answered (since Linux 6.9).
//
// It knows no directories, keeps no data and decides nothing about what lies behind the file.
//
// The layouts are those of the kernel's include/uapi/linux/fuse.h, little-endian and 64-bit.
package fuse
