// Package sanity proves the CSI driver of block volumes against real Ceph daemons: the CSI community's suite, on a
// node with a real agent, a controller process that is killed two hundred times without leaking, and what a volume costs beside
// a bare image.
package sanity
