// Package sanity proves the CSI drivers of block and of file volumes against real Ceph daemons: the CSI community's suite, on a
// node with a real agent, controller processes that are killed two hundred times without leaking, and what a volume costs beside
// a bare image.
package sanity
