// Package keys makes the cephx keys of a cluster and writes keyrings, without a Ceph to ask. It stores nothing.
package keys

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// firstAES256K is the first release that knows ceph.CipherAES256K, and wants it: with a service that has an older key, a
// fresh cluster is HEALTH_ERR (AUTH_INSECURE_SERVICE_KEY_TYPE).
const firstAES256K = 20

// CipherOf returns the type of key that a release of Ceph wants of its services; 0 is a release that is not known,
// and taken for a new one.
func CipherOf(release int) ceph.Cipher {
	if release > 0 && release < firstAES256K {
		return ceph.CipherAES
	}
	return ceph.CipherAES256K
}

// New makes a key.
func New(cipher ceph.Cipher) ceph.Secret {
	key, err := newKey(cipher, rand.Reader, time.Now())
	if err != nil {
		panic(err) // never: crypto/rand aborts the program when there is no randomness, and the ciphers are known
	}
	return key
}

func newKey(cipher ceph.Cipher, random io.Reader, now time.Time) (ceph.Secret, error) {
	secret := make([]byte, ceph.KeyLength(cipher))
	if _, err := io.ReadFull(random, secret); err != nil {
		return ceph.Secret{}, fmt.Errorf("make a key: %w", err)
	}
	return ceph.EncodeKey(cipher, now, secret)
}
