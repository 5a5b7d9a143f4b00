package build

import (
	"fmt"
	"os"
	"path/filepath"
)

// ComponentsEnv names the environment variable that says where the directory
// components is, for a seamount-local that runs outside the repository.
const ComponentsEnv = "SEAMOUNT_LOCAL_COMPONENTS"

// CacheEnv names the environment variable that moves the cache.
const CacheEnv = "SEAMOUNT_CACHE"

// LocateComponents finds the modules to compile: where ComponentsEnv says, or in
// the repository around the program's file or around the working directory. They
// cannot be embedded in the program, since they are Go modules of their own.
func LocateComponents() (string, error) {
	if dir := os.Getenv(ComponentsEnv); dir != "" {
		if !isComponents(dir) {
			return "", fmt.Errorf("%s=%s does not hold Seamount's components: set it to deploy/local/components of a checkout", ComponentsEnv, dir)
		}
		return filepath.Abs(dir)
	}
	var from []string
	if exe, err := os.Executable(); err == nil {
		from = append(from, filepath.Dir(exe))
	}
	if cwd, err := os.Getwd(); err == nil {
		from = append(from, cwd)
	}
	for _, dir := range from {
		if found, ok := above(dir); ok {
			return found, nil
		}
	}
	return "", fmt.Errorf("cannot find deploy/local/components: run seamount-local in a checkout of Seamount, or set %s to that directory", ComponentsEnv)
}

func above(dir string) (string, bool) {
	for {
		for _, sub := range []string{"components", "deploy/local/components"} {
			if found := filepath.Join(dir, sub); isComponents(found) {
				return found, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

func isComponents(dir string) bool {
	for _, c := range components {
		if info, err := os.Stat(filepath.Join(dir, c.Module)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// CacheDir is where compiled programs are kept: the directory local in CacheEnv,
// or in seamount in the user's own cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheEnv); dir != "" {
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("%s=%s is not an absolute path: set it to one", CacheEnv, dir)
		}
		return filepath.Join(dir, "local"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: set %s to a directory: %w", CacheEnv, err)
	}
	return filepath.Join(home, ".cache", "seamount", "local"), nil
}
