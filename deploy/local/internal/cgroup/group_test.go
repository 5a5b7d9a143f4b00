package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// tree makes files, by path below a new directory, as the kernel would.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func content(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func journal(t *testing.T) *state.Journal {
	t.Helper()
	d := state.Dir(t.TempDir())
	j, err := state.OpenJournal(d, "boot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func TestCPUSetIsInherited(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"cpuset.cpus": "0-1\n", "cpuset.mems": "0\n",
		"base/cpuset.cpus": "\n", "base/cpuset.mems": "\n",
		"chosen/cpuset.cpus": "1\n", "chosen/cpuset.mems": "\n",
	})
	for _, dir := range []string{"base", "chosen"} {
		if err := inheritCPUSet(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"base/cpuset.cpus": "0-1", "base/cpuset.mems": "0",
		"chosen/cpuset.cpus": "1\n", "chosen/cpuset.mems": "0",
	} {
		if got := content(t, root, file); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

func TestProcessesOfSubgroups(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"cgroup.procs": "3\n0\n", "pods/cgroup.procs": "", "pods/a/cgroup.procs": "17\n18\n",
	})
	got, err := processes(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 17, 18}, got); diff != "" {
		t.Error(diff)
	}
	if got, err = processes(filepath.Join(root, "gone")); err != nil || len(got) != 0 {
		t.Errorf("a group that does not exist: %v, %v", got, err)
	}
}

func TestForeignGroupIsRefused(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"busy/cgroup.procs": "1\n", "idle/cgroup.procs": ""})
	g := &Groups{journal: journal(t)}
	err := g.claim(filepath.Join(root, "busy"))
	if err == nil || !strings.Contains(err.Error(), "not recorded in this state directory") {
		t.Errorf("a group with foreign processes: %v", err)
	}
	if err := g.claim(filepath.Join(root, "idle")); err != nil {
		t.Errorf("an idle group: %v", err)
	}
	if err := g.removeTree(t.Context(), filepath.Join(root, "busy")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "busy")); err != nil {
		t.Errorf("a group that is not ours was removed: %v", err)
	}
}

func TestControllersAreTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{subtreeControl: "cpu memory\n"})
	g := &Groups{journal: journal(t)}
	h := Hierarchy{Mount: root, Unified: true}
	if err := g.enable(h); err != nil {
		t.Fatal(err)
	}
	e, ok := g.journal.Get(state.KindCgroup, filepath.Join(root, subtreeControl))
	if !ok || e.Facts["enabled"] != "cpuset pids" {
		t.Errorf("recorded %v, want what was missing: cpuset pids", e.Facts)
	}
	if err := g.disable(h); err != nil {
		t.Fatal(err)
	}
	if got := content(t, root, subtreeControl); !strings.HasPrefix(got, "-pids") {
		t.Errorf("the last write was %q, want -pids", got)
	}
	if _, ok := g.journal.Get(state.KindCgroup, filepath.Join(root, subtreeControl)); ok {
		t.Error("still recorded after it was turned off")
	}
}

func TestDelegate(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"cgroup.controllers": "cpu memory\n", subtreeControl: "", "init/cgroup.procs": "",
	})
	if err := Delegate(root); err != nil {
		t.Fatal(err)
	}
	if got := content(t, root, "init/cgroup.procs"); got != "0" {
		t.Errorf("moved %q into the leaf, want the caller itself (0)", got)
	}
	if got := content(t, root, subtreeControl); !strings.HasPrefix(got, "+memory") {
		t.Errorf("the last controller turned on is %q, want +memory", got)
	}
}

func TestParseFrozen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"FROZEN\n": true, "FREEZING\n": false, "THAWED\n": false, "": false,
		"populated 1\nfrozen 1\n": true, "populated 1\nfrozen 0\n": false,
	} {
		if got := parseFrozen(text); got != want {
			t.Errorf("%q: frozen is %v, want %v", text, got, want)
		}
	}
}

func FuzzParsePIDs(f *testing.F) {
	f.Add("1\n22\n0\n")
	f.Fuzz(func(t *testing.T, text string) {
		pids, err := parsePIDs(text)
		for _, pid := range pids {
			if pid <= 0 {
				t.Errorf("pid %d would address a process group", pid)
			}
		}
		if err != nil && len(pids) > 0 {
			t.Errorf("pids %v besides error %v", pids, err)
		}
	})
}
