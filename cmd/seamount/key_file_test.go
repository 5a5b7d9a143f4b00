package main

import (
	"strings"
	"testing"
)

const (
	key     = "AQBvZWRp0qkBBRAAmDP7d8wQSXQzSzJmdUzr9g=="
	keyring = `# made by hand
[client.other]
	key = AQBother
	caps mon = "allow r"
[client.admin]
	caps mon = "allow *"
	key = ` + key + `
`
)

func TestParseKeyFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, entity, want, fails string }{
		"bare":           {key, "client.admin", key, ""},
		"with newline":   {"\n" + key + "\n", "client.admin", key, ""},
		"keyring":        {keyring, "client.admin", key, ""},
		"keyring, other": {keyring, "client.other", "AQBother", ""},
		"not in keyring": {keyring, "client.none", "", "the keyring has no key of client.none"},
		"section only":   {"[client.admin]\n", "client.admin", "", "the keyring has no key of client.admin"},
		"empty":          {" \n", "client.admin", "", "it is empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseKeyFile(strings.NewReader(tt.text), tt.entity)
			if tt.fails != "" {
				if err == nil || err.Error() != tt.fails {
					t.Errorf("error = %v, want %q", err, tt.fails)
				}
				return
			}
			if err != nil || got.Reveal() != tt.want {
				t.Errorf("parseKeyFile = %q, %v, want %q", got.Reveal(), err, tt.want)
			}
		})
	}
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add(key)
	f.Add(keyring)
	f.Add("[\n=")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseKeyFile(strings.NewReader(text), "client.admin")
		if err == nil && !strings.Contains(text, got.Reveal()) {
			t.Errorf("%q: key %q is not in it", text, got.Reveal())
		}
	})
}
