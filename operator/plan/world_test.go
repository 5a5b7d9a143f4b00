package plan

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// world is a Kubernetes with a Ceph in it, just rich enough to execute plans, and strict: whatever a law forbids fails
// the test at once.
type world struct {
	t    *testing.T
	rng  *rand.Rand // nil: everything in the plan's order
	log  []string
	now  time.Time
	key  ClusterKey
	spec *v1alpha1.StorageClusterSpec

	nodes        []Node
	disks        []*v1alpha1.StorageDisk
	identity     *Identity
	seed         *Seed
	mons         Mons
	mgrs         []string
	mdss         map[string]string // the filesystem of each MDS that has a key
	filesystems  []ClusterFilesystem
	reservations []Reservation
	deployed     map[DaemonID]*Deployed
	disksPlan    *DisksPlan
	applied      []v1alpha1.ConfigOption
	modules      []string
	users        Users
	budgets      []manifest.Budget
	status       v1alpha1.StorageClusterStatus

	monmap     []string
	registered map[string]bool // entities that Ceph knows beside the seed
	osds       map[int32]*ceph.OSD
	config     []ceph.ConfigOption
	enabled    []string
	mgrPool    ceph.Pool
	rules      []ceph.CRUSHRule
	formatted  map[string]int32                         // by disk and index: which OSD made it
	tables     map[string]map[string]v1alpha1.DiskSlice // by disk: the partitions on it, by their UUIDs
	mkfs       map[string]bool                          // stores of mons that were made
	writes     int                                      // what executing steps changed
	pgs        int
	classless  bool // as on Ceph 16, where an OSD of the seed has no device class after its first start
}

var worldStart = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// newWorld has a number of nodes in racks of two, with disks of 10 GiB each.
func newWorld(t *testing.T, nodes, disksPerNode int) *world {
	t.Helper()
	w := &world{
		t: t, now: worldStart, key: ClusterKey{"seamount", "main"}, spec: minimalSpec(),
		mdss: map[string]string{}, deployed: map[DaemonID]*Deployed{}, registered: map[string]bool{}, osds: map[int32]*ceph.OSD{},
		formatted: map[string]int32{}, tables: map[string]map[string]v1alpha1.DiskSlice{}, mkfs: map[string]bool{}, pgs: 32,
	}
	for n := range nodes {
		w.addNode(n, disksPerNode)
	}
	return w
}

func (w *world) addNode(n, disks int) {
	node := testNode("n"+strconv.Itoa(n+1), map[string]string{v1alpha1.LabelTopologyPrefix + "rack": "r" + strconv.Itoa(n/2+1)})
	w.nodes = append(w.nodes, node)
	for d := range disks {
		w.disks = append(w.disks, testDisk(fmt.Sprintf("wwn-%02d%02d", n+1, d+1), node.Name))
	}
}

func testNode(name string, labels map[string]string) Node {
	all := map[string]string{corev1.LabelHostname: name}
	maps.Copy(all, labels)
	return Node{
		Name: name, Hostname: name, Labels: all, Ready: true, Discover: DiscoverReporting,
		Addresses: []string{"10.0.0." + strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz-")}, Memory: 8 << 30,
	}
}

// testDisk is an empty SSD of 10 GiB.
func testDisk(name, node string) *v1alpha1.StorageDisk {
	return &v1alpha1.StorageDisk{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1},
		Spec:       v1alpha1.StorageDiskSpec{Use: v1alpha1.DiskUseAllowed},
		Status: v1alpha1.StorageDiskStatus{
			Node: node, Presence: v1alpha1.PresencePresent,
			Identity: &v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: strings.TrimPrefix(name, "wwn-")},
			Device:   &v1alpha1.DiskDevice{Name: "sdb", Path: "pci-0000:3b:00.0-sas-phy4"},
			Hardware: &v1alpha1.DiskHardware{
				Media: v1alpha1.MediaSSD, Transport: v1alpha1.TransportSAS, Model: "ST16000NM002G", Serial: "S" + name,
				Size: resource.NewQuantity(10<<30, resource.BinarySI),
			},
			Content: &v1alpha1.DiskContent{Kind: v1alpha1.ContentEmpty},
			Verdict: &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "sha256:" + name},
		},
	}
}

