package mountinfo

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/disk"
)

func TestParse(t *testing.T) {
	t.Parallel()
	rw := []string{"rw"}
	for name, tt := range map[string]struct {
		text  string
		want  []Mount
		fails bool
	}{
		"optional fields": {text: `36 35 98:0 /sub /mnt\040two rw,noatime master:1 shared:7 - ext4 /dev/sdb1 rw,errors=continue`, want: []Mount{{
			36, disk.Number{Major: 98}, "/sub", "/mnt two", []string{"rw", "noatime"}, []string{"rw", "errors=continue"}, "ext4", "/dev/sdb1",
		}}},
		"none of them": {text: "22 1 0:20 / /proc rw - proc proc rw\n23 1 0:21 / /sys rw - sysfs  rw\n", want: []Mount{
			{22, disk.Number{Minor: 20}, "/", "/proc", rw, rw, "proc", "proc"}, {23, disk.Number{Minor: 21}, "/", "/sys", rw, rw, "sysfs", ""},
		}},
		"nothing":    {text: ""},
		"empty line": {text: "\n", fails: true},
		"no dash":    {text: "36 35 98:0 / /mnt rw ext4 /dev/sdb1 rw", fails: true},
		"no tail":    {text: "36 35 7:3 / /k rw", fails: true},
		"cut off":    {text: "36 35 98:0 / - ext4", fails: true},
		"no source":  {text: "36 35 7:3 / /k rw - xfs", fails: true},
		"no number":  {text: "36 35 98 / /mnt rw - ext4 /dev/sdb1 rw", fails: true},
		"odd number": {text: "36 35 x / /k rw - xfs /dev/loop3 rw", fails: true},
		"no id":      {text: "x 35 98:0 / /mnt rw - ext4 /dev/sdb1 rw", fails: true},
		"an odd byte": {text: `36 35 98:0 / /a\9\134\ rw - ext4 none rw`, want: []Mount{
			{36, disk.Number{Major: 98}, "/", `/a\9\\`, rw, rw, "ext4", "none"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.text)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil != tt.fails {
				t.Error(err, diff)
			}
		})
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	const text = `36 35 7:3 / /k/a\040b rw,noatime master:1 shared:2 - xfs /dev/loop3 rw,nouuid
37 35 7:3 /sub /k/t ro,relatime - ext4 /dev/loop3 rw,emergency_ro
38 35 0:5 /loop3 /k/raw rw - devtmpfs udev rw
39 35 7:4 / /k/t rw - xfs /dev/loop4 rw
`
	mounts, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if m, found := At(mounts, "/k/a b"); !found || m.Number != (disk.Number{Major: 7, Minor: 3}) || m.ReadOnly() || m.Frozen() || m.Source != "/dev/loop3" {
		t.Errorf("%+v, %t", m, found)
	}
	if m := mounts[1]; !m.ReadOnly() || !m.Frozen() || m.Root != "/sub" {
		t.Errorf("%+v", m)
	}
	if m, _ := At(mounts, "/k/t"); m.Number.Minor != 4 {
		t.Errorf("the hidden mount is returned: %+v", m)
	}
	if _, found := At(mounts, "/k"); found {
		t.Error("found a mount where there is none")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("36 35 98:0 /a /b rw master:1 - ext4 /dev/sdb1 rw\n")
	f.Add("36 35 7:3 / /k/a\\040b rw,noatime master:1 - xfs /dev/loop3 rw,nouuid\n")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := Parse(text)
		if err == nil && len(mounts) != len(slices.Collect(strings.Lines(text))) {
			t.Fatalf("%d mounts in %q", len(mounts), text)
		}
		if len(Unescape(text)) > len(text) {
			t.Error("undoing escapes made it longer")
		}
	})
}
