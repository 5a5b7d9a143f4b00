package rootfs

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Owners returns the packages that brought the files of the tree that are
// still in it.
func (t *Tree) Owners() map[string]bool {
	owners := map[string]bool{}
	for p, e := range t.entries {
		if e.owner != "" && !e.mode.IsDir() && !isCopyright(p) {
			owners[e.owner] = true
		}
	}
	return owners
}

// Owner returns the package that brought a path; empty if none did.
func (t *Tree) Owner(p string) string { return t.entries[p].owner }

// isCopyright says whether a path is the licence of a package: it goes where
// the package's files go, and is no reason to call the package used.
func isCopyright(p string) bool {
	return strings.HasPrefix(p, "/usr/share/doc/") && path.Base(p) == "copyright"
}

// CopyrightOf is the path of a package's licence.
func CopyrightOf(pkg string) string { return "/usr/share/doc/" + pkg + "/copyright" }

// ShareCopyrights replaces licences that are the same by links to the first:
// the eight packages of Boost alone carry 17 MB of one text.
func (t *Tree) ShareCopyrights() error {
	first := map[[sha256.Size]byte]string{}
	for _, p := range t.Paths() {
		if !isCopyright(p) || t.entries[p].mode.Type() == fs.ModeSymlink {
			continue
		}
		content, err := os.ReadFile(t.Path(p))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		if _, seen := first[sum]; !seen {
			first[sum] = p
			continue
		}
		if err := t.putLink(p, entry{mode: fs.ModeSymlink | 0o777, link: relative(p, first[sum]), owner: t.entries[p].owner}); err != nil {
			return err
		}
	}
	return nil
}
