package ceph

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Cipher is the type of a cephx key.
type Cipher string

// Types of cephx keys.
const (
	// CipherAES has 16 bytes: all that releases before 20 know.
	CipherAES Cipher = "aes"
	// CipherAES256K has 32 bytes: what release 20 asks of its own services. A librados before 20 cannot parse it.
	CipherAES256K Cipher = "aes256k"
)

// keyForm is how a type of key is encoded: its number in CryptoKey and its length in bytes.
type keyForm struct {
	number uint16
	length int
}

var keyForms = map[Cipher]keyForm{CipherAES: {1, 16}, CipherAES256K: {2, 32}}

// KeyLength is how many random bytes a key of a type has; 0 for a type that is unknown.
func KeyLength(cipher Cipher) int { return keyForms[cipher].length }

// keyHeader is type, time of creation and length, all little endian, as CryptoKey::encode writes them before the secret
// bytes: https://github.com/ceph/ceph/blob/main/src/auth/Crypto.cc.
const keyHeader = 2 + 4 + 4 + 2

// EncodeKey makes a key of secret bytes, which must be as many as KeyLength says.
func EncodeKey(cipher Cipher, created time.Time, secret []byte) (Secret, error) {
	form, known := keyForms[cipher]
	if !known || len(secret) != form.length {
		return Secret{}, fmt.Errorf("a key of type %q has %d bytes, not %d", cipher, form.length, len(secret))
	}
	b := binary.LittleEndian.AppendUint16(make([]byte, 0, keyHeader+form.length), form.number)
	b = binary.LittleEndian.AppendUint32(b, uint32(created.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(created.Nanosecond()))
	b = binary.LittleEndian.AppendUint16(b, uint16(form.length))
	return NewSecret(base64.StdEncoding.EncodeToString(append(b, secret...))), nil
}

// CheckKey refuses a key that is no cephx key. No error tells it.
func CheckKey(key Secret) error {
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
	number := binary.LittleEndian.Uint16(raw)
	want, known := lengthOf(number)
	if !known {
		return fmt.Errorf("its cipher %d is unknown", number)
	}
	stated := int(binary.LittleEndian.Uint16(raw[keyHeader-2:]))
	if stated != want || len(raw) != keyHeader+want {
		return fmt.Errorf("it is damaged: %d bytes follow its header, which says %d; its cipher has %d", len(raw)-keyHeader, stated, want)
	}
	return nil
}

func lengthOf(number uint16) (length int, known bool) {
	for _, form := range keyForms {
		if form.number == number {
			return form.length, true
		}
	}
	return 0, false
}
