package host

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/discover/disk"
)

func TestParseMounts(t *testing.T) {
	t.Parallel()
	const text = `36 35 7:3 / /k/a\040b rw,noatime master:1 shared:2 - xfs /dev/loop3 rw,nouuid
37 35 7:3 /sub /k/t ro,relatime - ext4 /dev/loop3 rw,emergency_ro
38 35 0:5 /loop3 /k/raw rw - devtmpfs udev rw
39 35 7:4 / /k/t rw - xfs /dev/loop4 rw
`
	mounts, err := parseMounts(text)
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
	for _, line := range []string{"", "36 35 7:3 / /k rw", "36 35 x / /k rw - xfs /dev/loop3 rw", "36 35 7:3 / /k rw - xfs"} {
		if _, err := parseMount(line); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("36 35 7:3 / /k/a\\040b rw,noatime master:1 - xfs /dev/loop3 rw,nouuid\n")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := parseMounts(text)
		if err == nil && len(mounts) != len(slices.Collect(strings.Lines(text))) {
			t.Fatalf("%d mounts in %q", len(mounts), text)
		}
	})
}

func TestParseStart(t *testing.T) {
	t.Parallel()
	const stat = "1 (a) b (c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n"
	if got, err := parseStart(stat); got != 4711 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "1 (a) S 0", "no bracket"} {
		if _, err := parseStart(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestProgramName(t *testing.T) {
	t.Parallel()
	for want, command := range map[string][]string{
		"mkfs.xfs": {"/b/ld.so", "--library-path", "/b/lib", "--argv0", "mkfs.xfs", "/b/bin/mkfs.xfs", "-f"}, "/sbin/x": {"/sbin/x", "-f"},
	} {
		if got := name(Program{Command: command}); got != want {
			t.Errorf("%v: %s", command, got)
		}
	}
}

func TestRunProgram(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), Program{Command: []string{"/bin/sh", "-c", "cat; echo said >&2; exit 3"}, Input: []byte("read ")})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || out != "read said" || exit.Output != out {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := run(t.Context(), Program{Command: []string{"/bin/sh", "-c", "echo $A; echo no >&2"}, Env: []string{"A=b"}, Answer: true}); out != "b\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
