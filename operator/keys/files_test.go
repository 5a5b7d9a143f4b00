package keys

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

const (
	blockMon = `allow service mon r, allow service osd r, allow service pg r, allow command "osd pool op unmanaged-snap", ` +
		`allow command "osd blocklist" with blocklistop=add addr regex "^[^/]+/[1-9][0-9]*$"`
	blockOSD = "allow class-read object_prefix rbd_children, allow class-read object_prefix rbd_mirroring, allow rwx tag rbd seamount.owner=*"
)

// Without filesystems a node has what it had when there were none; with them it reaches the groups and nothing beside them.
func TestNodeCaps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files []Files
		want  ceph.Caps
	}{
		"none": {nil, ceph.Caps{"mon": blockMon, "osd": blockOSD}},
		"two": {[]Files{{"home", []string{"home-fast", "home.v2"}}, {"scratch", []string{"scratch"}}}, ceph.Caps{
			"mon": blockMon + ", allow service mds r",
			"osd": blockOSD + ", allow rw tag cephfs data=home, allow rw tag cephfs data=scratch",
			"mds": "allow rw fsname=home path=/volumes/home-fast, allow rw fsname=home path=/volumes/home.v2, " +
				"allow rw fsname=scratch path=/volumes/scratch",
		}},
	} {
		got := NodeCaps(test.files...)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(test.files, FilesOf(got)); diff != "" {
			t.Errorf("%s: read back: %s", name, diff)
		}
		if _, fenced := FencedBoot(got); fenced {
			t.Errorf("%s: counts as fenced", name)
		}
	}
}

// Of what somebody else granted, nothing is taken for a group.
func TestFilesOf(t *testing.T) {
	t.Parallel()
	for _, caps := range []string{
		"", "allow", "allow *", "allow rw", "allow rw path=/volumes/a", "allow rw fsname=f path=/volumes/", "allow rw fsname=f path=/volumes",
		"allow rw fsname=f path=/volumes/a/b", "allow rws fsname=f path=/volumes/a", "allow rw fsname=f path=/other/a",
		"allow rw fsname=f path=/volumes/a root_squash",
	} {
		if got := FilesOf(ceph.Caps{"mds": caps}); len(got) > 0 {
			t.Errorf("%s: %v", caps, got)
		}
	}
}

func TestMDS(t *testing.T) {
	t.Parallel()
	want := ceph.Entity{Name: "mds.home-a", Caps: ceph.Caps{
		"mon": "allow profile mds", "mgr": "allow profile mds", "osd": "allow rw tag cephfs *=*", "mds": "allow",
	}}
	if diff := cmp.Diff(want.Caps, MDS("home-a", ceph.Secret{}).Caps); diff != "" || MDS("home-a", ceph.Secret{}).Name != want.Name {
		t.Error(diff)
	}
}
