//go:build linux

package cephtest

import (
	"os"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
)

// NewKey makes a cephx key that every release of librados understands.
func NewKey() ceph.Secret { return keys.New(ceph.CipherAES) }

// writeKeyring writes entities in the form that Ceph's daemons read.
func writeKeyring(path string, entities ...ceph.Entity) error {
	return os.WriteFile(path, keys.Keyring(entities...), 0o600)
}
