package cgroup

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	rootMount  = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
	cpuMount   = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	cpuBoth    = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	cpuAgain   = "90 31 0:29 / /elsewhere/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	cpuPart    = "91 31 0:29 /a/group /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	freezer    = "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
	named      = "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd\n"
	unified    = "31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	hybridPart = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)

func TestHierarchies(t *testing.T) {
	t.Parallel()
	cpu := Hierarchy{Mount: "/sys/fs/cgroup/cpu", Controllers: []string{"cpu"}}
	for name, tt := range map[string]struct {
		mounts string
		want   []Hierarchy
		err    string
	}{
		"v1": {
			mounts: rootMount + cpuBoth + freezer + named,
			want: []Hierarchy{
				{Mount: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}},
				{Mount: "/sys/fs/cgroup/freezer", Controllers: []string{"freezer"}},
				{Mount: "/sys/fs/cgroup/systemd", Controllers: []string{"name=systemd"}},
			},
		},
		"hybrid leaves v2 out":            {mounts: cpuMount + hybridPart, want: []Hierarchy{cpu}},
		"v2":                              {mounts: rootMount + unified, want: []Hierarchy{{Mount: "/sys/fs/cgroup", Unified: true}}},
		"v2 beside systemd's name alone":  {mounts: named + unified, want: []Hierarchy{{Mount: "/sys/fs/cgroup", Unified: true}}},
		"mounted twice":                   {mounts: cpuMount + cpuAgain, want: []Hierarchy{cpu}},
		"a part of a hierarchy is no use": {mounts: cpuPart + cpuMount, want: []Hierarchy{cpu}},
		"none":                            {mounts: rootMount, err: "no control groups"},
		"damaged":                         {mounts: "27 1 254:0\n", err: "unexpected line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Hierarchies(strings.NewReader(tt.mounts))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMountOptions(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]Hierarchy{
		"cpu,cpuacct":       {Controllers: []string{"cpu", "cpuacct"}},
		"none,name=systemd": {Controllers: []string{"name=systemd"}},
		"":                  {Unified: true},
	} {
		if got := h.MountOptions(); got != want {
			t.Errorf("%+v: options %q, want %q", h, got, want)
		}
	}
}

func FuzzHierarchies(f *testing.F) {
	f.Add(rootMount + cpuBoth + freezer + named + hybridPart)
	f.Add(unified)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Hierarchies(strings.NewReader(text))
		if err == nil && len(all) == 0 {
			t.Error("no hierarchy and no error")
		}
	})
}
