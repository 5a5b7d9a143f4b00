//go:build e2e

package discover

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// osd makes a disk that of an OSD, by the release in a directory or by the machine's.
func osd(root, fsid string, o cephtest.OSD) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		if err := cephtest.Prepare(t.Context(), root, d.Path, fsid, o); err != nil {
			t.Fatal(err)
		}
	}
}

func newOSD(id int) cephtest.OSD {
	return cephtest.OSD{ID: strconv.Itoa(id), UUID: uuid.NewString(), Key: cephtest.NewKey()}
}

// ceph20 is the directory with the newest release.
func ceph20(t *testing.T) string {
	t.Helper()
	return built.One(t, "ceph-20").Root(t)
}

// TestPrepare holds the labels that the other tests rely on to what Ceph's own tool reads, the key among it.
func TestPrepare(t *testing.T) {
	d, o, fsid := loopdev.New(t, diskSize), newOSD(7), uuid.NewString()
	osd("", fsid, o)(t, d)
	label := run(t, "", "ceph-bluestore-tool", "show-label", "--dev", d.Path)
	for _, want := range []string{fsid, o.UUID, o.Key.Reveal(), `"whoami": "7"`} {
		if !strings.Contains(label, want) {
			t.Errorf("the label lacks %q:\n%s", want, strings.ReplaceAll(label, o.Key.Reveal(), "(the key)"))
		}
	}
}
