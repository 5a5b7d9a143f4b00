package handover

import (
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

const storedMonKey = "AQBpc3BsYXkAAAAAEAAAAAECAwQFBgcICQoLDA0ODw=="

func TestMonKeyOf(t *testing.T) {
	t.Parallel()
	const another = "[client.admin]\n\tkey = AQAAAAAAAAAAAAAAEAAAAAECAwQFBgcICQoLDA0ODw==\n"
	for name, c := range map[string]struct {
		keyring, want string
		err           error
	}{
		"as ceph-mon --mkfs writes it": {"[mon.]\n\tkey = " + storedMonKey + "\n\tcaps mon = \"allow *\"\n", storedMonKey, nil},
		"beside others":                {another + "[mon.]\nkey=" + storedMonKey + "\n" + another, storedMonKey, nil},
		"another's only":               {another, "", errNoMonKey},
		"empty":                        {"", "", errNoMonKey},
		"cut":                          {"[mon.]\n\tkey = " + storedMonKey[:9], "", errKeyBroken},
		"nothing behind the header":    {"[mon.]\n\tkey = AQBpc3BsYXkAAAAA\n", "", errKeyBroken},
	} {
		key, err := MonKeyOf([]byte(c.keyring))
		if err != c.err || key.Reveal() != c.want {
			t.Errorf("%s: %q, %v", name, key.Reveal(), err)
		}
	}
}

// FuzzMonKeyOf holds that whatever is found is in the keyring, and that errors do not tell it.
func FuzzMonKeyOf(f *testing.F) {
	f.Add([]byte("[mon.]\n\tkey = " + storedMonKey + "\n"))
	f.Add([]byte("[mon.]\nkey = AQ==\n[mon.]\nkey"))
	f.Fuzz(func(t *testing.T, keyring []byte) {
		key, err := MonKeyOf(keyring)
		if (err == nil) == key.IsZero() {
			t.Fatalf("%v, and a key: %v", err, !key.IsZero())
		}
		if err == nil && !strings.Contains(string(keyring), key.Reveal()) {
			t.Error("the key is not in the keyring")
		}
		if err != nil && key != (ceph.Secret{}) {
			t.Error("a key beside an error")
		}
	})
}
