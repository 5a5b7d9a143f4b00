//go:build e2e

package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

const mib = 1 << 20

// slicedDisk is a disk with slices for the OSDs 0 to n-1, which are reserved and not made yet.
type slicedDisk struct {
	*loopdev.Disk
	reserved []handover.Device
	request  v1alpha1.DiskRequest
}

// slice plans slices of equal size on a new disk.
func (n *node) slice(count int, role v1alpha1.OSDRole, size int64) *slicedDisk {
	n.t.Helper()
	d := &slicedDisk{Disk: loopdev.New(n.t, diskSize)}
	whole := n.reserve(d.Disk)
	d.request = v1alpha1.DiskRequest{
		ID: "1", Action: v1alpha1.DiskActionPartition, Node: nodeName, Seal: whole.Seal, Table: handover.TableID(n.cluster.FSID, whole.Disk),
	}
	for i := range count {
		part := whole
		part.Slice, part.Offset, part.Bytes = uuid.NewString(), mib+int64(i)*size, size
		d.reserved = append(d.reserved, part)
		d.request.Slices = append(d.request.Slices, v1alpha1.DiskSlice{
			UUID: part.Slice, OSD: int32(i), Role: role, Offset: part.Offset, Size: part.Bytes,
		})
	}
	return d
}

// cut does what the agent does with a disk.
func (d *slicedDisk) cut(t *testing.T) {
	t.Helper()
	agent := partition.Node{
		Disks:  nodedisk.Disks{Inventory: inventory.Reader{}, Node: nodeName},
		Kernel: partition.Kernel{Sys: os.DirFS("/sys")},
	}
	if err := agent.Partition(t.Context(), d.reserved[0].Disk, d.request); err != nil {
		t.Fatal(err)
	}
}

// device is what the kernel calls a slice on this machine, which the pods do not need.
func (d *slicedDisk) device(i int) *loopdev.Disk {
	return &loopdev.Disk{Path: fmt.Sprintf("%sp%d", d.Path, i+1)}
}

// Two OSDs share a disk and a disk for their DBs, by the oldest Ceph and the newest. Their pods start before the disks
// are cut, wait, and find the same slices again at every start.
func TestSlices(t *testing.T) {
	for _, c := range []struct {
		release int
		image   func() string
		address string
	}{
		{16, func() string { return "/" }, "127.0.78.16"},
		{20, func() string { return built.One(t, "ceph-20").Root(t) }, "127.0.78.20"},
	} {
		t.Run(fmt.Sprint(c.release), func(t *testing.T) { slicesOf(t, newNode(t, c.image(), c.release, c.address)) })
	}
}

func slicesOf(t *testing.T, n *node) {
	g := gomega.NewWithT(t)
	data, db := n.slice(2, v1alpha1.OSDRoleData, 1000*mib), n.slice(2, v1alpha1.OSDRoleDB, 500*mib)
	mgr := n.mgr()
	osds := []*pod{n.osdOn(0, data.reserved[0], &db.reserved[0]), n.osdOn(1, data.reserved[1], &db.reserved[1])}
	mon := n.mon()
	for _, p := range append(osds, mgr, mon) {
		p.start()
	}
	g.Consistently(func() bool { return osds[0].running() && osds[1].running() }, "2s", "100ms").Should(gomega.BeTrue(), "an OSD does not wait")
	data.cut(t)
	db.cut(t)
	printed := func() string { return osds[0].output.String() + osds[1].output.String() }
	g.Eventually(func() error { return n.sharing(mon) }, patience, "200ms").Should(gomega.Succeed(), printed)

	made := []string{n.made(osds[0], data.device(0).Path), n.made(osds[1], data.device(1).Path)}
	for _, p := range osds {
		p.stop()
		p.start()
	}
	g.Eventually(func() error { return n.sharing(mon) }, patience, "200ms").Should(gomega.Succeed(), printed)
	again := []string{n.made(osds[0], data.device(0).Path), n.made(osds[1], data.device(1).Path)}
	if made[0] == "" || !slices.Equal(made, again) {
		t.Errorf("the BlueStores were made at %q, and are of %q now", made, again)
	}
}

// sharing says what is missing until both OSDs are up, each with a DB of its own, on one disk.
func (n *node) sharing(p *pod) error {
	var stat struct {
		Up int `json:"num_up_osds"`
	}
	if err := n.ceph(p, &stat, "osd", "stat"); err != nil || stat.Up != 2 {
		return fmt.Errorf("%d OSDs are up, %w", stat.Up, err)
	}
	for id := range 2 {
		var facts map[string]any
		if err := n.ceph(p, &facts, "osd", "metadata", fmt.Sprint(id)); err != nil {
			return err
		}
		if facts["bluefs_dedicated_db"] != "1" || facts["bluestore_bdev_size"] != fmt.Sprint(1000*mib) || facts["bluefs_db_size"] != fmt.Sprint(500*mib) {
			return fmt.Errorf("osd.%d: dedicated DB %v, %v bytes, DB of %v bytes", id, facts["bluefs_dedicated_db"],
				facts["bluestore_bdev_size"], facts["bluefs_db_size"])
		}
	}
	return nil
}

// An OSD on slices whose mkfs is killed goes on when it starts again, whenever that was (S3), and its neighbour on the
// same disks is not touched.
func TestKilledWhileASliceIsMade(t *testing.T) {
	n := newNode(t, "/", 16, "127.0.78.4")
	data, db := n.slice(2, v1alpha1.OSDRoleData, 1000*mib), n.slice(2, v1alpha1.OSDRoleDB, 500*mib)
	data.cut(t)
	db.cut(t)
	neighbour := n.osdOn(1, data.reserved[1], &db.reserved[1])
	began := time.Now()
	neighbour.start()
	becomes(t, neighbour, data.device(1), "ready")
	whole := time.Since(began)
	neighbour.kill()
	before := n.made(neighbour, data.device(1).Path)

	osd := n.osdOn(0, data.reserved[0], &db.reserved[0])
	osd.start()
	halt(t, osd, data.device(0))
	osd.kill()
	if got := labelled(t, data.device(0)); got != "unfinished" {
		t.Fatalf("the slice is %s", got)
	}
	osd.start()
	<-time.After(rand.N(whole))
	osd.kill()
	osd.start()
	becomes(t, osd, data.device(0), "ready")
	osd.kill()
	if after := n.made(neighbour, data.device(1).Path); after != before || before == "" {
		t.Errorf("the neighbour was made at %q, and is of %q now", before, after)
	}
}

// A slice that is not blank is refused and left as it is, although the table says whose it is (D4).
func TestChangedSlice(t *testing.T) {
	n := newNode(t, "/", 16, "127.0.78.5")
	d := n.slice(1, v1alpha1.OSDRoleData, 1000*mib)
	d.cut(t)
	osd := n.osdOn(0, d.reserved[0], nil)
	put(t, d.device(0), 'x', sampled(1000*mib))
	before := digest(t, d.Disk)
	osd.start()
	refused(t, osd, handover.ReasonDiskChanged)
	if digest(t, d.Disk) != before {
		t.Error("the disk was written to")
	}
}
