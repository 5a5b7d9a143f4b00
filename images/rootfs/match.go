package rootfs

import (
	"fmt"
	"path"
)

// Patterns select paths: a pattern as of path.Match selects what it matches
// and all below it.
type Patterns []string

// Check refuses a pattern that is malformed or could never match.
func (ps Patterns) Check() error {
	for _, p := range ps {
		if _, err := path.Match(p, "/"); err != nil || !path.IsAbs(p) || path.Clean(p) != p {
			return fmt.Errorf("pattern %q: want an absolute path, perhaps with *, ? and [ ]", p)
		}
	}
	return nil
}

// Match says whether a pattern selects the path.
func (ps Patterns) Match(p string) bool {
	for ; p != "/" && p != "."; p = path.Dir(p) {
		for _, pattern := range ps {
			if ok, _ := path.Match(pattern, p); ok { // Check has seen bad ones
				return true
			}
		}
	}
	return false
}
