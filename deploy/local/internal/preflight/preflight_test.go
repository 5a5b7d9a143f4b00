package preflight

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// good is a machine on which nothing is missing.
func good() Facts {
	f := Facts{
		Filesystems: []string{"overlay", "tmpfs", "proc", "sysfs", "devpts"},
		Namespaces:  []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"},
		LoopControl: true, FUSE: true, SeccompA: true, Apt: true,
		MemAvailable: 8 * gib,
		StateDir:     Space{Path: "/state", FreeBytes: 50 * gib, FreeInodes: 1e6},
		CacheDir:     Space{Path: "/cache", FreeBytes: 50 * gib, FreeInodes: 1e6},
	}
	for _, t := range Tools {
		f.Programs = append(f.Programs, t.Program)
	}
	return f
}

func need() Need {
	return Need{
		Nodes: 3, Compile: []string{"runc", "kubernetes"},
		Listen: []netip.AddrPort{netip.MustParseAddrPort("10.250.0.1:6443"), netip.MustParseAddrPort("10.250.0.1:2379")},
	}
}

func TestGoodMachinePasses(t *testing.T) {
	t.Parallel()
	for _, f := range Evaluate(good(), need()) {
		if f.Level != OK {
			t.Errorf("%+v", f)
		}
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	drop := func(s []string, name string) []string {
		return slices.DeleteFunc(slices.Clone(s), func(x string) bool { return x == name })
	}
	tests := map[string]struct {
		change   func(*Facts, *Need)
		level    Level
		what, do string // parts of the finding
		packages []string
	}{
		"not root":         {func(f *Facts, _ *Need) { f.UID = 1000 }, Problem, "1000", "sudo", nil},
		"no overlay":       {func(f *Facts, _ *Need) { f.Filesystems = drop(f.Filesystems, "overlay") }, Problem, "filesystem overlay", "modprobe overlay", nil},
		"no pid namespace": {func(f *Facts, _ *Need) { f.Namespaces = drop(f.Namespaces, "pid") }, Problem, "pid namespaces", "kernel", nil},
		"no cgroups":       {func(f *Facts, _ *Need) { f.Cgroups = errors.New("no cgroup hierarchy") }, Problem, "no cgroup hierarchy", "mount", nil},
		"no loop":          {func(f *Facts, _ *Need) { f.LoopControl = false }, Problem, "loop-control", "modprobe loop", nil},
		"no FUSE":          {func(f *Facts, _ *Need) { f.FUSE = false }, Warning, "/dev/fuse", "modprobe fuse", nil},
		"little memory":    {func(f *Facts, n *Need) { f.MemAvailable = 1 * gib; n.Compile = nil }, Problem, "1.0 GiB", "fewer nodes", nil},
		"memory to link":   {func(f *Facts, _ *Need) { f.MemAvailable = 2 * gib }, Problem, "4.0 GiB are needed", "stop", nil},
		"disk full":        {func(f *Facts, _ *Need) { f.StateDir.FreeBytes = 100 * mib }, Problem, "100 MiB are free in /state", "SEAMOUNT_LOCAL_DIR", nil},
		"cache full":       {func(f *Facts, _ *Need) { f.CacheDir.FreeBytes = 1 * gib }, Problem, "/cache", "SEAMOUNT_CACHE", nil},
		"no inodes":        {func(f *Facts, _ *Need) { f.StateDir.FreeInodes = 7 }, Problem, "7 inodes", "SEAMOUNT_LOCAL_DIR", nil},
		"no go":            {func(f *Facts, _ *Need) { f.Go = errors.New("go is not installed") }, Problem, "go is not installed", "go.dev", nil},
		"no nft":           {func(f *Facts, _ *Need) { f.Programs = drop(f.Programs, "nft") }, Installable, "nft is not installed", "up", []string{"nftables"}},
		"no gcc":           {func(f *Facts, _ *Need) { f.Programs = drop(f.Programs, "gcc") }, Installable, "gcc", "up", []string{"gcc"}},
		"no seccomp":       {func(f *Facts, _ *Need) { f.SeccompA = false }, Installable, "libseccomp", "up", []string{"libseccomp-dev"}},
		"no apt": {func(f *Facts, _ *Need) { f.Apt = false; f.Programs = drop(f.Programs, "nft") },
			Problem, "nft is not installed", "package manager", nil},
		"port taken": {func(f *Facts, _ *Need) { f.Listening = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:6443")} },
			Problem, "port 6443 (somebody listens on 0.0.0.0:6443)", "stop", nil},
		"port taken on IPv6": {func(f *Facts, _ *Need) { f.Listening = []netip.AddrPort{netip.MustParseAddrPort("[::]:2379")} },
			Problem, "port 2379", "stop", nil},
		"addresses taken": {func(f *Facts, _ *Need) { f.Network = errors.New("eth0 has 10.250.0.7/24") }, Problem, "eth0 has", "--network", nil},
		"interrupted":     {func(f *Facts, _ *Need) { f.Interrupted = "an earlier run left link x" }, Warning, "link x", "down", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, n := good(), need()
			tc.change(&f, &n)
			bad := slices.DeleteFunc(Evaluate(f, n), func(f Finding) bool { return f.Level == OK })
			if len(bad) != 1 {
				t.Fatalf("findings %+v, want exactly one", bad)
			}
			got := bad[0]
			if got.Level != tc.level || !strings.Contains(got.What, tc.what) || !strings.Contains(got.Do, tc.do) {
				t.Errorf("got %+v, want level %v, %q and %q", got, tc.level, tc.what, tc.do)
			}
			if diff := cmp.Diff(tc.packages, Packages(bad), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatDoesNotMatter(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Facts, *Need){
		"another address's port": func(f *Facts, _ *Need) { f.Listening = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6443")} },
		"another port":           func(f *Facts, _ *Need) { f.Listening = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:80")} },
		"compilers, if nothing is compiled": func(f *Facts, n *Need) {
			n.Compile, f.Go, f.SeccompA, f.CacheDir.FreeBytes = nil, errors.New("none"), false, 0
			f.Programs = []string{"nft", "mount", "losetup", "nsenter", "mkfs.ext4"}
		},
		"what a running cluster has already": func(f *Facts, n *Need) {
			n.Compile, f.Running, f.MemAvailable, f.StateDir.FreeBytes = nil, true, 0, 0
		},
		"inodes, where they are not counted": func(f *Facts, _ *Need) { f.StateDir.FreeInodes = 0 },
	} {
		f, n := good(), need()
		change(&f, &n)
		if err := Error(Evaluate(f, n), Problem, Installable, Warning); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorIsOneSentence(t *testing.T) {
	t.Parallel()
	findings := []Finding{
		{Check: "user", What: "root"},
		{Level: Warning, Check: "devices", What: "no FUSE", Do: "modprobe fuse"},
		{Level: Installable, Check: "nft", What: "nft is missing", Do: "install it", Packages: []string{"nftables"}},
		{Level: Problem, Check: "memory", What: "too little memory", Do: "add some"},
	}
	if err := Error(findings, Problem); err == nil || err.Error() != "this machine is not ready: too little memory: add some" {
		t.Errorf("error %v", err)
	}
	if err := Error(findings, Problem, Installable); err == nil || !strings.Contains(err.Error(), "nft is missing: install it; too little") {
		t.Errorf("error %v", err)
	}
	if err := Error(findings[:2], Problem, Installable); err != nil {
		t.Errorf("error %v, want none", err)
	}
	var out bytes.Buffer
	if err := Print(&out, findings); err != nil {
		t.Fatal(err)
	}
	want := "  ok       user     root\n" +
		"  warning  devices  no FUSE: modprobe fuse\n" +
		"  missing  nft      nft is missing: install it\n" +
		"  problem  memory   too little memory: add some\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestParseListening(t *testing.T) {
	t.Parallel()
	text := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100FA0A:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100FA0A:D431 0100FA0A:192B 01 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4 1
   4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4 1
`
	got, err := parseListening(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"127.0.0.1:8080", "10.250.0.1:6443", "[::]:80", "127.0.0.1:81"}
	var texts []string
	for _, a := range got {
		texts = append(texts, a.String())
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("listening (-want +got):\n%s", diff)
	}
	if _, err := parseListening(strings.NewReader("0: xyz:1 0:0 0A\n")); err == nil {
		t.Error("a malformed address was taken")
	}
}

func FuzzParseSocket(f *testing.F) {
	f.Add("0100007F:1F90")
	f.Add("00000000000000000000000000000000:0050")
	f.Add(":")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := parseSocket(s); err == nil && !a.IsValid() {
			t.Errorf("%q gave no address and no error", s)
		}
	})
}

func TestParseMemAvailable(t *testing.T) {
	t.Parallel()
	got, err := parseMemAvailable("MemTotal:       24689764 kB\nMemAvailable:   21366900 kB\n")
	if err != nil || got != 21366900<<10 {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"", "MemTotal: 1 kB\n", "MemAvailable: x kB\n"} {
		if got, err := parseMemAvailable(text); err == nil {
			t.Errorf("%q gave %d", text, got)
		}
	}
}

func TestParseFilesystems(t *testing.T) {
	t.Parallel()
	got, err := parseFilesystems(strings.NewReader("nodev\tsysfs\nnodev\toverlay\n\text4\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"sysfs", "overlay", "ext4"}, got); diff != "" {
		t.Errorf("filesystems (-want +got):\n%s", diff)
	}
}

func TestRoomOfDirectoryToBe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	s, err := room(dir)
	if err != nil || s.Path != dir || s.FreeBytes == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking made the directory")
	}
}

func TestGatherKnowsThisMachine(t *testing.T) {
	t.Parallel()
	f, err := Gather(t.Context(), Request{StateDir: t.TempDir(), CacheDir: t.TempDir(), Interrupted: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if f.UID != os.Geteuid() || f.MemAvailable == 0 || !slices.Contains(f.Namespaces, "net") || !slices.Contains(f.Filesystems, "proc") || f.Interrupted != "x" {
		t.Errorf("facts %+v", f)
	}
}
