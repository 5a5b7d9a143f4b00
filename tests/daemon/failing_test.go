//go:build e2e

package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// The disk of an OSD answers with errors: the OSD ends, and whoever starts it again says why, and ends too, for as long as the
// disk cannot be read. A disk that answers again is the same OSD.
func TestFailingDisk(t *testing.T) {
	for _, c := range []struct {
		release int
		image   func() string
		address string
	}{
		{16, func() string { return "/" }, "127.0.77.8"},
		{20, func() string { return built.One(t, "ceph-20").Root(t) }, "127.0.77.9"},
	} {
		t.Run(fmt.Sprint(c.release), func(t *testing.T) { diskFails(t, newNode(t, c.image(), c.release, c.address)) })
	}
}

func diskFails(t *testing.T, n *node) {
	g := gomega.NewWithT(t)
	file := loopdev.NewFUSEFile(t, diskSize)
	mgr, osd := n.mgr(), n.osd(0, loopdev.Attach(t, file.Path, loopdev.Options{Direct: true}))
	mon := n.mon()
	for _, p := range []*pod{osd, mgr, mon} {
		p.start()
	}
	g.Eventually(func() error { return n.isUp(mon, "") }, patience, "200ms").Should(gomega.Succeed(), func() string { return osd.output.String() })
	made := n.madeAt(osd)

	file.Fail(loopdev.Reads | loopdev.Writes)
	n.writes(mon)
	endsByItself(t, osd)
	for range 2 {
		osd.start()
		refused(t, osd, handover.ReasonDiskUnreadable)
		if words := osd.lastWords(); !strings.Contains(words, "input/output error") {
			t.Errorf("it does not say what is wrong with the disk: %s", words)
		}
	}
	// A disk that can be read, and not be written, says that all is well. Nobody but the OSD finds out.
	file.Fail(loopdev.Writes)
	osd.start()
	endsByItself(t, osd)

	file.Fail(0)
	osd.start()
	g.Eventually(func() error { return n.isUp(mon, "") }, patience, "200ms").Should(gomega.Succeed(), func() string { return osd.output.String() })
	if again := n.madeAt(osd); again != made || made == "" {
		t.Errorf("the BlueStore was made at %q, and is of %q now", made, again)
	}
}

// writes makes a new map of the OSDs, which each of them writes to its disk.
func (n *node) writes(mon *pod) {
	n.t.Helper()
	if out, err := mon.exec("ceph", "-k", "/tmp/admin", "osd", "set", "noout"); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
}

// endsByItself waits until an OSD ends that nobody ended, and holds that it names the reason.
func endsByItself(t *testing.T, osd *pod) {
	t.Helper()
	if code := osd.wait(); code == 0 || code == handover.ExitRefused {
		t.Errorf("it ended with %d:\n%s", code, osd.output)
	}
	if !strings.Contains(osd.output.String(), "Input/output error") {
		t.Errorf("it does not tell of an error of the disk:\n%s", osd.output)
	}
	osd.output.reset()
}
