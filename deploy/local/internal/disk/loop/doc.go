// Package loop owns the kernel's loop devices: it lists them from sysfs and
// makes, attaches, shrinks and removes single ones.
//
// It decides nothing: whose device it is must be settled by the caller. It reads
// /sys/block instead of asking each device, since an ioctl on a device whose
// backing file lies on a hung FUSE filesystem may not return.
package loop
