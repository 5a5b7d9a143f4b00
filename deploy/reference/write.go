package reference

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Write replaces a directory by the pages of a repository.
func Write(root, dir string) error {
	pages, err := Pages(root)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(pages[name]), 0o644); err != nil {
			return err
		}
	}
	return nil
}
