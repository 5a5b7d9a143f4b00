package bundle

import (
	"path/filepath"
	"slices"
)

// Programs are those of a bundle that was laid on a host.
type Programs struct {
	Bundle *Bundle
	// Dir is the bundle's directory as the host sees it.
	Dir string
}

// Command is the command line by which the host runs a program.
func (p Programs) Command(program string, args ...string) ([]string, error) {
	return p.Bundle.Command(p.Dir, program, args...)
}

// File is the path of another file of the bundle, empty if it has none of that name.
func (p Programs) File(name string) string {
	if !slices.ContainsFunc(p.Bundle.Files, func(f File) bool { return f.Path == name }) {
		return ""
	}
	return filepath.Join(p.Dir, filepath.FromSlash(name))
}
