// Package keys makes the cephx keys of a cluster and writes keyrings, without a Ceph to ask. It stores nothing.
package keys

import (
	"github.com/seamount-dev/seamount/ceph"
)

// Cipher is the type of a cephx key.
type Cipher string

// Types of cephx keys.
const (
	// CipherAES has 16 bytes: all that releases before 20 know.
	CipherAES Cipher = "aes"
	// CipherAES256K has 32 bytes: what release 20 asks of its own services.
	CipherAES256K Cipher = "aes256k"
)

// CipherOf returns the type of key that a release of Ceph wants of its services; 0 is a release that is not known.
func CipherOf(release int) Cipher { return CipherAES256K }

// New makes a key.
func New(cipher Cipher) ceph.Secret { return ceph.Secret{} }

// Entities of a cluster with a new key and the capabilities that they need.
func Mon(cipher Cipher) ceph.Entity              { return ceph.Entity{} }
func Admin(cipher Cipher) ceph.Entity            { return ceph.Entity{} }
func Mgr(cipher Cipher, name string) ceph.Entity { return ceph.Entity{} }
func OSD(cipher Cipher, id int32) ceph.Entity    { return ceph.Entity{} }

// Keyring writes entities in the form that Ceph's daemons read.
func Keyring(entities ...ceph.Entity) []byte { return nil }
