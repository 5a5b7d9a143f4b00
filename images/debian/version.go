package debian

import "strings"

// Upstream returns the upstream part of a Debian version: without epoch,
// Debian revision and what a packager appended (+ds, ~rc).
// See deb-version(7).
func Upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		version = version[:i]
	}
	if i := strings.IndexAny(version, "+~"); i >= 0 {
		version = version[:i]
	}
	return version
}
