// Package session holds one session with each Ceph cluster for the CSI controller, as the user that the operator made for it.
// It owns connecting, and connecting again when the Secret with the users changes. It knows no librados: a function dials.
package session
