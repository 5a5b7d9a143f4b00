package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromEnvironment(t *testing.T) {
	for value, want := range map[string]Dir{"": DefaultDir, "/x/../y/": "/y"} {
		t.Setenv(DirEnv, value)
		if got, err := FromEnvironment(); err != nil || got != want {
			t.Errorf("%s=%q: %q, %v, want %q", DirEnv, value, got, err, want)
		}
	}
	t.Setenv(DirEnv, "relative")
	if got, err := FromEnvironment(); err == nil {
		t.Errorf("a relative directory was taken: %q", got)
	}
}

func TestRemoveLeavesForeignFiles(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "state"))
	must(t, d.Make())
	must(t, SaveConfig(d, DefaultConfig()))
	must(t, os.WriteFile(filepath.Join(d.Path(), ".config.json.123"), nil, 0o600)) // of a killed WriteFile
	foreign := filepath.Join(d.Path(), "thesis.txt")
	must(t, os.WriteFile(foreign, []byte("mine"), 0o600))

	if err := d.Remove(""); err == nil || !strings.Contains(err.Error(), "left there") {
		t.Errorf("error %v, want that files were left", err)
	}
	entries, err := os.ReadDir(d.Path())
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "thesis.txt" {
		t.Errorf("left in the directory: %v", entries)
	}
	must(t, os.Remove(foreign))
	must(t, d.Remove(""))
	must(t, d.Remove("")) // idempotent
	if _, err := os.Stat(d.Path()); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestRemoveRefusesBelowMounts(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "with blank"))
	must(t, d.Make())
	must(t, SaveConfig(d, DefaultConfig()))
	at := strings.ReplaceAll(filepath.Join(d.Nodes(), "node1"), " ", `\040`)
	err := d.Remove("36 35 98:0 / " + at + " rw,noatime - ext3 /dev/root rw\n")
	if err == nil || !strings.Contains(err.Error(), "still mounted") {
		t.Errorf("error %v, want that something is mounted", err)
	}
	if _, err := LoadConfig(d); err != nil {
		t.Errorf("something was deleted all the same: %v", err)
	}
}

func TestMountsBelow(t *testing.T) {
	t.Parallel()
	mountinfo := `21 1 254:0 / / rw - ext4 /dev/vda rw
30 21 0:5 / /srv/state rw - tmpfs tmpfs rw
31 21 0:5 / /srv/state2/x rw - tmpfs tmpfs rw
32 21 0:5 / /srv/state/a\040b rw - tmpfs tmpfs rw
33 21 0:5 / /srv/state/c/d rw shared:1 - tmpfs tmpfs rw
short
`
	want := []string{"/srv/state/a b", "/srv/state/c/d"}
	if diff := cmp.Diff(want, mountsBelow(mountinfo, "/srv/state")); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestWriteFileReplacesWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	must(t, WriteFile(path, []byte("long old content"), 0o600))
	must(t, WriteFile(path, []byte("new"), 0o640))
	data, err := os.ReadFile(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if string(data) != "new" || info.Mode().Perm() != 0o640 {
		t.Errorf("content %q mode %v", data, info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left beside it: %v", entries)
	}
}
