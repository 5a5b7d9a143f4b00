package rados

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeString(t *testing.T) {
	t.Parallel()
	got, err := decodeString(encodeString(nil, "1025dd633a4d"))
	if err != nil || got != "1025dd633a4d" {
		t.Errorf("decodeString = %q, %v", got, err)
	}
	for _, bad := range []string{"", "\x01\x00\x00", "\x02\x00\x00\x00a", "\x01\x00\x00\x00ab", "\xff\xff\xff\xff"} {
		if got, err := decodeString([]byte(bad)); err == nil {
			t.Errorf("decodeString(%q) = %q, want an error", bad, got)
		}
	}
}

// The order of the keys must not change from one encoding to the next.
func TestEncodeMap(t *testing.T) {
	t.Parallel()
	want := "\x02\x00\x00\x00" + "\x01\x00\x00\x00a" + "\x03\x00\x00\x00one" + "\x01\x00\x00\x00b" + "\x00\x00\x00\x00"
	got := encodeMap(map[string]string{"b": "", "a": "one"})
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("encodeMap (-want +got):\n%s", diff)
	}
}

func FuzzDecodeString(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00ab"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeString(b)
		if err == nil && string(encodeString(nil, s)) != string(b) {
			t.Errorf("%q decodes to %q, which encodes to something else", b, s)
		}
	})
}
