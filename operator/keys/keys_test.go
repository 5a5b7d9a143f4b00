package keys

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func TestCipherOf(t *testing.T) {
	t.Parallel()
	for release, want := range map[int]ceph.Cipher{0: ceph.CipherAES256K, 16: ceph.CipherAES, 19: ceph.CipherAES, 20: ceph.CipherAES256K, 21: ceph.CipherAES256K} {
		if got := CipherOf(release); got != want {
			t.Errorf("release %d: %s, want %s", release, got, want)
		}
	}
}

// A key holds what randomness gave, and its time.
func TestNewKey(t *testing.T) {
	t.Parallel()
	at := time.Unix(0x65000000, 0x0102)
	for _, cipher := range []ceph.Cipher{ceph.CipherAES, ceph.CipherAES256K} {
		random := bytes.Repeat([]byte("r"), ceph.KeyLength(cipher))
		want, err := ceph.EncodeKey(cipher, at, random)
		if err != nil {
			t.Fatal(err)
		}
		if key, err := newKey(cipher, bytes.NewReader(random), at); err != nil || !key.Equal(want) {
			t.Errorf("%s: another key, or %v", cipher, err)
		}
	}
}

func TestNewKeyNeedsRandomness(t *testing.T) {
	t.Parallel()
	if key, err := newKey(ceph.CipherAES, bytes.NewReader([]byte("short")), time.Time{}); !errors.Is(err, io.ErrUnexpectedEOF) || !key.IsZero() {
		t.Errorf("made %v, %v of five bytes", key, err)
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	if New(ceph.CipherAES).Equal(New(ceph.CipherAES)) {
		t.Error("two keys are the same")
	}
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	key := ceph.NewSecret("AQ==")
	const want = `[mon.]
	key = AQ==
	caps mon = "allow *"
[client.admin]
	key = AQ==
	caps mds = "allow *"
	caps mgr = "allow *"
	caps mon = "allow *"
	caps osd = "allow *"
[mgr.a]
	key = AQ==
	caps mds = "allow *"
	caps mon = "allow profile mgr"
	caps osd = "allow *"
[osd.7]
	key = AQ==
	caps mgr = "allow profile osd"
	caps mon = "allow profile osd"
	caps osd = "allow *"
`
	if got := string(Keyring(Mon(key), Admin(key), Mgr("a", key), OSD(7, key))); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
