package node

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/pki"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", file, diff)
	}
}

func TestConfigurationFiles(t *testing.T) {
	t.Parallel()
	v := newValues(state.DefaultConfig().Network, 2)
	for _, name := range []string{"kubelet.yaml", "kube-proxy.yaml", "containerd.toml", "cni.conflist"} {
		got, err := render(name, v)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
		if !strings.HasSuffix(name, ".toml") {
			var parsed map[string]any
			if err := yaml.UnmarshalStrict([]byte(got), &parsed); err != nil || len(parsed) == 0 {
				t.Errorf("%s cannot be parsed: %v", name, err)
			}
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, s := range services(state.DefaultConfig().Network, 4) {
		b.WriteString(s.Name + " after " + s.After + "\n  " + strings.Join(s.Argv, "\n  ") + "\n")
	}
	golden(t, "services.txt", b.String())
}

func newTestManager(t *testing.T) *Manager {
	t.Helper()
	dir := state.Dir(t.TempDir())
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir.Node(1), 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := state.OpenJournal(dir, "boot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return New(state.DefaultConfig(), dir, build.Artifacts{BinDir: "/bins", CNIDir: "/plugins"}, j, progress.Discard())
}

func TestSpec(t *testing.T) {
	t.Parallel()
	m := newTestManager(t)
	p := pki.PathsIn(m.dir)
	for _, file := range []string{p.CA(), p.Cert("node1"), p.Key("node1"), p.Kubeconfig("node1"), p.Kubeconfig(kubeProxy)} {
		if err := os.WriteFile(file, []byte(filepath.Base(file)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, err := m.spec(1, []cgroup.Hierarchy{{Unified: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.spec(1, []cgroup.Hierarchy{{Unified: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const bootFile = "/proc/sys/kernel/random/boot_id"
	if a, b := content(first.Masks, bootFile), content(again.Masks, bootFile); a == b || a == "" {
		t.Errorf("the boot ids of two starts are %q and %q, want two", a, b)
	}
	if a, b := content(first.Files, "/etc/machine-id"), content(again.Files, "/etc/machine-id"); a != b || len(a) != 33 {
		t.Errorf("the machine ids at two starts are %q and %q, want one", a, b)
	}
	for path, want := range map[string]string{
		"/etc/hosts":                      "127.0.0.1 localhost\n10.250.0.11 node1\n",
		configDir + "/kubelet.key":        "node1.key",
		configDir + "/kubelet.kubeconfig": "node1.kubeconfig",
	} {
		if got := content(first.Files, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for _, f := range first.Files {
		if secret := strings.HasSuffix(f.Path, ".key") || strings.HasSuffix(f.Path, ".kubeconfig"); secret && f.Mode != 0o600 {
			t.Errorf("%s can be read by others: %v", f.Path, f.Mode)
		}
		if strings.Contains(f.Content, "ca.key") {
			t.Errorf("%s gives the cluster's CA key to a node", f.Path)
		}
	}
}

func content(files []boot.File, path string) string {
	for _, f := range files {
		if f.Path == path {
			return f.Content
		}
	}
	return ""
}

func TestBootID(t *testing.T) {
	t.Parallel()
	if id := bootID(); !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("%q is not in the form of the kernel's", id)
	}
}

func TestParseLoopLog(t *testing.T) {
	t.Parallel()
	const text = "this-boot\n8 21\n"
	if got, err := parseLoopLog(text, "this-boot"); err != nil || got[8] != 21 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseLoopLog(text, "another"); err != nil || len(got) != 0 {
		t.Errorf("devices of an earlier boot: %v, %v", got, err)
	}
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	m := newTestManager(t)
	if s := m.Status(t.Context(), 1); s.State != Stopped || s.Address != "10.250.0.11" {
		t.Errorf("status %+v", s)
	}
	if _, running := m.DevDir(1); running {
		t.Error("a node that does not run has a /dev")
	}
	_, execErr := m.Exec(t.Context(), 1, []string{"true"}, Stdio{})
	for verb, err := range map[string]error{
		"exec": execErr, "freeze": m.Freeze(t.Context(), 1), "partition": m.Partition(t.Context(), 1), "restart": m.RestartKubelet(t.Context(), 1),
	} {
		if err == nil || !strings.Contains(err.Error(), "node1: the node does not run") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}
