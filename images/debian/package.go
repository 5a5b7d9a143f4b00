package debian

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Package is one exact binary package.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	SHA256       string `json:"sha256"`
	// Control is the package's stanza in the mirror's index.
	Control string `json:"control"`
}

// File is the name apt gives the package's file.
func (p Package) File() string {
	return p.Name + "_" + strings.ReplaceAll(p.Version, ":", "%3a") + "_" + p.Architecture + ".deb"
}

// reference names the exact package to apt.
func (p Package) reference() string { return p.Name + "=" + p.Version }

func packageOf(s Stanza) (Package, error) {
	p := Package{
		Name: s.Field("Package"), Version: s.Field("Version"), Architecture: s.Field("Architecture"),
		SHA256: s.Field("SHA256"), Control: s.Text,
	}
	if p.Name == "" || p.Version == "" || p.Architecture == "" || len(p.SHA256) != 64 {
		return p, fmt.Errorf("the index entry of package %q lacks its version, architecture or SHA256", p.Name)
	}
	return p, nil
}

// parseURIs reads the output of `apt-get --print-uris`: one line a file,
// 'address' name size hash. The names hold package, version, architecture.
func parseURIs(output string) ([]Package, error) {
	var packages []Package
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "'") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return nil, fmt.Errorf("apt printed %q for a package", abbreviate(line))
		}
		p, err := parseFile(fields[1])
		if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	return packages, nil
}

func parseFile(name string) (Package, error) {
	base, ok := strings.CutSuffix(name, ".deb")
	parts := strings.Split(base, "_")
	if !ok || len(parts) != 3 {
		return Package{}, fmt.Errorf("%q is not the name of a package file", abbreviate(name))
	}
	version, err := url.PathUnescape(parts[1])
	if err != nil || parts[0] == "" || version == "" {
		return Package{}, errors.Join(fmt.Errorf("%q is not the name of a package file", abbreviate(name)), err)
	}
	return Package{Name: parts[0], Version: version, Architecture: parts[2]}, nil
}
