// Package mds carries commands to metadata servers over libcephfs, for package rados. It is apart from that so that only
// programs that need it load libcephfs and what that drags along: what serves a node's block volumes does not.
package mds
