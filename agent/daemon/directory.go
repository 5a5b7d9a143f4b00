package daemon

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// clear makes an empty directory of a path that may hold one from an earlier start. The directory itself stays where it
// is: it may be a mount.
func clear(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clear directory: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("clear directory: %w", err)
		}
	}
	return nil
}

// syncDirectory makes the names in a directory last through a power cut.
func syncDirectory(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// syncFilesystem brings all that was written to the filesystem of a directory to its disk.
func syncFilesystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync filesystem: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync filesystem: %w", err)
	}
	return nil
}

// readKeys reads the files of a mounted Secret or ConfigMap. Names with a point in front are kubelet's own.
func readKeys(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what is handed over: %w", err)
	}
	data := map[string][]byte{}
	for _, entry := range entries {
		if entry.Name()[0] == '.' {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read what is handed over: %w", err)
		}
		data[entry.Name()] = content
	}
	return data, nil
}
