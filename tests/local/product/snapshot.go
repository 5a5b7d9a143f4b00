//go:build e2e

package product

import (
	"path/filepath"
	"testing"
)

// SnapshotCRDs gives the cluster the kinds of volume snapshots, which a Kubernetes does not have by itself.
func (p *Product) SnapshotCRDs(t testing.TB) {
	t.Helper()
	directory := filepath.Join(p.root, "deploy", "crds-snapshot")
	p.Kubectl(t, "apply", "--server-side", "-f", directory)
	p.Kubectl(t, "wait", "--for=condition=Established", "--timeout=150s", "-f", directory)
}
