package rados

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
)

// keyLength is the length of a secret by its cipher: AES-128, and AES-256 since
// Ceph 20 (which an older librados cannot parse).
var keyLength = map[uint16]int{1: 16, 2: 32}

// keyHeader is cipher, creation time and length, as CryptoKey::encode writes them.
const keyHeader = 2 + 4 + 4 + 2

// checkKey refuses a key that is no cephx key. librados would not connect with
// it either, but says no more than EINVAL, and logs the key. No error tells it.
func checkKey(key ceph.Secret) error {
	if key.IsZero() {
		return errors.New("it is empty")
	}
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil {
		return errors.New("it is not base64")
	}
	if len(raw) < keyHeader {
		return fmt.Errorf("it is cut short: %d bytes, a cephx key has a header of %d", len(raw), keyHeader)
	}
	cipher := binary.LittleEndian.Uint16(raw)
	want, known := keyLength[cipher]
	if !known {
		return fmt.Errorf("its cipher %d is unknown", cipher)
	}
	stated := int(binary.LittleEndian.Uint16(raw[keyHeader-2:]))
	if stated != want || len(raw) != keyHeader+want {
		return fmt.Errorf("it is damaged: %d bytes follow its header, which says %d; its cipher has %d", len(raw)-keyHeader, stated, want)
	}
	return nil
}
