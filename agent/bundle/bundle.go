package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Bundle is a bundle in a directory.
type Bundle struct {
	Manifest
	// Digest names the bundle.
	Digest string
	// Dir is the directory it is in.
	Dir string

	manifest []byte
}

// Open reads the manifest of the bundle in a directory. It does not read the
// files: Verify does.
func Open(dir string) (*Bundle, error) {
	content, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	m, err := ParseManifest(content)
	if err != nil {
		return nil, fmt.Errorf("open bundle %s: %w", dir, err)
	}
	return &Bundle{Manifest: m, Digest: digestOf(content), Dir: dir, manifest: content}, nil
}

// Verify reads every file and holds it against the manifest. A file too many
// is not an error: nothing runs it.
func (b *Bundle) Verify(ctx context.Context) error {
	for _, f := range b.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := verifyFile(b.Dir, f); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(dir string, f File) error {
	got, err := describe(dir, filepath.Join(dir, filepath.FromSlash(f.Path)))
	if errors.Is(err, os.ErrNotExist) {
		return invalid("%s is missing", f.Path)
	}
	if err != nil {
		return err
	}
	if got != f {
		return invalid("%s has size %d, mode %s and SHA256 %s; the manifest says %d, %s and %s",
			f.Path, got.Size, got.Mode, got.SHA256, f.Size, f.Mode, f.SHA256)
	}
	return nil
}

// ErrNoProgram says that the bundle has no program of a name.
var ErrNoProgram = errors.New("the bundle has no such program")

// Command returns the command line that runs a program of the bundle: by the
// bundle's own dynamic linker, with the bundle's libraries alone before the
// host's. dir is the bundle's directory as the process that runs it sees it.
func (b *Bundle) Command(dir, program string, args ...string) ([]string, error) {
	file := programDir + "/" + program
	if !slices.ContainsFunc(b.Files, func(f File) bool { return f.Path == file }) {
		return nil, fmt.Errorf("%w: %s", ErrNoProgram, program)
	}
	command := []string{filepath.Join(dir, b.Linker), "--library-path", filepath.Join(dir, libraryDir), "--argv0", program, filepath.Join(dir, file)}
	return append(command, args...), nil
}
