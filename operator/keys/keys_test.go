package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func TestCipherOf(t *testing.T) {
	t.Parallel()
	for release, want := range map[int]Cipher{0: CipherAES256K, 16: CipherAES, 19: CipherAES, 20: CipherAES256K, 21: CipherAES256K} {
		if got := CipherOf(release); got != want {
			t.Errorf("release %d: %s, want %s", release, got, want)
		}
	}
}

func TestNewKeyEncoding(t *testing.T) {
	t.Parallel()
	at := time.Unix(0x65000000, 0x0102)
	for cipher, want := range map[Cipher]string{
		CipherAES:     "0100" + "00000065" + "02010000" + "1000" + "000102030405060708090a0b0c0d0e0f",
		CipherAES256K: "0200" + "00000065" + "02010000" + "2000" + "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	} {
		random := make([]byte, 32)
		for i := range random {
			random[i] = byte(i)
		}
		key, err := newKey(cipher, bytes.NewReader(random), at)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(key.Reveal())
		if got := hex.EncodeToString(raw); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", cipher, got, err, want)
		}
	}
}

func TestNewKeyNeedsRandomness(t *testing.T) {
	t.Parallel()
	if key, err := newKey(CipherAES, bytes.NewReader([]byte("short")), time.Time{}); !errors.Is(err, io.ErrUnexpectedEOF) || !key.IsZero() {
		t.Errorf("made %v, %v of five bytes", key, err)
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	if New(CipherAES).Equal(New(CipherAES)) {
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
