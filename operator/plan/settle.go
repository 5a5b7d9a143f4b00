package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// settle brings what lives in Ceph itself to what is declared. It needs to know what Ceph has.
func (c *computation) settle() {
	c.topologyDrift()
	if c.snapshot == nil {
		return
	}
	c.restoreReservations()
	c.deviceClasses()
	c.mgrPool()
	c.config()
	c.modules()
	slices.SortFunc(c.plan.Drift, func(a, b v1alpha1.DriftEntry) int { return cmp.Compare(a.Path, b.Path) })
}

func (c *computation) config() {
	diff := ConfigDiff(c.in.Spec.Config, c.in.Applied, c.snapshot.Config)
	for _, do := range diff.Actions {
		c.add(do, configReason(do))
	}
	c.plan.Drift = append(c.plan.Drift, diff.Drift...)
}

func configReason(do Action) string {
	switch do := do.(type) {
	case SetConfig:
		return "spec.config declares it"
	case RemoveConfig:
		return "spec.config does not declare it any more"
	case RecordConfig:
		if do.Forget {
			return "it is neither declared nor set any more"
		}
	}
	return "it is declared, and set already"
}

// modules enables what is declared, and disables what was enabled for a declaration that is gone.
func (c *computation) modules() {
	wanted, enabled := c.in.Spec.Mgr.Modules, slices.Concat(c.snapshot.Mgr.Modules, c.snapshot.Mgr.AlwaysOn)
	for _, module := range slices.Sorted(slices.Values(wanted)) {
		if !slices.Contains(enabled, module) || !slices.Contains(c.in.AppliedModules, module) {
			c.add(EnableModule{module}, "spec.mgr.modules declares it")
		}
	}
	for _, module := range slices.Sorted(slices.Values(c.in.AppliedModules)) {
		if !slices.Contains(wanted, module) {
			c.add(DisableModule{module}, "spec.mgr.modules does not declare it any more")
		}
	}
}

// deviceClasses gives OSDs the class that was chosen for them, before they hold data. Afterwards another class would move
// all of it: somebody set it by hand, and that is drift.
func (c *computation) deviceClasses() {
	wrong := map[string][]int32{}
	for _, r := range c.osds {
		osd := c.osdmap[r.ID]
		if osd == nil || r.DeviceClass == "" || osd.DeviceClass == r.DeviceClass || !osd.Up && !c.succeeds(r, osd) {
			continue
		}
		if osd.DeviceClass == "" || osd.PGs == 0 {
			wrong[r.DeviceClass] = append(wrong[r.DeviceClass], r.ID)
			continue
		}
		c.plan.Drift = append(c.plan.Drift, v1alpha1.DriftEntry{
			Path: "device class of " + osdName(r.ID), Declared: new(r.DeviceClass), Live: new(osd.DeviceClass),
		})
	}
	for _, class := range sortedStrings(wrong) {
		c.add(SetDeviceClass{class, wrong[class]},
			fmt.Sprintf("%s of class %s without data so far, with another class in Ceph", count(len(wrong[class]), "OSD"), class))
	}
}

// succeeds says that an OSD has the place of another in CRUSH, with the class of that, and never ran.
func (c *computation) succeeds(r *Reservation, osd *ceph.OSD) bool {
	return osd.DeviceClass != "" && slices.Contains(osd.States, "new") && c.osdKnown(r)
}

