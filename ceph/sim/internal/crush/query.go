package crush

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/seamount-dev/seamount/ceph"
)

// InTree tells whether a device has a place.
func (m *Map) InTree(id int) bool {
	d, ok := m.devices[id]
	return ok && d.parent != nil
}

// Class returns the device class, empty if it has none.
func (m *Map) Class(id int) string {
	if d, ok := m.devices[id]; ok {
		return d.class
	}
	return ""
}

// HasClass tells whether any device has the class.
func (m *Map) HasClass(class string) bool {
	for _, d := range m.devices {
		if d.class == class {
			return true
		}
	}
	return false
}

// Weights returns every device's CRUSH weight by id; those outside the tree are missing.
func (m *Map) Weights() map[int]float64 {
	weights := make(map[int]float64, len(m.devices))
	for _, b := range m.buckets {
		for _, i := range b.items {
			if i.sub == nil {
				weights[i.id] = float64(i.weight) / unit
			}
		}
	}
	return weights
}

// Bucket returns the type of a bucket.
func (m *Map) Bucket(name string) (bucketType string, ok bool) {
	b, ok := m.byName[name]
	if !ok {
		return "", false
	}
	return Types[b.rank], true
}

// Location returns where a device is, outermost first.
func (m *Map) Location(id int) ceph.Location {
	d, ok := m.devices[id]
	if !ok {
		return nil
	}
	return d.parent.location()
}

func (b *bucket) location() ceph.Location {
	if b == nil {
		return nil
	}
	return append(b.parent.location(), ceph.LocationLevel{Type: Types[b.rank], Name: b.name})
}

// BucketLocation returns where a bucket is, outermost first, without itself.
func (m *Map) BucketLocation(name string) ceph.Location {
	b, ok := m.byName[name]
	if !ok {
		return nil
	}
	return b.parent.location()
}

// DevicesUnder lists the devices beneath a bucket, sorted.
func (m *Map) DevicesUnder(name string) []int {
	b, ok := m.byName[name]
	if !ok {
		return nil
	}
	ids := b.devices(nil)
	slices.Sort(ids)
	return ids
}

func (b *bucket) devices(ids []int) []int {
	for _, i := range b.items {
		if i.sub == nil {
			ids = append(ids, i.id)
		} else {
			ids = i.sub.devices(ids)
		}
	}
	return ids
}

// BucketsOfType lists the names of all buckets of a type, sorted by id from -1 down.
func (m *Map) BucketsOfType(bucketType string) []string {
	rank := rankOf(bucketType)
	var names []string
	for _, b := range m.sorted() {
		if b.rank == rank {
			names = append(names, b.name)
		}
	}
	return names
}

func (m *Map) sorted() []*bucket {
	return slices.SortedFunc(maps.Values(m.buckets), func(a, b *bucket) int { return cmp.Compare(b.id, a.id) })
}

// Export returns the map in the client's words. Callers share it and must not change it.
func (m *Map) Export() ceph.CRUSHMap {
	if m.export == nil {
		m.export = &ceph.CRUSHMap{Buckets: m.exportBuckets(), Devices: m.exportDevices(), Rules: m.exportRules(), Types: slices.Clone(Types)}
	}
	return *m.export
}

func (m *Map) exportBuckets() []ceph.Bucket {
	out := make([]ceph.Bucket, 0, len(m.buckets))
	for _, b := range m.sorted() {
		items := make([]ceph.CRUSHItem, 0, len(b.items))
		for _, i := range b.items {
			items = append(items, ceph.CRUSHItem{ID: i.id, Weight: float64(i.heft()) / unit})
		}
		out = append(out, ceph.Bucket{ID: b.id, Name: b.name, Type: Types[b.rank], Weight: float64(b.weight()) / unit, Items: items})
	}
	return out
}

func (m *Map) exportDevices() []ceph.CRUSHDevice {
	out := make([]ceph.CRUSHDevice, 0, len(m.devices))
	for _, id := range slices.Sorted(maps.Keys(m.devices)) {
		out = append(out, ceph.CRUSHDevice{ID: id, Name: "osd." + strconv.Itoa(id), Class: m.devices[id].class})
	}
	return out
}

func (m *Map) exportRules() []ceph.CRUSHRule {
	out := make([]ceph.CRUSHRule, 0, len(m.rules))
	for _, r := range m.rules {
		out = append(out, *r)
	}
	return out
}
