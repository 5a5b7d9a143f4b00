package daemon

import (
	"context"
	"path/filepath"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// MDS starts a metadata server.
type MDS struct {
	Machine Machine
	Name    string
	// Filesystem that it serves.
	Filesystem string
	// Args of ceph-mds.
	Args []string
	// SecretDir holds the keyring.
	SecretDir string
}

// Start becomes ceph-mds. It returns only when it fails. An MDS keeps nothing in a directory.
func (m MDS) Start(context.Context) error {
	argv := []string{
		"ceph-mds", "-f", "-i", m.Name, "--keyring", filepath.Join(m.SecretDir, handover.KeyringKey), "--mds-join-fs", m.Filesystem,
	}
	return m.Machine.Become(append(argv, m.Args...)...)
}
