//go:build e2e

package operator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// Sizes of disks that no rule of another test takes: one for two OSDs, one for DBs, and one for an OSD whose DB lies on
// that.
const (
	halvesSize = "7G"
	dbDiskSize = "8G"
	hddSize    = "9G"
)

func slicedCluster(name string) string {
	return fmt.Sprintf(`
apiVersion: seamount.dev/v1alpha1
kind: StorageCluster
metadata: {name: %s, namespace: %s}
spec:
  ceph: {image: %s}
  resourceProfile: Lean
  %s
  mon: {count: 1}
  mgr: {count: 1}
  storage:
    rules:
    - {name: halves, match: {transports: [Loop], minSize: 7Gi, maxSize: 7Gi}, osdsPerDisk: 2}
    - {name: db, match: {transports: [Loop], minSize: 8Gi, maxSize: 8Gi}, use: DB}
    - {name: data, match: {transports: [Loop], minSize: 9Gi, maxSize: 9Gi}, db: {rule: db, size: 1Gi}}
`, name, product.Namespace, cephImage, product.BriefWarnings)
}

// slicedSuite is a cluster on disks that are cut into slices.
type slicedSuite struct {
	*ceph
	watch *watch
	osds  int
}

// TestSlices brings up a cluster with a disk for two OSDs, and two OSDs with their DBs on disks for DBs.
func TestSlices(t *testing.T) {
	p := installAll(t)
	halves := p.AddDisk(t, "node1", halvesSize)
	dbs := []cluster.Disk{p.AddDisk(t, "node2", dbDiskSize), p.AddDisk(t, "node3", dbDiskSize)}
	hdds := []cluster.Disk{p.AddDisk(t, "node2", hddSize), p.AddDisk(t, "node3", hddSize)}
	for _, d := range append([]cluster.Disk{halves}, append(dbs, hdds...)...) {
		p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	}
	start := time.Now()
	p.Apply(t, product.Namespace, slicedCluster("sliced"))
	s := &slicedSuite{ceph: &ceph{Product: p, namespace: product.Namespace, name: "sliced"}, osds: 4}
	s.removeAfter(t)
	s.watch = s.ceph.watch(t)
	took := s.watch.awaitHealthy(t, s.ceph, start, 1, 1, s.osds)
	t.Logf("apply to HEALTH_OK with 4 OSDs on slices: %.1f s (%s)", took.Seconds(), s.watch.phases(start, s.osds))
	t.Run("Cut", func(t *testing.T) { s.cut(t, halves, dbs) })
	t.Run("DedicatedDB", s.dedicatedDB)
	t.Run("PodsDeleted", s.podsDeleted)
	added := func() { p.AddDisk(t, dbs[0].Node, hddSize) } // it stays until all ends
	t.Run("SliceAdded", func(t *testing.T) { s.sliceAdded(t, dbs[0], added) })
	more := func() cluster.Disk { return p.AddDisk(t, halves.Node, halvesSize) }
	t.Run("DiskOfSlicesRemoved", func(t *testing.T) { s.halvesRemoved(t, halves, more) })
	t.Run("SharedDB", func(t *testing.T) { s.sharedDB(t, hdds[0], dbs[0]) })
	t.Run("Erased", s.erased)
}

// cut sees what the disks say of their slices, and holds it to what is reserved.
func (s *slicedSuite) cut(t *testing.T, halves cluster.Disk, dbs []cluster.Disk) {
	wanted := map[string]int{halves.Path: 2, dbs[0].Path: 1, dbs[1].Path: 1}
	for _, d := range append([]cluster.Disk{halves}, dbs...) {
		disk := s.awaitCut(t, d, wanted[d.Path])
		reserved := s.reservations(t)
		for _, slice := range disk.Status.Request.Slices {
			r := reserved[slice.OSD]
			device := &r.Data
			if slice.Role == v1alpha1.OSDRoleDB {
				device = r.DB
			}
			if device == nil || device.Slice != slice.UUID || device.Offset != slice.Offset || device.Bytes != slice.Size || device.Disk != disk.Name {
				t.Errorf("%s: asked is %+v, reserved %+v", disk.Name, slice, device)
			}
		}
		if want := handover.TableID(s.mustIdentity(t).FSID, disk.Name); disk.Status.Request.Table != want {
			t.Errorf("%s: table %s, want %s", disk.Name, disk.Status.Request.Table, want)
		}
	}
	t.Logf("kubectl get storagedisks -o wide\n%s", s.Kubectl(t, "get", "storagedisks", "-o", "wide"))
}