func (w *world) resolved() Cluster {
	return Resolve(w.spec, FactsOf(w.spec, w.nodes, w.mons, w.status))
}

// planDisks is a pass of the disk controller.
func (w *world) planDisks() {
	in := DisksInput{Nodes: w.nodes, Disks: w.disks, Clusters: []DiskCluster{w.diskCluster()}}
	plan := Disks(in)
	w.disksPlan = &plan
	for i, entry := range plan.Disks {
		disk := w.disks[slices.IndexFunc(w.disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == entry.Disk })]
		status := plan.Disks[i].Status(disk, metav1.NewTime(w.now)).Status
		next := disk.DeepCopy()
		next.Status.Claim, next.Status.OSDs, next.Status.Plan, next.Status.State = status.Claim, status.OSDs, status.Plan, status.State
		next.Status.Request = status.Request
		*disk = *next
	}
	w.disksPlan = new(Disks(in)) // with the claims
}

func (w *world) diskCluster() DiskCluster {
	c := DiskCluster{Key: w.key, Created: worldStart, Spec: w.resolved(), Reservations: w.reservations, OSDsKnown: w.quorum()}
	if w.identity != nil {
		c.FSID = w.identity.FSID
	}
	for _, id := range slices.Sorted(maps.Keys(w.osds)) {
		osd := w.osds[id]
		c.OSDs = append(c.OSDs, OSDState{ID: id, UUID: osd.UUID, Up: osd.Up, In: osd.In, Booted: !slices.Contains(osd.States, "new")})
	}
	return c
}

func (w *world) observe() Observed {
	in := Observed{
		Now: w.now, Key: w.key, Spec: w.resolved(), Generation: 1, Previous: &w.status, Nodes: w.nodes, Identity: w.identity,
		Seed: w.seed, Mons: w.mons, Mgrs: w.mgrs, Reservations: w.reservations, Applied: w.applied, AppliedModules: w.modules,
		Render: renderForTest, Users: w.users, Budgets: w.budgets,
	}
	for _, id := range sortedDaemons(w.deployed) {
		in.Deployed = append(in.Deployed, *w.deployed[id])
	}
	in.Filesystems = w.filesystems
	for _, name := range slices.Sorted(maps.Keys(w.mdss)) {
		in.MDSs = append(in.MDSs, MDSKey{name, w.mdss[name]})
	}
	if w.disksPlan != nil {
		in.Disks = &w.disksPlan.Clusters[0]
	}
	in.Ceph = CephFacts{Reach: ReachUnreachable, Text: "timed out"}
	if w.quorum() {
		in.Ceph = CephFacts{Reach: ReachAnswering, Fresh: true, Snapshot: w.snapshot()}
	}
	return in
}

// renderForTest stands for the manifest builders.
func renderForTest(d Daemon) Template {
	t := Template{
		partImage: d.Image, partNode: d.Hostname, "profile": string(d.Profile), "network": hashOf(d.Network),
		"command": hashOf([]any{d.Address, d.Modules, d.OSD}),
	}
	if d.Resources != nil {
		t[partResources] = resourcesText(*d.Resources)
	}
	return t
}

func (w *world) running(kind DaemonKind, name string) bool {
	d := w.deployed[DaemonID{kind, name}]
	return d != nil && d.Running
}

// inQuorum lists the mons that could form a quorum: they run, and have a store.
func (w *world) inQuorum() []string {
	var in []string
	for _, name := range w.monmap {
		if w.running(DaemonMon, name) && w.mkfs[name] {
			in = append(in, name)
		}
	}
	return in
}

func (w *world) quorum() bool { return len(w.monmap) > 0 && len(w.inQuorum())*2 > len(w.monmap) }

func (w *world) snapshot() *ceph.Snapshot {
	s := &ceph.Snapshot{
		At: w.now, FSID: w.identity.FSID, Health: ceph.HealthReport{Status: ceph.HealthOK},
		Quorum: ceph.QuorumStatus{InQuorum: w.inQuorum(), Leader: w.inQuorum()[0]},
		OSDMap: ceph.OSDMap{NearFull: 0.85}, Config: slices.Clone(w.config),
	}
	for rank, name := range w.monmap {
		s.Quorum.Mons = append(s.Quorum.Mons, ceph.Mon{Name: name, Rank: rank})
	}
	for _, name := range w.mgrs {
		switch {
		case !w.running(DaemonMgr, name):
		case s.Mgr.Active == "":
			s.Mgr.Active, s.Mgr.Available = name, true
		default:
			s.Mgr.Standbys = append(s.Mgr.Standbys, name)
		}
	}
	s.Mgr.Modules = slices.Sorted(slices.Values(w.enabled))
	w.fillOSDs(s)
	w.fillMDSs(s)
	return s
}

