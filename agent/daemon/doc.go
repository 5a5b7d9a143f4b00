// Package daemon is what runs in Ceph's pods before Ceph does: it brings the store of a mon or the disk of an OSD into
// the state that its daemon needs, and then becomes the daemon. It decides nothing about the cluster: what it may do is
// in the files that it is handed (operator/manifest/handover), and what they do not say it refuses.
//
// It may be killed between any two steps. The next start finds what is there and goes on; nothing is ever made twice.
package daemon
