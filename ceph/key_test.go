package ceph

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// Keys made for this test; no cluster knows them.
const (
	goodKey    = "AQBvZWRp0qkBBRAAmDP7d8wQSXQzSzJmdUzr9g=="
	goodKey256 = "AgBvZWRp0qkBBSAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

func TestCheckKey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ key, want string }{
		"aes":            {goodKey, ""},
		"aes256k":        {goodKey256, ""},
		"empty":          {"", "it is empty"},
		"not base64":     {"a key!", "it is not base64"},
		"header only":    {"AQBvZWRp", "it is cut short: 6 bytes, a cephx key has a header of 12"},
		"cut":            {goodKey[:24], "it is damaged: 6 bytes follow its header, which says 16; its cipher has 16"},
		"too long":       {base64.StdEncoding.EncodeToString(append(decode(t, goodKey), 0)), "it is damaged: 17 bytes follow its header, which says 16; its cipher has 16"},
		"unknown cipher": {"B" + goodKey[1:], "its cipher 5 is unknown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckKey(NewSecret(tt.key))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("CheckKey: %v", err)
			case tt.want != "" && (err == nil || err.Error() != tt.want):
				t.Errorf("CheckKey = %v, want %q", err, tt.want)
			}
		})
	}
}

// What is encoded is as CryptoKey::encode writes it, and passes for a key.
func TestEncodeKey(t *testing.T) {
	t.Parallel()
	at := time.Unix(0x65000000, 0x0102)
	for cipher, want := range map[Cipher]string{
		CipherAES:     "0100" + "00000065" + "02010000" + "1000",
		CipherAES256K: "0200" + "00000065" + "02010000" + "2000",
	} {
		secret := []byte(strings.Repeat("s", KeyLength(cipher)))
		key, err := EncodeKey(cipher, at, secret)
		if err != nil || CheckKey(key) != nil {
			t.Fatalf("%s: %v, %v", cipher, err, CheckKey(key))
		}
		if got := hex.EncodeToString(decode(t, key.Reveal())); got != want+hex.EncodeToString(secret) {
			t.Errorf("%s: %s, want %s and the secret", cipher, got, want)
		}
		if key, err := EncodeKey(cipher, at, secret[1:]); err == nil || !key.IsZero() {
			t.Errorf("%s: a byte too few is a key", cipher)
		}
	}
	if key, err := EncodeKey("des", at, nil); err == nil || !key.IsZero() {
		t.Error("a key of an unknown type")
	}
}

func decode(t *testing.T, key string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzCheckKey(f *testing.F) {
	f.Add(goodKey)
	f.Add(goodKey256)
	f.Add("")
	f.Fuzz(func(t *testing.T, key string) {
		err := CheckKey(NewSecret(key))
		if err != nil && len(key) > 8 && strings.Contains(err.Error(), key) {
			t.Errorf("the error tells the key: %v", err)
		}
	})
}
