//go:build e2e

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// The pods of a cluster, by the oldest Ceph and the newest: they come up, and again without making anything twice.
func TestPods(t *testing.T) {
	for _, c := range []struct {
		release int
		image   func() string
		address string
	}{
		{16, func() string { return "/" }, "127.0.77.16"},
		{20, func() string { return built.One(t, "ceph-20").Root(t) }, "127.0.77.20"},
	} {
		t.Run(fmt.Sprint(c.release), func(t *testing.T) { podsOf(t, newNode(t, c.image(), c.release, c.address)) })
	}
}

func podsOf(t *testing.T, n *node) {
	g := gomega.NewWithT(t)
	mgr, osd := n.mgr(), n.osd(0, loopdev.New(t, diskSize))
	mon := n.mon()
	for _, p := range []*pod{osd, mgr, mon} {
		p.start()
	}
	// An OSD that is not known yet gets no device class: it gives itself one at the next start.
	g.Eventually(func() error { return n.isUp(mon, "") }, patience, "200ms").Should(gomega.Succeed(), func() string { return mon.output.String() + osd.output.String() })
	n.settingsAreDefaults(g, mon, osd)

	made := n.madeAt(osd)
	for _, p := range []*pod{osd, mgr, mon} {
		p.stop()
	}
	printed := []string{osd.output.String(), mgr.output.String(), mon.output.String()}
	for _, p := range []*pod{osd, mgr, mon} {
		p.output = &output{}
		p.start()
	}
	g.Eventually(func() error { return n.isUp(mon, "nvme") }, patience, "200ms").Should(gomega.Succeed(), func() string { return osd.output.String() })
	if again := n.madeAt(osd); again != made || made == "" {
		t.Errorf("the BlueStore was made at %q, and is of %q now", made, again)
	}
	n.nothingShowsAKey(append(printed, osd.output.String(), mgr.output.String(), mon.output.String()))
}

// isUp says what is missing until the OSD is up, of a class where one is named, and the mgr is active.
func (n *node) isUp(p *pod, class string) error {
	var tree struct {
		Nodes []struct {
			Name, Status string
			Class        string `json:"device_class"`
		}
	}
	var stat struct{ Available bool }
	if err := n.ceph(p, &tree, "osd", "tree"); err != nil {
		return err
	}
	if err := n.ceph(p, &stat, "mgr", "dump"); err != nil || !stat.Available {
		return fmt.Errorf("mgr available: %t, %w", stat.Available, err)
	}
	var hosts []string
	for _, node := range tree.Nodes {
		if node.Name == "osd.0" && node.Status == "up" && (class == "" || node.Class == class) {
			return nil
		}
		hosts = append(hosts, fmt.Sprintf("%+v", node))
	}
	return fmt.Errorf("osd.0 is not up, or not of class %q: %q", class, hosts)
}

// settingsAreDefaults: what the profile sets has effect, and Ceph's central configuration wins over it.
func (n *node) settingsAreDefaults(g *gomega.WithT, mon, osd *pod) {
	n.t.Helper()
	const option = "osd_max_pg_log_entries"
	value := func() string {
		out, err := osd.exec("ceph", "daemon", "osd.0", "config", "get", option)
		return fmt.Sprint(out, err)
	}
	g.Expect(value()).To(gomega.ContainSubstring(`"500"`))
	if out, err := mon.exec("ceph", "-k", "/tmp/admin", "config", "set", "osd", option, "700"); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
	g.Eventually(value, patience, "200ms").Should(gomega.ContainSubstring(`"700"`))
}

// madeAt is when the BlueStore on the OSD's disk was made, in the words of its label.
func (n *node) madeAt(osd *pod) string {
	n.t.Helper()
	return n.made(osd, blockOf(n.t, osd))
}

// made is when the BlueStore on a device was made.
func (n *node) made(osd *pod, device string) string {
	n.t.Helper()
	out, err := osd.exec("ceph-bluestore-tool", "show-label", "--dev", device)
	if err != nil {
		n.t.Fatalf("show the label: %v", err)
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, `"btime"`) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func blockOf(t *testing.T, osd *pod) string {
	t.Helper()
	block, err := os.Readlink(filepath.Join(osd.dir, "volumes", "osd", "ceph-0", "block"))
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// nothingShowsAKey (D6) looks for the keys in what the containers print.
func (n *node) nothingShowsAKey(printed []string) {
	n.t.Helper()
	for _, key := range n.secrets {
		if strings.Contains(strings.Join(printed, ""), key.Reveal()) {
			n.t.Error("a container prints a key")
		}
	}
}

// Once there was a quorum, no store is made from the first monmap (C2), and the message says what to do.
func TestMonStoreMissing(t *testing.T) {
	g := gomega.NewWithT(t)
	n := newNode(t, "/", 16, "127.0.77.1")
	mon := n.mon()
	mon.start()
	var quorum struct{ Quorum []int }
	g.Eventually(func() error { return n.ceph(mon, &quorum, "quorum_status") }, patience, "200ms").Should(gomega.Succeed(), mon.output.String)
	mon.stop()

	n.mons.QuorumRecorded = true
	n.writeMons()
	store := filepath.Join(n.dir, "host", handover.MonHostDir(n.cluster.FSID, "a"), "ceph-a")
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	mon.start()
	refused(t, mon, handover.ReasonStoreMissing)
	if err := os.Rename(store+".away", store); err != nil {
		t.Fatal(err)
	}
	mon.start()
	g.Eventually(func() error { return n.ceph(mon, &quorum, "quorum_status") }, patience, "200ms").Should(gomega.Succeed(), mon.output.String)
}

// refused waits until a container has ended with a refusal.
func refused(t *testing.T, p *pod, reason string) {
	t.Helper()
	if code := p.wait(); code != handover.ExitRefused {
		t.Fatalf("exit code %d:\n%s", code, p.output)
	}
	words := p.lastWords()
	if r, ok := handover.DecodeTermination(words); !ok || r.Reason != reason || r.Remedy == "" {
		t.Errorf("last words %q, want reason %s with a remedy", words, reason)
	}
}

// Two mons never have one store (C3): the second waits until the first has ended.
func TestMonLock(t *testing.T) {
	g := gomega.NewWithT(t)
	n := newNode(t, "/", 16, "127.0.77.2")
	first, second := n.mon(), n.mon()
	first.start()
	var quorum struct{ Quorum []int }
	g.Eventually(func() error { return n.ceph(first, &quorum, "quorum_status") }, patience, "200ms").Should(gomega.Succeed())
	second.start()
	g.Consistently(func() bool { return second.running() && !strings.Contains(second.output.String(), "ceph-mon") }, "2s", "100ms").
		Should(gomega.BeTrue(), "the second mon started beside the first")
	first.kill()
	g.Eventually(func() error { return n.ceph(second, &quorum, "quorum_status") }, patience, "200ms").Should(gomega.Succeed())
}
