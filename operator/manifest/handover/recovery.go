package handover

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// RecoveredMonKey is the key of the Secret that takes what was found in the store of a mon: the key of mon.
const RecoveredMonKey = "mon-key"

var (
	errNoMonKey  = errors.New("the keyring has no key of mon")
	errKeyBroken = errors.New("the key of mon in the keyring is damaged")
)

// MonKeyOf finds the key of mon. in the keyring of a mon's store. No error tells what the keyring holds.
func MonKeyOf(keyring []byte) (ceph.Secret, error) {
	section := ""
	for line := range bytes.Lines(keyring) {
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "[") {
			section = text
			continue
		}
		name, value, found := strings.Cut(text, "=")
		if !found || section != "[mon.]" || strings.TrimSpace(name) != "key" {
			continue
		}
		value = strings.TrimSpace(value)
		if raw, err := base64.StdEncoding.DecodeString(value); err != nil || len(raw) < keyHeader {
			return ceph.Secret{}, errKeyBroken
		}
		return ceph.NewSecret(value), nil
	}
	return ceph.Secret{}, errNoMonKey
}

// keyHeader are the bytes of a key before the secret itself: type, time and length. A key that has nothing after them is
// none.
const keyHeader = 13
