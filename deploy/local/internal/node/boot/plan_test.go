package boot

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
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

func testSpec() Spec {
	return Spec{
		Name: "node1", Root: "/state/root", Overlay: "/state/overlay",
		Hierarchies: []cgroup.Hierarchy{
			{Mount: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}},
			{Mount: "/sys/fs/cgroup/systemd", Controllers: []string{"name=systemd"}},
		},
		Binds:   []Bind{{Source: "/cache/bin", Target: BinDir}},
		Files:   []File{{Path: "/etc/hostname", Mode: 0o644, Content: "node1\n"}},
		Masks:   []File{{Path: "/proc/sys/kernel/panic", Mode: 0o644, Content: "10\n"}},
		Sysctls: map[string]string{"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "0"},
		Disks:   []Device{{Name: "loop1000", Block: true, Major: 7, Minor: 1000, Mode: 0o660}},
	}
}

func (s step) String() string {
	text := fmt.Sprintf("%-6s /%s", s.Do, s.Target)
	switch s.Do {
	case mountFS:
		text += fmt.Sprintf(" <- %q type %q options %q flags %#x", s.Source, s.Type, s.Options, s.Flags)
	case makeDevice:
		text += fmt.Sprintf(" block=%v %d:%d %v", s.Device.Block, s.Device.Major, s.Device.Minor, s.Device.Mode)
	case makeLink:
		text += " -> " + s.Source
	default:
		text += fmt.Sprintf(" %v %q", s.Mode, s.Content)
	}
	if s.Optional {
		text += " (optional)"
	}
	return text
}

// text leaves out all but the first and the last of the many common loop devices.
func text(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		name := s.Device.Name
		common := strings.HasPrefix(name, "loop") && len(name) < len("loop1000") && s.Device.Block
		if !common || name == "loop0" || name == "loop127" {
			fmt.Fprintln(&b, s)
		}
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	merged := machineDirs{"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
	golden(t, "v1.txt", text(plan(testSpec(), merged)))

	unified := testSpec()
	unified.Hierarchies = []cgroup.Hierarchy{{Mount: "/sys/fs/cgroup", Unified: true}}
	unified.LoopShift = 4
	golden(t, "v2-split-usr.txt", text(plan(unified, machineDirs{"bin": "", "sbin": "", "lib": ""})))
}

// TestNothingOfTheMachineIsWritable: whatever is mounted from the machine is
// read-only or has an upper layer of the node's own.
func TestNothingOfTheMachineIsWritable(t *testing.T) {
	t.Parallel()
	steps := plan(testSpec(), machineDirs{"bin": ""})
	for i, s := range steps {
		if s.Do != mountFS {
			continue
		}
		switch {
		case s.Type == "overlay":
			if !strings.Contains(s.Options, "upperdir=/state/overlay/") {
				t.Errorf("%v: no upper layer of the node", s)
			}
		case s.Source != "" && s.Type == "" && !strings.HasPrefix(s.Source, "/state/root/"):
			const bindReadOnly = 0x1 | 0x20 | 0x1000
			if next := steps[i+1]; next.Target != s.Target || next.Flags != bindReadOnly {
				t.Errorf("%v: not made read-only by the next step, %v", s, next)
			}
		}
	}
}

// TestMountsComeBeforeWhatIsInThem: a file made before its filesystem is mounted
// would be hidden.
func TestMountsComeBeforeWhatIsInThem(t *testing.T) {
	t.Parallel()
	var done []string
	for _, s := range plan(testSpec(), machineDirs{"bin": "usr/bin"}) {
		if s.Do == mountFS && !s.Optional {
			for _, earlier := range done {
				if strings.HasPrefix(earlier, s.Target+"/") {
					t.Errorf("%v hides %s", s, earlier)
				}
			}
		}
		done = append(done, s.Target)
	}
	if !slices.Contains(done, "dev/loop1000") {
		t.Error("the node's disk is not in its /dev")
	}
}
