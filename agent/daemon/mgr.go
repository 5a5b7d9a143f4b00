package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Mgr starts a mgr.
type Mgr struct {
	Machine Machine
	Name    string
	// Modules that the mgr can load; empty: all of the image.
	Modules []string
	// Args of ceph-mgr.
	Args []string
	// SecretDir holds the keyring, Dir the mgr's directory, and ModuleDir the modules of the image.
	SecretDir, Dir, ModuleDir string
}

// Start becomes ceph-mgr. It returns only when it fails.
func (m Mgr) Start(context.Context) error {
	data := filepath.Join(m.Dir, "ceph-"+m.Name)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	argv := []string{"ceph-mgr", "-f", "-i", m.Name, "--keyring", filepath.Join(m.SecretDir, handover.KeyringKey), "--mgr-data", data}
	if len(m.Modules) > 0 {
		chosen := filepath.Join(m.Dir, "modules")
		if err := linkModules(m.ModuleDir, chosen, m.Modules); err != nil {
			return err
		}
		argv = append(argv, "--mgr-module-path", chosen)
	}
	return m.Machine.Become(append(argv, m.Args...)...)
}

// linkModules makes a directory with links to some of the modules, and to the files that they share. A mgr loads every
// module that it finds, also those that are off. A module that the release does not have is left out: Ceph says so itself
// when somebody enables it.
func linkModules(from, to string, modules []string) error {
	if err := clear(to); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("modules of the mgr: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		shared := !entry.IsDir() || strings.HasPrefix(entry.Name(), "__")
		if shared || slices.Contains(modules, entry.Name()) {
			errs = append(errs, os.Symlink(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
