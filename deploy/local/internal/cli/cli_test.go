package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := NewCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandsWithoutClusterSayHowToGetOne(t *testing.T) {
	t.Setenv(state.DirEnv, filepath.Join(t.TempDir(), "none"))
	for _, args := range [][]string{{"status"}, {"kubeconfig"}, {"logs", "etcd"}, {"disk", "list"}} {
		if _, err := run(t, args...); !errors.Is(err, state.ErrNoCluster) {
			t.Errorf("%v: error %v, want ErrNoCluster", args, err)
		}
	}
	if _, err := os.Stat(os.Getenv(state.DirEnv)); !errors.Is(err, os.ErrNotExist) {
		t.Error("a command that changes nothing made the state directory")
	}
}

func TestBadInputIsRefusedBeforeAnything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	t.Setenv(state.DirEnv, dir)
	tests := map[string]struct {
		args []string
		want string
	}{
		"nodes":        {[]string{"up", "--nodes", "6"}, "choose 1 to 5"},
		"network":      {[]string{"up", "--network", "10.250.0.1"}, "--network 10.250.0.1 is not an address with a length"},
		"pods":         {[]string{"up", "--pod-network", "10.250.0.0/16"}, "overlap"},
		"disks":        {[]string{"up", "--disks", "-1"}, "negative"},
		"disk size":    {[]string{"up", "--disk-size", "much"}, "--disk-size"},
		"qps":          {[]string{"preflight", "--kube-api-qps", "-1"}, "negative"},
		"trial nodes":  {[]string{"trial", "up", "--nodes", "2"}, "choose 3 to 5"},
		"trial disks":  {[]string{"trial", "up", "--disks", "-1"}, "negative"},
		"argument":     {[]string{"up", "now"}, "unknown command"},
		"verb":         {[]string{"node", "explode", "1"}, "unknown command"},
		"output":       {[]string{"status", "-o", "xml"}, "choose json"},
		"no archive":   {[]string{"load", "/no/such.tar"}, "no image archive"},
		"no tar":       {[]string{"load", "/"}, "not a file"},
		"exec nothing": {[]string{"exec", "node1"}, "requires at least 2"},
	}
	for name, tc := range tests {
		if _, err := run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused command made the state directory")
	}
}

