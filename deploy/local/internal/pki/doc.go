// Package pki owns the certificates, keys and kubeconfigs of a local cluster.
//
// Everything that authenticates has a certificate of its own, as in a production
// cluster; nothing here is fit to be trusted outside the machine. The package
// writes only into the state directory.
package pki
