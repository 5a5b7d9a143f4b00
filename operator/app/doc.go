// Package app puts the operator together: its caches, its sessions with Ceph and all of its controllers, in one manager.
// How a session is opened comes from outside, so that the whole runs on simulated clusters too.
package app