// awaitCut waits until a disk is in service with so many slices, and discover says so too.
func (s *slicedSuite) awaitCut(t *testing.T, d cluster.Disk, count int) *v1alpha1.StorageDisk {
	t.Helper()
	var disk *v1alpha1.StorageDisk
	s.Eventually(t, fmt.Sprintf("%s of %s is in service with %d slices", d.Device, d.Node, count), func() error {
		disk = s.StorageDisk(t, d)
		if disk == nil || disk.Status.Request == nil || disk.Status.Report == nil || disk.Status.Verdict == nil {
			return fmt.Errorf("it is %+v", disk)
		}
		status := disk.Status
		said := fmt.Sprintf("holds %d slice", count)
		switch {
		case status.Report.ID != status.Request.ID || status.Report.Result != v1alpha1.DiskReportDone:
			return fmt.Errorf("asked %s, reported %+v", status.Request.ID, status.Report)
		case status.State != v1alpha1.DiskInService || len(status.OSDs) != count || len(status.Request.Slices) != count:
			return fmt.Errorf("it is %s with %+v: %+v", status.State, status.OSDs, status.Plan)
		case status.Verdict.Result != v1alpha1.VerdictInUse || !strings.HasPrefix(status.Verdict.Reasons[0].Message, said):
			return fmt.Errorf("verdict %+v, want %q", status.Verdict, said)
		}
		return nil
	})
	return disk
}

// dedicatedDB asks Ceph which OSDs have their DB elsewhere, and how large it is.
func (s *slicedSuite) dedicatedDB(t *testing.T) {
	reserved := s.reservations(t)
	if len(reserved) != s.osds {
		t.Fatalf("%d OSDs are reserved, want %d", len(reserved), s.osds)
	}
	for id, r := range reserved {
		var metadata struct {
			Dedicated string `json:"bluefs_dedicated_db"`
			Size      int64  `json:"bluefs_db_size,string"`
			Data      int64  `json:"bluestore_bdev_size,string"`
		}
		out := s.ask(t, fmt.Sprintf("ceph osd metadata %d --format json", id))
		if err := json.Unmarshal([]byte(out), &metadata); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if (metadata.Dedicated == "1") != (r.DB != nil) || metadata.Data != r.Data.Bytes {
			t.Errorf("osd.%d has %+v, reserved are %+v and %+v", id, metadata, r.Data, r.DB)
		}
		if r.DB != nil && metadata.Size != r.DB.Bytes {
			t.Errorf("osd.%d has a DB of %d bytes, reserved are %d", id, metadata.Size, r.DB.Bytes)
		}
	}
}

// podsDeleted takes all pods of OSDs away: they find their slices again, and no disk is asked to change.
func (s *slicedSuite) podsDeleted(t *testing.T) {
	start := time.Now()
	selector := v1alpha1.LabelCluster + "=" + v1alpha1.ClusterLabelValue(s.namespace, s.name)
	s.Kubectl(t, "-n", s.namespace, "delete", "pods", "-l", selector, "--wait=false")
	trouble := s.watch.await(t, s.ceph, start, "the trouble is seen", func(x state) bool { return !x.healthy(1, 1, s.osds) })
	took := trouble + s.watch.awaitHealthy(t, s.ceph, start.Add(trouble), 1, 1, s.osds)
	t.Logf("all pods deleted to HEALTH_OK: %.1f s", took.Seconds())
	if found := s.restarts(t); len(found) > 0 {
		t.Errorf("containers were started again: %v", found)
	}
}

// sliceAdded plugs in another disk whose OSD needs a DB on a disk that is in service.
func (s *slicedSuite) sliceAdded(t *testing.T, db cluster.Disk, plugIn func()) {
	before := s.reservations(t)
	start := time.Now()
	plugIn()
	s.osds++
	took := s.watch.awaitHealthy(t, s.ceph, start, 1, 1, s.osds)
	t.Logf("disk plugged in to HEALTH_OK, with a DB on a disk in service: %.1f s", took.Seconds())
	s.awaitCut(t, db, 2)
	s.dedicatedDB(t)
	after := s.reservations(t)
	for id, r := range before {
		if now := after[id]; !cmp.Equal(now.Data, r.Data) || r.DB != nil && !cmp.Equal(now.DB, r.DB) {
			t.Errorf("osd.%d was at %+v, and is at %+v", id, r, now)
		}
	}
}
