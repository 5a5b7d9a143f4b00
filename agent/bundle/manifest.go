// Package bundle keeps the programs that serve volumes on a node (helpers such
// as ceph-fuse and mkfs.xfs, with their libraries and dynamic linker) in a
// directory of the host, named by their digest. So they run without the
// agent's container, and on a host that has no such libraries, and survive
// both. The package copies, verifies and removes bundles; it starts nothing
// and decides nothing.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ManifestName is the file at the top of a bundle that lists all others.
const ManifestName = "manifest.json"

// manifestVersion is the version of the manifest's format.
const manifestVersion = 1

// Directories of a bundle.
const (
	programDir = "bin"
	libraryDir = "lib"
)

// ErrInvalid says that a bundle is not what its manifest says, or that the
// manifest says nothing sensible.
var ErrInvalid = errors.New("invalid bundle")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Manifest lists the files of a bundle. Its digest names the bundle.
type Manifest struct {
	Version int `json:"version"`
	// Release is the Ceph release of the libraries.
	Release string `json:"release"`
	// Linker is the dynamic linker's file.
	Linker string `json:"linker"`
	// Files are sorted by path.
	Files []File `json:"files"`
}

// File is a regular file of a bundle.
type File struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"` // octal permissions
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Seal writes the manifest of a directory: the program that builds the image
// calls it. Sealing twice gives the same bytes.
func Seal(dir, release, linker string) (digest string, err error) {
	m := Manifest{Version: manifestVersion, Release: release, Linker: linker}
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || p == filepath.Join(dir, ManifestName) {
			return err
		}
		f, err := describe(dir, p)
		m.Files = append(m.Files, f)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", dir, err)
	}
	if err := m.check(); err != nil {
		return "", fmt.Errorf("seal %s: %w", dir, err)
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", err
	}
	return digestOf(content), os.WriteFile(filepath.Join(dir, ManifestName), content, 0o644)
}

func describe(dir, p string) (File, error) {
	info, err := os.Lstat(p)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, invalid("%s is no regular file", p)
	}
	rel, err := filepath.Rel(dir, p)
	if err != nil {
		return File{}, err
	}
	sum, err := hashFile(p)
	return File{Path: filepath.ToSlash(rel), Mode: fmt.Sprintf("%04o", info.Mode().Perm()), Size: info.Size(), SHA256: sum}, err
}

func hashFile(p string) (string, error) {
	f, err := os.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close() // read only: a failed close loses nothing
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digestOf(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:])
}

// digestPattern is what names a bundle's directory.
var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseManifest reads and checks a manifest. It refuses paths that lead out of
// the bundle: what it lists is written to the host.
func ParseManifest(content []byte) (Manifest, error) {
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: read the manifest: %w", ErrInvalid, err)
	}
	return m, m.check()
}

func (m Manifest) check() error {
	if m.Version != manifestVersion {
		return invalid("the manifest has version %d, this program knows %d", m.Version, manifestVersion)
	}
	if !slices.IsSortedFunc(m.Files, func(a, b File) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) }) {
		return invalid("the manifest's files are not sorted")
	}
	for i, f := range m.Files {
		if err := f.check(); err != nil {
			return err
		}
		if i > 0 && m.Files[i-1].Path == f.Path {
			return invalid("%s is listed twice", f.Path)
		}
	}
	if !slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == m.Linker }) {
		return invalid("the dynamic linker %q is not among the files", m.Linker)
	}
	return nil
}

func (f File) check() error {
	if !fs.ValidPath(f.Path) || f.Path == "." || f.Path == ManifestName || path.IsAbs(f.Path) {
		return invalid("path %q", f.Path)
	}
	if !digestPattern.MatchString(f.SHA256) || f.Size < 0 {
		return invalid("%s has size %d and SHA256 %q", f.Path, f.Size, f.SHA256)
	}
	_, err := f.permissions()
	return err
}

func (f File) permissions() (fs.FileMode, error) {
	mode, err := strconv.ParseUint(f.Mode, 8, 9)
	if err != nil {
		return 0, invalid("%s has mode %q", f.Path, f.Mode)
	}
	return fs.FileMode(mode), nil
}