func (w *world) fillOSDs(s *ceph.Snapshot) {
	state := "active+clean"
	for _, id := range slices.Sorted(maps.Keys(w.osds)) {
		s.OSDs = append(s.OSDs, *w.osds[id])
		s.CRUSH.Devices = append(s.CRUSH.Devices, ceph.CRUSHDevice{ID: int(id), Class: w.osds[id].DeviceClass})
		if !w.osds[id].Up {
			state = "active+undersized+degraded"
		}
	}
	s.CRUSH.Rules = append([]ceph.CRUSHRule{{ID: 0, Name: "replicated_rule"}}, w.rules...)
	if s.Mgr.Available && len(s.OSDs) > 0 {
		if w.mgrPool.Name == "" {
			w.mgrPool = ceph.Pool{Name: ".mgr", Size: 3}
		}
		s.Pools = append(s.Pools, w.mgrPool)
		s.PGs = ceph.PGSummary{Total: w.pgs, ByState: []ceph.PGStateCount{{State: state, Count: w.pgs}}}
	}
	s.Versions = []ceph.DaemonVersion{{Daemon: "mon", Version: "20.2.4", Count: len(w.monmap)}}
}

// startPods lets pods that are not there yet start, in random order and not always all.
func (w *world) startPods() {
	w.runAgents()
	for _, id := range w.shuffledDaemons() {
		d := w.deployed[id]
		if d.Running || w.rng != nil && w.rng.IntN(4) == 0 {
			continue
		}
		if w.startable(id, d) {
			d.Running, d.Settled, d.Started = true, true, w.now
			w.started(id)
		}
	}
	w.joinMons()
	for _, id := range sortedDaemons(w.deployed) {
		if id.Kind == DaemonOSD && w.deployed[id].Running && w.quorum() {
			w.bootOSD(id)
		}
	}
}

// slicesThere says whether the partitions of an OSD are on their disks, as it was reserved.
func (w *world) slicesThere(r *Reservation) bool {
	for _, part := range r.parts() {
		slice, found := w.tables[part.Disk][part.Slice]
		if part.sliced() && (!found || slice.Offset != part.Offset || slice.Size != part.Bytes || slice.OSD != r.ID) {
			return false
		}
	}
	return true
}

// runAgents lets the agents do what they are asked for, in their own time, and strictly: a slice that would move, or lie
// on another or beside the disk, fails the test.
func (w *world) runAgents() {
	for i, disk := range w.disks {
		request := disk.Status.Request
		if request == nil || deref(disk.Status.Report).ID == request.ID || w.rng != nil && w.rng.IntN(3) == 0 {
			continue
		}
		table := w.tables[disk.Name]
		if table == nil {
			table = map[string]v1alpha1.DiskSlice{}
			w.tables[disk.Name] = table
		}
		for _, slice := range request.Slices {
			there, found := table[slice.UUID]
			w.once(!found || there == slice, fmt.Sprintf("%s: %+v is asked to become %+v", disk.Name, there, slice))
			table[slice.UUID] = slice
		}
		if text := tableBreach(table, sizeOf(disk)); text != "" {
			w.t.Fatalf("%s: %s", disk.Name, text)
		}
		next := disk.DeepCopy()
		next.Status.Report = &v1alpha1.DiskReport{ID: request.ID, Node: request.Node, Result: v1alpha1.DiskReportDone}
		w.disks[i] = next
	}
}

