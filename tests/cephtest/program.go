//go:build linux

package cephtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// builds are the programs of the product that a test binary has built. Main removes them.
var builds struct {
	sync.Mutex
	dir   string
	built map[string]string
}

// Program builds a program of cmd, once for a test binary, and returns its path. TestMain must be Main.
func Program(name string) (string, error) {
	builds.Lock()
	defer builds.Unlock()
	if path, is := builds.built[name]; is {
		return path, nil
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "seamount-programs-")
		if err != nil {
			return "", err
		}
		builds.dir, builds.built = dir, map[string]string{}
	}
	path := filepath.Join(builds.dir, name)
	out, err := exec.Command("go", "build", "-o", path, "github.com/seamount-dev/seamount/cmd/"+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	builds.built[name] = path
	return path, nil
}

// removeBuilds removes what Program built.
func removeBuilds() error {
	builds.Lock()
	defer builds.Unlock()
	dir := builds.dir
	builds.dir, builds.built = "", nil
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}
