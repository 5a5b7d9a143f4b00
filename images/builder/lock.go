package builder

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/images/debian"
	"github.com/seamount-dev/seamount/images/rootfs"
)

// LockFile records, in an image's folder, the packages it was last reviewed
// with. Mirrors move on and keep no old packages, so it cannot be enforced:
// builds say how they differ from it.
const LockFile = "packages.lock"

// Lock renders the packages for packages.lock.
func Lock(packages []debian.Package) string { return rootfs.PackageList(packages) }

// differences compares the packages with the definition's packages.lock.
func (p *plan) differences() []string {
	content, err := fs.ReadFile(p.Folder, LockFile)
	if err != nil {
		return nil // nothing was recorded, so nothing differs
	}
	return compare(string(content), Lock(p.packages))
}

// compare says what changed between two package lists.
func compare(old, now string) []string {
	before, after := versions(old), versions(now)
	var changes []string
	for name, version := range after {
		switch was, known := before[name]; {
		case !known:
			changes = append(changes, fmt.Sprintf("%s %s is new", name, version))
		case was != version:
			changes = append(changes, fmt.Sprintf("%s %s was %s", name, version, was))
		}
	}
	for name, version := range before {
		if _, still := after[name]; !still {
			changes = append(changes, fmt.Sprintf("%s %s is gone", name, version))
		}
	}
	slices.Sort(changes)
	return changes
}

// versions reads a package list: the version of each package.
func versions(list string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			all[fields[0]] = fields[1]
		}
	}
	return all
}