// tableBreach says what is wrong with the slices of a disk; empty: nothing.
func tableBreach(table map[string]v1alpha1.DiskSlice, size int64) string {
	end := int64(1 << 20)
	inOrder := slices.SortedFunc(maps.Values(table), func(a, b v1alpha1.DiskSlice) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, s := range inOrder {
		switch {
		case s.Offset < end:
			return fmt.Sprintf("%+v begins before %d", s, end)
		case s.Offset%(1<<20) != 0 || s.Size%(1<<20) != 0 || s.Size <= 0:
			return fmt.Sprintf("%+v is askew", s)
		case s.Offset+s.Size > size-1<<20:
			return fmt.Sprintf("%+v does not fit a disk of %d bytes", s, size)
		}
		end = s.Offset + s.Size
	}
	return ""
}

func (w *world) shuffledDaemons() []DaemonID {
	ids := sortedDaemons(w.deployed)
	if w.rng != nil {
		w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	}
	return ids
}

// startable says whether a daemon's program finds what it needs; a mon makes its store as the record allows.
func (w *world) startable(id DaemonID, d *Deployed) bool {
	if id.Kind == DaemonOSD {
		return w.slicesThere(w.reservation(id))
	}
	if id.Kind != DaemonMon || w.mkfs[id.Name] {
		return true
	}
	at := slices.IndexFunc(w.mons.Mons, func(m handover.Mon) bool { return m.Name == id.Name })
	if at < 0 {
		w.t.Fatalf("%s was started and is not recorded", id)
	}
	switch state := w.mons.Mons[at].State; {
	case state == handover.MonSeed && !w.mons.QuorumRecorded, state == handover.MonJoining && w.quorum():
		w.mkfs[id.Name] = true
		return true
	}
	d.Refusal = &v1alpha1.Refusal{Reason: handover.ReasonStoreMissing, Message: "the store is empty", Remedy: "restore it"}
	return false
}

func (w *world) started(id DaemonID) {
	if id.Kind != DaemonOSD {
		return
	}
	r := w.reservation(id)
	part := fmt.Sprintf("%s/%d", r.Data.Disk, r.Data.Index)
	if by, made := w.formatted[part]; made && by != r.ID {
		w.t.Fatalf("osd.%d formats %s, which osd.%d made", r.ID, part, by)
	}
	w.formatted[part] = r.ID
	disk := w.disks[slices.IndexFunc(w.disks, func(d *v1alpha1.StorageDisk) bool { return d.Name == r.Data.Disk })]
	if c := disk.Status.Claim; c == nil || c.FSID != w.identity.FSID {
		w.t.Fatalf("osd.%d is made on %s, which the cluster does not hold", r.ID, disk.Name)
	}
	next := disk.DeepCopy()
	next.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "sha256:in-use-" + disk.Name}
	next.Status.Content = &v1alpha1.DiskContent{Kind: v1alpha1.ContentBlueStore,
		BlueStore: &v1alpha1.BlueStoreLabel{FSID: w.identity.FSID, OSDID: new(r.ID), OSDUUID: r.UUID}}
	*disk = *next
}

func (w *world) reservation(id DaemonID) *Reservation {
	for i := range w.reservations {
		if osdName(w.reservations[i].ID) == id.String() {
			return &w.reservations[i]
		}
	}
	w.t.Fatalf("%s runs and is not reserved", id)
	return nil
}

// joinMons puts running mons that were made to join into the monmap, once there is a quorum to let them in.
func (w *world) joinMons() {
	if len(w.monmap) == 0 && w.seed != nil {
		w.monmap = slices.Clone(w.seed.Mons)
	}
	for _, mon := range w.mons.Mons {
		if w.quorum() && w.mkfs[mon.Name] && w.running(DaemonMon, mon.Name) && !slices.Contains(w.monmap, mon.Name) {
			w.monmap = append(w.monmap, mon.Name)
		}
	}
}

func (w *world) bootOSD(id DaemonID) {
	r := w.reservation(id)
	if !slices.Contains(w.seed.OSDs, r.ID) && !w.registered[id.String()] {
		w.t.Fatalf("%s was started before Ceph knew its key", id)
	}
	osd := w.osds[r.ID]
	if osd == nil {
		osd = &ceph.OSD{ID: int(r.ID), UUID: r.UUID}
		w.osds[r.ID] = osd
	}
	osd.Up, osd.In, osd.States, osd.TotalBytes, osd.PGs = true, true, []string{"exists", "up"}, r.Data.Bytes, w.pgs
	if seeded := slices.Contains(w.seed.OSDs, r.ID); !w.classless || !seeded {
		osd.DeviceClass = r.DeviceClass
	}
}
