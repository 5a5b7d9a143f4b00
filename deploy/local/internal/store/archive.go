package store

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Archive is an image archive.
type Archive struct {
	Path string `json:"path"`
	// Identity stands for the content: it is the hash of the archive's index,
	// which names every layer by its digest.
	Identity string `json:"identity"`
}

// maxIndex bounds what is read of an archive's index.
const maxIndex = 16 << 20

// Identify reads the identity of an archive as `docker save` or an OCI tool
// writes it. It skips the layers, so that it takes milliseconds.
func Identify(path string) (Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return Archive{}, fmt.Errorf("read the image archive: %w", err)
	}
	defer f.Close() // read-only
	identity, err := identify(f)
	if err != nil {
		return Archive{}, fmt.Errorf("%s is not an image archive: %w", path, err)
	}
	return Archive{Path: path, Identity: identity}, nil
}

func identify(r io.Reader) (string, error) {
	h := sha256.New()
	found := false
	for t := tar.NewReader(r); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if header.Name != "manifest.json" && header.Name != "index.json" {
			continue
		}
		index, err := io.ReadAll(io.LimitReader(t, maxIndex))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", header.Name, len(index), index) // a hash takes everything
		found = true
	}
	if !found {
		return "", errors.New("it has neither manifest.json nor index.json")
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// List is a set of archives.
type List []Archive

// ReadList reads a list from a file; one that does not exist is empty.
func ReadList(file string) (List, error) {
	var l List
	err := readJSON(file, &l)
	return l, err
}

// Has reports whether an archive with the same content is in the list.
func (l List) Has(a Archive) bool {
	return slices.ContainsFunc(l, func(o Archive) bool { return o.Identity == a.Identity })
}

// With is the list with a in it, in place of an older archive of the same path.
func (l List) With(a Archive) List {
	return append(slices.DeleteFunc(slices.Clone(l), func(o Archive) bool { return o.Path == a.Path }), a)
}

// key names the store that holds exactly this list.
func (l List) key() string {
	identities := make([]string, len(l))
	for i, a := range l {
		identities[i] = a.Identity
	}
	slices.Sort(identities)
	h := sha256.New()
	for _, id := range slices.Compact(identities) {
		fmt.Fprintln(h, id) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
