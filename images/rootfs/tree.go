// Package rootfs puts the file system of an image together from Debian
// packages and single files. Packages are unpacked, not configured: no
// maintainer script runs, so there is no chroot and nothing to mount, and the
// same packages always give the same tree. What their scripts would have done
// (users, links, byte-compiled Python) an image's definition says.
//
// Owners and modes are kept in memory and the contents in a directory, so that
// no privileges are needed.
package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/images/oci"
)

// Tree is a file system under construction.
type Tree struct {
	dir     string
	entries map[string]entry
}

// entry is what the directory on disk does not tell.
type entry struct {
	mode     fs.FileMode // type and permissions
	uid, gid int
	link     string // target of a symbolic link
	owner    string // package it came from
}

// ErrConflict says that two packages bring the same file.
var ErrConflict = errors.New("two packages bring the same file")

// New starts an empty tree whose contents are kept below dir.
func New(dir string) (*Tree, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &Tree{dir: dir, entries: map[string]entry{}}, nil
}

// aliases are the directories that a merged /usr and /run replaced by links.
// Old packages still bring files below them.
var aliases = [][2]string{
	{"/bin", "/usr/bin"}, {"/sbin", "/usr/sbin"}, {"/lib", "/usr/lib"}, {"/lib64", "/usr/lib64"},
	{"/var/run", "/run"}, {"/var/lock", "/run/lock"},
}

// canonical is the path a file of a package has in the tree.
func canonical(p string) string {
	p = path.Clean("/" + p)
	for _, a := range aliases {
		if p == a[0] || strings.HasPrefix(p, a[0]+"/") {
			return a[1] + p[len(a[0]):]
		}
	}
	return p
}

// aliased says whether AddBase makes the path a link.
func aliased(p string) bool {
	return slices.ContainsFunc(aliases, func(a [2]string) bool { return a[0] == p })
}

// Path is where the content of a file of the tree lies on this machine.
func (t *Tree) Path(p string) string { return filepath.Join(t.dir, p) }

// Has says whether the tree has something at a path.
func (t *Tree) Has(p string) bool {
	_, ok := t.entries[p]
	return ok
}

// Paths returns all paths, sorted.
func (t *Tree) Paths() []string {
	paths := make([]string, 0, len(t.entries))
	for p := range t.entries {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// Put adds a file, or replaces one. Its content is copied.
func (t *Tree) Put(f oci.File) error {
	e := entry{mode: f.Mode, uid: f.UID, gid: f.GID, link: f.Link}
	switch {
	case f.Link != "":
		e.mode = fs.ModeSymlink | 0o777
		return t.putLink(f.Path, e)
	case f.Mode.IsDir():
		return t.putDir(f.Path, withDefault(e, 0o755))
	case f.Source != "":
		return t.putSource(f, e)
	}
	return t.putContent(f.Path, withDefault(e, 0o644), strings.NewReader(string(f.Content)))
}

func withDefault(e entry, permissions fs.FileMode) entry {
	if e.mode.Perm() == 0 {
		e.mode |= permissions
	}
	return e
}

func (t *Tree) putSource(f oci.File, e entry) error {
	in, err := os.Open(f.Source)
	if err != nil {
		return err
	}
	defer in.Close() // read only: a failed close loses nothing
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return t.putContent(f.Path, withDefault(e, info.Mode().Perm()), in)
}

func (t *Tree) putDir(p string, e entry) error {
	if err := os.MkdirAll(t.Path(p), 0o755); err != nil {
		return err
	}
	t.entries[p] = e
	return nil
}

func (t *Tree) putLink(p string, e entry) error {
	if err := t.prepare(p); err != nil {
		return err
	}
	t.entries[p] = e
	return os.Symlink(e.link, t.Path(p))
}

func (t *Tree) putContent(p string, e entry, content io.Reader) error {
	if err := t.prepare(p); err != nil {
		return err
	}
	// The tree's own programs run from here (byte-compiling), hence the mode.
	out, err := os.OpenFile(t.Path(p), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600|e.mode.Perm()&0o111)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		_ = out.Close() // the first error is the one to tell
		return err
	}
	t.entries[p] = e
	return out.Close()
}

// prepare makes room for a file and its parent directories.
func (t *Tree) prepare(p string) error {
	if err := os.MkdirAll(filepath.Dir(t.Path(p)), 0o755); err != nil {
		return err
	}
	err := os.Remove(t.Path(p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Remove takes a file out, or a directory with all below it.
func (t *Tree) Remove(p string) error {
	for q := range t.entries {
		if q == p || strings.HasPrefix(q, p+"/") {
			delete(t.entries, q)
		}
	}
	return os.RemoveAll(t.Path(p))
}

// Own sets owner, group and, unless it is 0, the mode of a path.
func (t *Tree) Own(p string, uid, gid int, mode fs.FileMode) error {
	e, ok := t.entries[p]
	if !ok {
		return fmt.Errorf("no %s in the tree to own", p)
	}
	e.uid, e.gid = uid, gid
	if mode != 0 {
		e.mode = e.mode.Type() | mode
	}
	t.entries[p] = e
	return nil
}

// Files lists the tree for an image's layer.
func (t *Tree) Files() []oci.File {
	files := make([]oci.File, 0, len(t.entries))
	for _, p := range t.Paths() {
		e := t.entries[p]
		f := oci.File{Path: p, UID: e.uid, GID: e.gid, Mode: e.mode, Link: e.link}
		switch e.mode.Type() {
		case fs.ModeSymlink:
			f.Mode = 0
		case 0:
			f.Source = t.Path(p)
		}
		files = append(files, f)
	}
	return files
}

// Retain drops every file that keep does not want, and the directories that
// are empty then.
func (t *Tree) Retain(keep func(p string) bool) error {
	paths := t.Paths()
	slices.Reverse(paths) // children before their parents
	full := map[string]bool{}
	for _, p := range paths {
		if full[p] || keep(p) {
			for dir := path.Dir(p); dir != "/" && !full[dir]; dir = path.Dir(dir) {
				full[dir] = true
			}
			continue
		}
		delete(t.entries, p) // all below it are gone already
		if err := os.RemoveAll(t.Path(p)); err != nil {
			return err
		}
	}
	return nil
}
