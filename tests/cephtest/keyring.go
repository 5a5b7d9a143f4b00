//go:build linux

package cephtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// keyType is a cephx cipher, as CryptoKey encodes it.
type keyType uint16

const (
	keyAES    keyType = 1 // 16 bytes; the only one before Ceph 20
	keyAES256 keyType = 2 // 32 bytes; librados before 20 cannot parse it
)

func (k keyType) length() int {
	if k == keyAES256 {
		return 32
	}
	return 16
}

// NewKey makes a cephx key that every release of librados understands.
func NewKey() ceph.Secret { return newKey(keyAES) }

// newKey encodes type, creation time and length before the random bytes, all
// little endian, as CryptoKey::encode does.
func newKey(kind keyType) ceph.Secret {
	secret := make([]byte, kind.length())
	_, _ = rand.Read(secret) // never fails: crypto/rand aborts the program instead
	now := time.Now()
	b := binary.LittleEndian.AppendUint16(nil, uint16(kind))
	b = binary.LittleEndian.AppendUint32(b, uint32(now.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(now.Nanosecond()))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(secret)))
	return ceph.NewSecret(base64.StdEncoding.EncodeToString(append(b, secret...)))
}

// writeKeyring writes entities in the form that Ceph's daemons read.
func writeKeyring(path string, entities ...ceph.Entity) error {
	var b strings.Builder
	for _, e := range entities {
		fmt.Fprintf(&b, "[%s]\n\tkey = %s\n", e.Name, e.Key.Reveal())
		for _, service := range sortedKeys(e.Caps) {
			fmt.Fprintf(&b, "\tcaps %s = %q\n", service, e.Caps[service])
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
