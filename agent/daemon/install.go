package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Install copies a program to a path, whole or not at all: an init container that is started again finds either.
func Install(program, to string) error {
	from, err := os.Open(program)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	defer from.Close()
	into, err := os.CreateTemp(filepath.Dir(to), ".install-*")
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	_, err = io.Copy(into, from)
	err = errors.Join(err, into.Chmod(0o755), into.Close())
	if err == nil {
		err = os.Rename(into.Name(), to)
	}
	if err != nil {
		return fmt.Errorf("install: %w", errors.Join(err, os.Remove(into.Name())))
	}
	return nil
}
