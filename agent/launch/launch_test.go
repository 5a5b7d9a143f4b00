package launch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnit(t *testing.T) {
	t.Parallel()
	got := Unit(Helper{
		Name: "block-f5", Log: "/run/log", Env: []string{"MALLOC_ARENA_MAX=1"},
		Command: []string{"/b/ld.so", "--argv0", "seamount-block", "/b/bin/seamount-block", "keeper"},
	})
	want := []string{
		"systemd-run", "--quiet", "--collect", "--unit=seamount-block-f5", "--slice=seamount.slice",
		"--property=KillMode=process", "--property=DefaultDependencies=no", "--property=OOMScoreAdjust=-998",
		"--property=MemoryMax=infinity", "--property=TasksMax=infinity", "--property=LimitNOFILE=1048576",
		"--property=StandardOutput=append:/run/log", "--property=StandardError=append:/run/log",
		"--setenv=MALLOC_ARENA_MAX=1",
		"--", "/b/ld.so", "--argv0", "seamount-block", "/b/bin/seamount-block", "keeper",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBecomeRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		command []string
	}{{"", []string{"/bin/true"}}, {"../x", []string{"/bin/true"}}, {"a", nil}} {
		if err := Become(c.name, c.command); err == nil {
			t.Errorf("became %+v", c)
		}
	}
}

// A directory stands in for a hierarchy.
func hierarchy(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestEnter(t *testing.T) {
	t.Parallel()
	root := hierarchy(t, map[string]string{
		"cpuset.cpus": "0-1\n", "cpuset.mems": "0\n",
		"seamount/cpuset.cpus": "\n", "seamount/cpuset.mems": "0\n",
		"seamount/a/cpuset.cpus": "1\n", "seamount/a/cpuset.mems": "\n", "seamount/a/cgroup.procs": "",
	})
	if err := enter(root, []string{"seamount", "a"}, true); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"seamount/cpuset.cpus": "0-1\n", "seamount/a/cpuset.cpus": "1\n", "seamount/a/cpuset.mems": "0\n", "seamount/a/cgroup.procs": "0",
	} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}
