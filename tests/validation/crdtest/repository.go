package crdtest

import (
	"errors"
	"os"
	"path/filepath"
)

// Root returns the root of the repository that the working directory is in: the next directory above with a folder
// deploy/crds.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "deploy", "crds")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no deploy/crds above the working directory: run the test inside the repository")
		}
		dir = parent
	}
}