func TestMergeOnlyGrows(t *testing.T) {
	t.Parallel()
	had := state.DefaultConfig()
	given := func(flags ...string) func(string) bool {
		return func(flag string) bool { return strings.Contains(" "+strings.Join(flags, " ")+" ", " "+flag+" ") }
	}
	asked := state.DefaultConfig()
	asked.Nodes, asked.KubeAPIQPS, asked.Network.Bridge = 5, 100, "other"

	got, err := merge(had, asked, given())
	if err != nil || got != had {
		t.Errorf("without flags: %+v, %v, want no change", got, err)
	}
	got, err = merge(had, asked, given("nodes", "kube-api-qps"))
	if err != nil || got.Nodes != 5 || got.KubeAPIQPS != 100 || got.Network != had.Network {
		t.Errorf("with flags: %+v, %v", got, err)
	}
	if _, err := merge(got, had, given("nodes")); err == nil || !strings.Contains(err.Error(), "cannot shrink to 3") {
		t.Errorf("shrinking: error %v", err)
	}
	if _, err := merge(had, asked, given("bridge")); err == nil || !strings.Contains(err.Error(), "--bridge of a cluster cannot change") {
		t.Errorf("another bridge: error %v", err)
	}
	if _, err := merge(had, had, given("bridge", "network", "api-port")); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

// A trial lets a cluster that is too small for it grow, and leaves a larger one as it is.
func TestTrialNeedsEnoughNodes(t *testing.T) {
	t.Parallel()
	for nodes, grow := range map[int]bool{1: true, 2: true, 3: false, 5: false} {
		dir := state.Dir(t.TempDir())
		config := state.DefaultConfig()
		config.Nodes = nodes
		if err := state.SaveConfig(dir, config); err != nil {
			t.Fatal(err)
		}
		given := enoughNodes(dir, func(flag string) bool { return flag == "bridge" })
		if given("nodes") != grow || !given("bridge") || given("network") {
			t.Errorf("%d nodes: grow %v, want %v", nodes, given("nodes"), grow)
		}
	}
	if given := enoughNodes(state.Dir(t.TempDir()), func(string) bool { return false }); given("nodes") {
		t.Error("a cluster that is not there grows")
	}
}

func TestDisksInNodes(t *testing.T) {
	t.Parallel()
	disks := []disk.Disk{{Node: 1, Bytes: 1 << 30}, {Node: 2, Bytes: 1 << 30}, {Bytes: 2 << 30}}
	if count, size := inNodes(disks); count != 2 || size != disk.FormatSize(1<<30) {
		t.Errorf("%d of %q, want 2 of one size", count, size)
	}
	if count, size := inNodes(append(disks, disk.Disk{Node: 3, Bytes: 3 << 30})); count != 3 || size != "" {
		t.Errorf("%d of %q, want 3 of several sizes", count, size)
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	ended := false
	err := together(t.Context(),
		func(context.Context) error { return boom },
		func(ctx context.Context) error { <-ctx.Done(); ended = true; return ctx.Err() },
	)
	if err != boom || !ended {
		t.Errorf("error %v, other ended: %v", err, ended)
	}
	if err := together(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Errorf("error %v, want none", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := together(ctx, func(ctx context.Context) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestEveryNodeReportsAll(t *testing.T) {
	t.Parallel()
	s := &session{config: state.DefaultConfig()}
	err := s.everyNode(t.Context(), func(_ context.Context, n int) error { return errors.New(state.NodeName(n) + " hurts") })
	if diff := cmp.Diff("node1 hurts\nnode2 hurts\nnode3 hurts", err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestLogPath(t *testing.T) {
	t.Parallel()
	s := &session{dir: "/s", config: state.DefaultConfig()}
	for name, want := range map[string]string{
		"etcd":          "/s/logs/etcd.log",
		"node2":         "/s/nodes/node2/logs/init.log",
		"node2/kubelet": "/s/nodes/node2/logs/kubelet.log",
		"2/containerd":  "/s/nodes/node2/logs/containerd.log",
	} {
		if got, err := s.logPath(name); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"nobody", "node9/kubelet", "node1/../../../pki/ca", "../config", ""} {
		if got, err := s.logPath(name); err == nil {
			t.Errorf("%q: %q, want an error", name, got)
		}
	}
	for path, want := range map[string]string{
		"/s/logs/etcd.log": "etcd", "/s/nodes/node2/logs/kubelet.log": "node2/kubelet",
	} {
		if got := s.logName(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}

func TestFailedUpKeepsItsLogs(t *testing.T) {
	base := t.TempDir()
	t.Setenv(state.DirEnv, filepath.Join(base, "state"))
	t.Setenv("SEAMOUNT_CACHE", filepath.Join(base, "cache"))
	dir, err := state.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	logs := []string{dir.Log("etcd"), dir.NodeLog(2, "kubelet")}
	for _, log := range logs {
		if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(log, []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &session{dir: dir}
	to, err := s.keepLogs()
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		var step *progress.Error
		if !errors.As(movedLogs(&progress.Error{Log: log}, to), &step) {
			t.Fatal("the error changed its type")
		}
		if text, err := os.ReadFile(step.Log); err != nil || string(text) != log {
			t.Errorf("%s: the error points to %s with %q, %v", log, step.Log, text, err)
		}
	}
}

func TestDiskTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printDisks(&out, []disk.Disk{{ID: "disk-1000", Node: 2, Bytes: 10 << 30, Number: 1000}, {ID: "disk-1001", Bytes: 1 << 30}}); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Fields(line))
	}
	want := [][]string{
		{"DISK", "NODE", "DEVICE", "SIZE"},
		{"disk-1000", "node2", "/dev/loop1000", disk.FormatSize(10 << 30)},
		{"disk-1001", "-", "-", disk.FormatSize(1 << 30)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// Every command has a summary, and takes what its usage line says.
func TestCommandsAreDescribed(t *testing.T) {
	t.Parallel()
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no summary", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Args == nil {
			t.Errorf("%s takes any arguments", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(NewCommand())
}
