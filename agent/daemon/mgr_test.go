package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMgr(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &world{t: t}
	m := Mgr{Machine: w, Name: "a", Args: []string{"--default-x=y"}, SecretDir: "/s", Dir: filepath.Join(dir, "mgr"), ModuleDir: filepath.Join(dir, "image")}
	argv := []string{"ceph-mgr", "-f", "-i", "a", "--keyring", "/s/keyring", "--mgr-data", filepath.Join(m.Dir, "ceph-a")}
	for range 2 {
		if err := w.start(m.Start); !errors.Is(err, errBecame) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append(argv[:len(argv):len(argv)], "--default-x=y"), w.became); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := os.Stat(filepath.Join(m.Dir, "ceph-a")); err != nil {
		t.Error(err)
	}
}

// A mgr that may load some modules finds those, and what all modules share.
func TestMgrModules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := &world{t: t}
	m := Mgr{Machine: w, Name: "a", Modules: []string{"balancer", "absent"}, Dir: filepath.Join(dir, "mgr"), ModuleDir: filepath.Join(dir, "image")}
	if err := w.start(m.Start); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without modules in the image: %v", err)
	}
	for _, file := range []string{"balancer/module.py", "dashboard/module.py", "mgr_util.py", "__pycache__/mgr_util.pyc"} {
		write(t, filepath.Join(m.ModuleDir, file), "")
	}
	write(t, filepath.Join(m.Dir, "modules", "dashboard"), "of an earlier start")
	for range 2 {
		if err := w.start(m.Start); !errors.Is(err, errBecame) {
			t.Fatal(err)
		}
	}
	chosen := flag(w.became, "--mgr-module-path")
	entries, err := os.ReadDir(chosen)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff([]string{"__pycache__", "balancer", "mgr_util.py"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(chosen, "balancer", "module.py")); err != nil {
		t.Error(err)
	}
}
