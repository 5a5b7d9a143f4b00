package crush

import (
	"math"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// Types lists the bucket types of a new Ceph cluster by rank.
var Types = []string{"osd", "host", "chassis", "rack", "row", "pdu", "pod", "room", "datacenter", "zone", "region", "root"}

// unit is CRUSH's weight of 1.0: weights are 16.16 fixed point.
const unit = 0x10000

// Map is the tree with its devices and rules. It is not safe for concurrent use.
type Map struct {
	buckets map[int]*bucket
	byName  map[string]*bucket
	devices map[int]*device
	rules   []*ceph.CRUSHRule // sorted by id
	lowest  int               // id of the newest bucket
	trees   map[string]*tree
	export  *ceph.CRUSHMap
}

type bucket struct {
	id     int
	name   string
	rank   int
	parent *bucket
	items  []item
}

// item is a child: a device (sub nil) or a bucket.
type item struct {
	id     int
	weight int64 // of a device; a bucket's is the sum of what is in it
	sub    *bucket
}

type device struct {
	id     int
	class  string
	parent *bucket // nil: known, but not in the tree
}

// New makes a map with the root "default" and no rule.
func New() *Map {
	m := &Map{buckets: map[int]*bucket{}, byName: map[string]*bucket{}, devices: map[int]*device{}}
	m.add("default", rankOf("root"))
	return m
}

func rankOf(bucketType string) int { return slices.Index(Types, bucketType) }

// changed drops what was derived from the tree.
func (m *Map) changed() { m.trees, m.export = nil, nil }

func (m *Map) add(name string, rank int) *bucket {
	m.lowest--
	b := &bucket{id: m.lowest, name: name, rank: rank}
	m.buckets[b.id], m.byName[name] = b, b
	m.changed()
	return b
}

// AddBucket makes a bucket outside of every tree.
func (m *Map) AddBucket(name, bucketType string) error {
	rank := rankOf(bucketType)
	if rank < 1 {
		return refusal.New(ceph.EINVAL, "type '%s' does not exist", bucketType)
	}
	if !validName(name) {
		return refusal.New(ceph.EINVAL, "invalid bucket name '%s'", name)
	}
	if b, ok := m.byName[name]; ok {
		if b.rank == rank {
			return nil
		}
		return refusal.New(ceph.EEXIST, "bucket '%s' already exists with type '%s'", name, Types[b.rank])
	}
	m.add(name, rank)
	return nil
}

// validName tells whether a bucket may have the name; those of OSDs are not for buckets.
func validName(name string) bool {
	return name != "" && !strings.HasPrefix(name, "osd.") && strings.Trim(name, nameRunes) == ""
}

const nameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// MoveBucket moves a bucket under the location, making what is missing of it.
func (m *Map) MoveBucket(name string, loc ceph.Location) error {
	b, ok := m.byName[name]
	if !ok {
		return refusal.New(ceph.ENOENT, "item %s does not exist", name)
	}
	to, err := m.ensure(loc, false)
	if err != nil {
		return err
	}
	for up := to; up != nil; up = up.parent {
		if up == b {
			return refusal.New(ceph.EINVAL, "cannot move bucket '%s' into itself", name)
		}
	}
	if b.parent == to {
		return nil
	}
	b.detach()
	to.items = append(to.items, item{id: b.id, sub: b})
	b.parent = to
	m.changed()
	return nil
}

func (b *bucket) detach() {
	if b.parent == nil {
		return
	}
	b.parent.drop(b.id)
	b.parent = nil
}

func (b *bucket) drop(id int) {
	b.items = slices.DeleteFunc(b.items, func(i item) bool { return i.id == id })
}

// RemoveBucket removes an empty bucket that no rule takes.
func (m *Map) RemoveBucket(name string) error {
	b, ok := m.byName[name]
	if !ok {
		return nil
	}
	if len(b.items) > 0 {
		return refusal.New(ceph.ENOTEMPTY, "(39) Directory not empty")
	}
	if slices.ContainsFunc(m.rules, func(r *ceph.CRUSHRule) bool { return r.Root == name }) {
		return refusal.New(ceph.EBUSY, "(16) Device or resource busy")
	}
	b.detach()
	delete(m.buckets, b.id)
	delete(m.byName, name)
	m.changed()
	return nil
}

// Place puts a device at the location with the weight, making missing buckets.
func (m *Map) Place(id int, weight float64, loc ceph.Location) error {
	if weight < 0 {
		return refusal.New(ceph.EINVAL, "weight %g must be non-negative", weight)
	}
	to, err := m.ensure(loc, true)
	if err != nil {
		return err
	}
	d := m.device(id)
	if d.parent != nil {
		d.parent.drop(id)
	}
	d.parent = to
	to.items = append(to.items, item{id: id, weight: int64(math.Round(weight * unit))})
	m.changed()
	return nil
}

func (m *Map) device(id int) *device {
	d, ok := m.devices[id]
	if !ok {
		d = &device{id: id}
		m.devices[id] = d
	}
	return d
}

// ensure returns the innermost bucket of the location, made where it is
// missing. An exact location must agree with where its buckets are.
func (m *Map) ensure(loc ceph.Location, exact bool) (*bucket, error) {
	if err := m.checkLocation(loc, exact); err != nil {
		return nil, err
	}
	var parent *bucket
	for _, level := range loc {
		b, ok := m.byName[level.Name]
		if !ok {
			b = m.add(level.Name, rankOf(level.Type))
			if parent != nil {
				parent.items = append(parent.items, item{id: b.id, sub: b})
				b.parent = parent
			}
		}
		parent = b
	}
	return parent, nil
}

func (m *Map) checkLocation(loc ceph.Location, exact bool) error {
	if len(loc) == 0 {
		return refusal.New(ceph.EINVAL, "the location is empty")
	}
	above := ""
	for _, level := range loc {
		rank := rankOf(level.Type)
		if rank < 1 || !validName(level.Name) {
			return refusal.New(ceph.EINVAL, "(22) Invalid argument: %s=%s in the location", level.Type, level.Name)
		}
		b, ok := m.byName[level.Name]
		if ok && b.rank != rank {
			return refusal.New(ceph.EINVAL, "bucket '%s' has type '%s', not '%s'", level.Name, Types[b.rank], level.Type)
		}
		if ok && exact && above != "" && (b.parent == nil || b.parent.name != above) {
			return refusal.New(ceph.EEXIST, "bucket '%s' exists at another place than under '%s'", level.Name, above)
		}
		above = level.Name
	}
	return nil
}

// RemoveDevice forgets a device.
func (m *Map) RemoveDevice(id int) {
	d, ok := m.devices[id]
	if !ok {
		return
	}
	if d.parent != nil {
		d.parent.drop(id)
	}
	delete(m.devices, id)
	m.changed()
}

// SetClass gives a device its class, in place of the one it has.
func (m *Map) SetClass(id int, class string) {
	if d := m.device(id); d.class != class {
		d.class = class
		m.changed()
	}
}

func (b *bucket) weight() int64 {
	var sum int64
	for _, i := range b.items {
		sum += i.heft()
	}
	return sum
}

func (i item) heft() int64 {
	if i.sub != nil {
		return i.sub.weight()
	}
	return i.weight
}
