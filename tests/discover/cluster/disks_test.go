//go:build e2e

package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// prepared is a disk of a node, with what was done to it and what is to be said of it. No reason stands for Usable.
type prepared struct {
	node, script, reason string
}

// eight disks; DEVICE in a script is the device's path in its node.
var eight = []prepared{
	{"node1", "", ""},
	{"node1", "mkfs.ext4 -q DEVICE", v1alpha1.ReasonFilesystem},
	{"node1", "mkfs.xfs -q DEVICE && mkdir -p /mnt/data && mount DEVICE /mnt/data", v1alpha1.ReasonMounted},
	{"node2", "sgdisk -n 1:0:0 DEVICE", v1alpha1.ReasonPartitionTable},
	{"node2", "mkswap -q DEVICE", v1alpha1.ReasonSwap},
	{"node3", "", ""},
	{"node3", "printf data | dd of=DEVICE bs=1 seek=4096 conv=notrunc,fsync status=none", v1alpha1.ReasonNotEmpty},
	{"node3", "BlueStore", v1alpha1.ReasonForeignOSD},
}

// eightDisks are there when discover is installed. Each is shown as it is.
func eightDisks(t *testing.T, p *product.Product) {
	disks := make([]cluster.Disk, len(eight))
	osd := cephtest.OSD{ID: "3", UUID: uuid.NewString(), Key: cephtest.NewKey()}
	for i, e := range eight {
		disks[i] = p.AddDisk(t, e.node, "4G")
		prepare(t, p, disks[i], e.script, osd)
	}
	t.Cleanup(func() {
		if out, err := p.Try("exec", "node1", "--", "umount", "/mnt/data"); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
	start := time.Now()
	product.Install(t, nodes, product.Discover)
	for i, e := range eight {
		result := v1alpha1.VerdictRejected
		if e.reason == "" {
			result = v1alpha1.VerdictUsable
		}
		d := p.AwaitVerdict(t, disks[i], result, e.reason)
		if e.reason != "" && d.Status.Verdict.Reasons[0].Remedy == "" {
			t.Errorf("%s: no remedy for %s", d.Name, e.reason)
		}
	}
	t.Logf("from the start of the installation to eight verdicts: %v", time.Since(start))
	shown(t, p, disks)
	keepsKey(t, p, osd)
}

// keepsKey (D6): the key in the label of an OSD's disk is nowhere in what discover writes.
func keepsKey(t *testing.T, p *product.Product, o cephtest.OSD) {
	t.Helper()
	said := p.Kubectl(t, "get", "storagedisks", "-o", "yaml") + p.Kubectl(t, "get", "events", "-A", "-o", "yaml") +
		p.Kubectl(t, "-n", product.Namespace, "logs", "-l", "app.kubernetes.io/component=discover", "--tail=-1")
	if !strings.Contains(said, o.UUID) {
		t.Errorf("the OSD %s is named nowhere", o.UUID)
	}
	if strings.Contains(said, o.Key.Reveal()) {
		t.Error("objects, events or logs have the key of the OSD in them")
	}
}

func prepare(t *testing.T, p *product.Product, d cluster.Disk, script string, osd cephtest.OSD) {
	t.Helper()
	switch script {
	case "":
	case "BlueStore":
		if err := cephtest.Prepare(t.Context(), "", d.Path, uuid.NewString(), osd); err != nil {
			t.Fatal(err)
		}
	default:
		p.Exec(t, d.Node, "sh", "-c", strings.ReplaceAll(script, "DEVICE", d.Path))
	}
}

// shown holds what kubectl prints to what was prepared.
func shown(t *testing.T, p *product.Product, disks []cluster.Disk) {
	t.Helper()
	table := p.Kubectl(t, "get", "storagedisks", "-o", "wide")
	t.Logf("kubectl get storagedisks -o wide\n%s", table)
	for i, e := range eight {
		line := lineOf(table, disks[i])
		want := e.reason
		if want == "" {
			want = v1alpha1.ReasonEmpty
		}
		if !strings.Contains(line, " "+want+" ") {
			t.Errorf("%s of %s: want %s in %q", disks[i].Device, disks[i].Node, want, line)
		}
	}
}

func lineOf(table string, d cluster.Disk) string {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[1] == d.Node && fields[2] == d.Device {
			return line
		}
	}
	return ""
}

// plugLimit is far more than it takes: a machine may be busy with other things.
const plugLimit = 3 * time.Minute

// plugged measures how soon a new disk is in the API, with its verdict.
func plugged(t *testing.T, p *product.Product) {
	const tries = 5
	var longest, since time.Duration
	for range tries {
		w, err := p.Client.Watch(t.Context(), &v1alpha1.StorageDiskList{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		d := p.AddDisk(t, "node2", "4G")
		added := time.Now()
		limit := time.After(plugLimit)
		for seen := false; !seen; {
			select {
			case e := <-w.ResultChan():
				s, ok := e.Object.(*v1alpha1.StorageDisk)
				seen = ok && s.Status.Device != nil && s.Status.Device.Name == d.Device && s.Status.Node == d.Node &&
					s.Status.Verdict != nil && s.Status.Verdict.Result == v1alpha1.VerdictUsable
			case <-limit:
				t.Fatalf("%s is not Usable after %v: %+v", d.Device, plugLimit, p.StorageDisk(t, d))
			}
		}
		w.Stop()
		longest, since = max(longest, time.Since(start)), max(since, time.Since(added))
	}
	t.Logf("from the beginning of `disk add` to Usable in the API: at most %v of %d times; from its end: %v",
		longest.Round(time.Millisecond), tries, since.Round(time.Millisecond))
}

// moved pulls a disk out of a node and puts it into another. Loop devices have no identity of their own, so that
// it is another object there: see docs/disks.md.
func moved(t *testing.T, p *product.Product) {
	d := p.AddDisk(t, "node1", "4G")
	before := p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	p.PullDisk(t, d)
	p.Eventually(t, "the pulled disk is Missing", func() error {
		var s v1alpha1.StorageDisk
		if err := p.Client.Get(t.Context(), key(before.Name), &s); err != nil {
			return err
		}
		if s.Status.Presence != v1alpha1.PresenceMissing {
			return fmt.Errorf("it is %s", s.Status.Presence)
		}
		if s.Status.Verdict != nil && s.Status.Verdict.Result == v1alpha1.VerdictUsable {
			return fmt.Errorf("it is Usable")
		}
		return nil
	})
	p.AwaitVerdict(t, p.InsertDisk(t, "node3", d), v1alpha1.VerdictUsable, "")
	p.PullDisk(t, d)
	back := p.AwaitVerdict(t, p.InsertDisk(t, "node1", d), v1alpha1.VerdictUsable, "")
	if back.Name != before.Name || back.UID != before.UID {
		t.Errorf("back in its node the disk is %s (%s), it was %s (%s)", back.Name, back.UID, before.Name, before.UID)
	}
	if seal := before.Status.Verdict.Seal; back.Status.Verdict.Seal == seal {
		t.Errorf("it was away, and the seal still holds: %s", seal)
	}
}
