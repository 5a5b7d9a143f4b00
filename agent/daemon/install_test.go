package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	from, dir := filepath.Join(t.TempDir(), "program"), t.TempDir()
	to := filepath.Join(dir, "seamount-node")
	for _, content := range []string{"first", "second"} {
		write(t, from, content)
		if err := Install(from, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != content {
			t.Errorf("installed %q, %v", got, err)
		}
	}
	if info, err := os.Stat(to); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := Install(from, filepath.Join(to, "below a file")); err == nil {
		t.Error("installed below a file")
	}
	if err := Install(from, dir); err == nil {
		t.Error("installed over a directory")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}
