//go:build e2e

package loopdev

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Digest is of all bytes of the disk. What is a hole and what are zeros makes no difference, and holes are not read.
func (d *Disk) Digest(t testing.TB) string {
	t.Helper()
	f, err := os.Open(d.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // it was only read
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	fmt.Fprintln(h, size)
	chunk := make([]byte, 64<<10)
	zeros := make([]byte, len(chunk))
	for at := int64(0); ; at += int64(len(chunk)) {
		at, err = f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return hex.EncodeToString(h.Sum(nil))
		}
		if err != nil {
			t.Fatal(err)
		}
		at -= at % int64(len(chunk))
		n, err := f.ReadAt(chunk, at)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if !bytes.Equal(chunk[:n], zeros[:n]) {
			fmt.Fprintln(h, at)
			h.Write(chunk[:n])
		}
	}
}
