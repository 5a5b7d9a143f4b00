//go:build linux

package cephtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func TestCheckOptions(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		if err := (Options{}).withDefaults().check(); err == nil || !strings.Contains(err.Error(), "must run as root") {
			t.Errorf("check = %v", err)
		}
		return
	}
	for want, o := range map[string]Options{
		"want 1 to 9 mons":     {Mons: 10},
		"no negative number":   {OSDs: -1},
		"needs at least":       {DiskSize: 1 << 20},
		`disk kind "floppy"`:   {Disk: "floppy"},
		"lacks Ceph programs:": {Rootfs: t.TempDir()},
	} {
		if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want %q", o, err, want)
		}
	}
}

func TestMissingProgramsNameThePackages(t *testing.T) {
	t.Parallel()
	_, err := findRelease(t.Context(), Options{Rootfs: t.TempDir(), OSDs: 1, MDS: 1})
	want := "install ceph-common, ceph-mon, ceph-base, ceph-mgr, ceph-osd, ceph-mds there (make deps, or apt-get install"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("findRelease = %v, want %q", err, want)
	}
}

func TestParseMajor(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]int{
		"ceph version 16.2.15 (618f440892089921c3e944a991122ddc44e60516) pacific (stable)": 16,
		"ceph version 20.2.4 (abc) tentacle (stable - RelWithDebInfo)":                     20,
	} {
		if got, err := parseMajor(words); err != nil || got != want {
			t.Errorf("parseMajor(%q) = %d, %v, want %d", words, got, err, want)
		}
	}
	if got, err := parseMajor("command not found"); err == nil {
		t.Errorf("parseMajor = %d, want an error", got)
	}
}

func TestWriteKeyring(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keyring")
	e := ceph.Entity{Name: "client.x", Key: ceph.NewSecret("AQB="), Caps: ceph.Caps{"osd": "allow *", "mon": `allow command "osd new"`}}
	if err := writeKeyring(path, e, ceph.Entity{Name: "osd.0", Key: ceph.NewSecret("AQC=")}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "[client.x]\n\tkey = AQB=\n\tcaps mon = \"allow command \\\"osd new\\\"\"\n\tcaps osd = \"allow *\"\n[osd.0]\n\tkey = AQC=\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("keyring (-want +got):\n%s", diff)
	}
}

func TestReserveAddress(t *testing.T) {
	t.Parallel()
	a, err := reserveAddress()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryAddress(a.ip); err == nil {
		t.Errorf("%s was reserved twice", a.ip)
	}
	if err := a.release(); err != nil {
		t.Fatal(err)
	}
	again, err := tryAddress(a.ip)
	if err != nil {
		t.Fatalf("%s after its release: %v", a.ip, err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}

// A directory goes when nobody holds its lock any more, and not before.
func TestRemoveLeftover(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cluster")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	exists := func() bool { _, err := os.Stat(dir); return err == nil }
	if err := removeLeftover(dir); err != nil || !exists() {
		t.Errorf("without a lock file yet: %v, exists %t", err, exists())
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := removeLeftover(dir); err != nil || !exists() {
		t.Errorf("while it is held: %v, exists %t", err, exists())
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := removeLeftover(dir); err != nil || exists() {
		t.Errorf("when nobody holds it: %v, exists %t", err, exists())
	}
}
