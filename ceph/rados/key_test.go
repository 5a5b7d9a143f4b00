package rados

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
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
			err := checkKey(ceph.NewSecret(tt.key))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("checkKey: %v", err)
			case tt.want != "" && (err == nil || err.Error() != tt.want):
				t.Errorf("checkKey = %v, want %q", err, tt.want)
			}
		})
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
		err := checkKey(ceph.NewSecret(key))
		if err != nil && len(key) > 8 && strings.Contains(err.Error(), key) {
			t.Errorf("the error tells the key: %v", err)
		}
	})
}
