// Package controlplane owns the processes of a local cluster's control plane:
// etcd, kube-apiserver, kube-controller-manager and kube-scheduler. They run on
// the machine itself, listen on its address on the cluster's bridge alone, and
// are configured as in production, except where a local cluster must be quicker
// to notice a lost node, and for etcd, which does not wait for the disk.
//
// The package never touches nodes or what runs on them.
package controlplane
