package house

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// use is what one go.mod requires of a module.
type use struct {
	file    string
	line    int
	version string
}

// CheckVersions says where two modules of this repository require another module in two versions. Each version of a library, and all
// that imports it, is compiled by itself: with one version the product, its tools and the local Kubernetes share what is compiled.
func (r *Repo) CheckVersions() ([]Finding, error) {
	return checkVersions(os.DirFS(r.Root), r.Modules())
}

func checkVersions(tree fs.FS, modules []string) ([]Finding, error) {
	uses := map[string][]use{}
	for _, module := range modules {
		if err := addUses(uses, tree, path.Join(module, "go.mod")); err != nil {
			return nil, err
		}
	}
	var found []Finding
	for required, by := range uses {
		newest := slices.MaxFunc(by, func(a, b use) int { return semver.Compare(a.version, b.version) })
		for _, u := range by {
			if u.version != newest.version {
				found = append(found, Finding{u.file, u.line, fmt.Sprintf("%s is %s, and %s in %s: go get %s@%s",
					required, u.version, newest.version, newest.file, required, newest.version)})
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line)) })
	return found, nil
}

func addUses(uses map[string][]use, tree fs.FS, file string) error {
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		return err
	}
	parsed, err := modfile.Parse(file, text, nil)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	for _, require := range parsed.Require {
		uses[require.Mod.Path] = append(uses[require.Mod.Path], use{file, require.Syntax.Start.Line, require.Mod.Version})
	}
	return nil
}
