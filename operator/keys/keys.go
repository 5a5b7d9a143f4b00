// Package keys makes the cephx keys of a cluster and writes keyrings, without a Ceph to ask. It stores nothing.
package keys

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"time"

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

// firstAES256K is the first release that knows CipherAES256K, and wants it: with a service that has an older key, a
// fresh cluster is HEALTH_ERR (AUTH_INSECURE_SERVICE_KEY_TYPE).
const firstAES256K = 20

// CipherOf returns the type of key that a release of Ceph wants of its services; 0 is a release that is not known,
// and taken for a new one.
func CipherOf(release int) Cipher {
	if release > 0 && release < firstAES256K {
		return CipherAES
	}
	return CipherAES256K
}

// form is how a type of key is encoded: its number in CryptoKey and its length in bytes.
func (c Cipher) form() (number uint16, length int) {
	if c == CipherAES256K {
		return 2, 32
	}
	return 1, 16
}

// New makes a key.
func New(cipher Cipher) ceph.Secret {
	key, err := newKey(cipher, rand.Reader, time.Now())
	if err != nil {
		panic(err) // never: crypto/rand aborts the program when there is no randomness
	}
	return key
}

// newKey encodes type, time of creation and length before the random bytes, all little endian, as CryptoKey::encode
// does: https://github.com/ceph/ceph/blob/main/src/auth/Crypto.cc.
func newKey(cipher Cipher, random io.Reader, now time.Time) (ceph.Secret, error) {
	number, length := cipher.form()
	secret := make([]byte, length)
	if _, err := io.ReadFull(random, secret); err != nil {
		return ceph.Secret{}, fmt.Errorf("make a key: %w", err)
	}
	b := binary.LittleEndian.AppendUint16(nil, number)
	b = binary.LittleEndian.AppendUint32(b, uint32(now.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(now.Nanosecond()))
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	return ceph.NewSecret(base64.StdEncoding.EncodeToString(append(b, secret...))), nil
}