func sortedStrings[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

const (
	mgrPoolName = ".mgr"
	// The pool of the mgrs has three copies where there are as many failure domains, and never fewer than two.
	mgrPoolCopies, mgrPoolLeast = 3, 2
)

// mgrPool gives the pool of the mgrs a rule of one device class. Its first rule takes any class, and the autoscaler gives
// up on pools whose roots overlap: https://docs.ceph.com/en/latest/rados/operations/placement-groups/.
func (c *computation) mgrPool() {
	at := slices.IndexFunc(c.snapshot.Pools, func(p ceph.Pool) bool { return p.Name == mgrPoolName })
	if at < 0 {
		return
	}
	domain := c.mgrPoolDomain()
	pool, domains := c.snapshot.Pools[at], c.classDomains(domain)
	class, settled := c.mgrPoolClass(pool.RuleID), true
	if class == "" || domains[class] == 0 {
		class, settled = widestClass(domains), false
	}
	if class == "" || !c.classLives(class) {
		return
	}
	size := min(max(domains[class], mgrPoolLeast), mgrPoolCopies)
	if settled && pool.Size >= size {
		return
	}
	c.add(PlaceMgrPool{
		Rule: ceph.ReplicatedRule{
			Name: "mgr-" + class + "-" + bucketOf(domain), Root: rootName, FailureDomain: bucketOf(domain), DeviceClass: class,
		},
		Size: size,
	}, fmt.Sprintf("the pool %s keeps to class %s, which is in %s", mgrPoolName, class, count(domains[class], "failure domain")))
}

// mgrPoolDomain returns the failure domain of the pool: the cluster's, unless hosts lack the label for it. Nothing could be
// placed then.
func (c *computation) mgrPoolDomain() v1alpha1.FailureDomain {
	domain := c.in.Spec.FailureDomain
	for _, r := range c.osds {
		if domain != v1alpha1.FailureDomainOSD && bucketAt(r.Location, bucketOf(domain)) == "" {
			return v1alpha1.FailureDomainHost
		}
	}
	return domain
}

// mgrPoolClass returns the device class of a rule; empty: it takes any.
func (c *computation) mgrPoolClass(rule int) string {
	for _, r := range c.snapshot.CRUSH.Rules {
		if r.ID == rule {
			return r.DeviceClass
		}
	}
	return ""
}

// classDomains counts the failure domains of each device class, also those whose OSDs are still to come.
func (c *computation) classDomains(domain v1alpha1.FailureDomain) map[string]int {
	domains := map[string]map[string]bool{}
	for _, r := range c.osds {
		if domains[r.DeviceClass] == nil {
			domains[r.DeviceClass] = map[string]bool{}
		}
		domains[r.DeviceClass][domainOf(domain, osdName(r.ID), r.Location)] = true
	}
	counts := map[string]int{}
	for class, names := range domains {
		counts[class] = len(names)
	}
	return counts
}

// widestClass returns the class in the most failure domains; of several the fastest.
func widestClass(domains map[string]int) string {
	speed := func(class string) int { return slices.Index([]string{"hdd", "ssd", "nvme"}, class) }
	best := ""
	for _, class := range sortedStrings(domains) {
		if best == "" || domains[class] > domains[best] || domains[class] == domains[best] && speed(class) > speed(best) {
			best = class
		}
	}
	return best
}

// classLives says that Ceph knows the class: a rule cannot name another one.
func (c *computation) classLives(class string) bool {
	return slices.ContainsFunc(c.snapshot.CRUSH.Devices, func(d ceph.CRUSHDevice) bool { return d.Class == class })
}

// restoreReservations stores again what is known of OSDs in service whose Secret is gone: everything but the key is on
// the disk and in Ceph's maps.
func (c *computation) restoreReservations() {
	if c.in.Disks == nil {
		return
	}
	known := map[int32]bool{}
	for _, r := range c.osds {
		known[r.ID] = true
	}
	for _, entry := range c.in.Disks.Entries {
		for _, serving := range entry.Serving {
			osd := c.osdmap[serving.ID]
			if known[serving.ID] || osd == nil || osd.UUID != serving.UUID || serving.Role != v1alpha1.OSDRoleData ||
				slices.Contains(c.in.Purged, serving.ID) {
				continue
			}
			data, db := c.lostParts(entry, serving)
			if data == nil || db == nil && serving.DBDisk != "" {
				continue // a part is not known, and must not be guessed
			}
			c.add(RestoreReservation{Reservation{
				ID: serving.ID, UUID: serving.UUID, Node: entry.Node, Location: locationIn(c.snapshot.CRUSH, osd.ID),
				Rule: deref(entry.Plan).Rule, DeviceClass: osd.DeviceClass, Data: *data, DB: db,
			}}, fmt.Sprintf("disk %s holds this OSD of the cluster, and its Secret is gone", entry.Disk))
		}
	}
}

// lostParts returns what an OSD whose Secret is gone has of disks: all of one, or slices.
func (c *computation) lostParts(entry DiskEntry, osd v1alpha1.DiskOSD) (data, db *Part) {
	data = &entry.Whole
	if osd.Slice != "" {
		data = entry.lostPart(osd.ID, v1alpha1.OSDRoleData)
	}
	for _, other := range c.in.Disks.Entries {
		if part := other.lostPart(osd.ID, v1alpha1.OSDRoleDB); part != nil {
			db = part
		}
	}
	return data, db
}

// locationIn returns where an OSD is in a CRUSH map.
func locationIn(crush ceph.CRUSHMap, id int) ceph.Location {
	var location ceph.Location
	for {
		at := slices.IndexFunc(crush.Buckets, func(b ceph.Bucket) bool {
			return slices.ContainsFunc(b.Items, func(item ceph.CRUSHItem) bool { return item.ID == id })
		})
		if at < 0 {
			return location
		}
		bucket := crush.Buckets[at]
		location = append(ceph.Location{{Type: bucket.Type, Name: bucket.Name}}, location...)
		id = bucket.ID
	}
}

// topologyDrift says which hosts with OSDs are not where their labels say. Following the labels would move data.
func (c *computation) topologyDrift() {
	seen, drifted := map[string]bool{}, []string{}
	for _, r := range c.osds {
		node := c.nodes[r.Node]
		if node == nil || seen[r.Node] {
			continue
		}
		seen[r.Node] = true
		if labels := Locate(*node); !slices.Equal(labels, r.Location) {
			drifted = append(drifted, fmt.Sprintf("%s is at %s in CRUSH, and its labels say %s", r.Node, locationText(r.Location), locationText(labels)))
		}
	}
	slices.Sort(drifted)
	c.plan.TopologyDrift = strings.Join(drifted, "; ")
}
