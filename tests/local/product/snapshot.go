//go:build e2e

package product

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// snapshotModule has the kinds of volume snapshots, which a Kubernetes does not have by itself.
const snapshotModule = "github.com/kubernetes-csi/external-snapshotter/client/v8"

// SnapshotCRDs gives the cluster the kinds of volume snapshots.
func (p *Product) SnapshotCRDs(t testing.TB) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", snapshotModule)
	list.Dir = p.root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("where %s is: %v", snapshotModule, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "snapshot.storage.k8s.io_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the CRDs of %s: %v, %d files", snapshotModule, err, len(files))
	}
	for _, file := range files {
		p.Kubectl(t, "apply", "--server-side", "-f", file)
		p.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "-f", file)
	}
}
