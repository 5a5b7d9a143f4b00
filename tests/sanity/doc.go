// Package sanity proves the CSI driver of block volumes against real Ceph daemons: the CSI community's suite, a controller
// process that is killed two hundred times without leaking, and what a volume costs beside a bare image.
//
// The node's part of the suite runs when SEAMOUNT_CSI_NODE names the socket of a CSI node service.
package sanity
