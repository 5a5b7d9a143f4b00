// Package controller is the controller of the CSI driver of block volumes: it makes, clones, grows and removes images, and
// hands volumes to nodes.
//
// It keeps nothing of its own. The name of an image follows from the name of the request, and what CSI needs to know of it is
// in the image's metadata, written last: an image without it is a creation to go on with. So each call may be cut short
// anywhere, be repeated, and run in two processes at once. What lies in memory (sizes of pools, flattenings under way) only
// saves time.
//
// It knows Ceph by the interfaces of package ceph, and nothing of Kubernetes.
package controller
