package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// osd is one entry of the osdmap together with its daemon and its disk.
type osd struct {
	id       int
	uuid     string
	up       bool
	weight   float64 // reweight: 0 is out
	affinity float64
	fresh    bool // Ceph's "new": never booted
	destroyed,
	autoOut bool
	flags map[string]bool // noup, nodown, noin, noout of this OSD

	daemon  OSDDaemon
	addrs   []ceph.Address
	devices []string
	running bool
	diedAt  time.Time // the daemon
	downAt  time.Time // in the map

	base     int64 // bytes that belong to no PG
	data     int64 // bytes of PGs
	incoming int64 // bytes that recovery will still bring
	pgs      int   // PGs that it serves
	copies   int   // of PGs on its disk
	leading, // recoveries that this OSD leads
	receiving int // recoveries that write to this OSD
}

func (o *osd) name() string   { return "osd." + strconv.Itoa(o.id) }
func (o *osd) in() bool       { return o.weight > 0 }
func (o *osd) used() int64    { return o.base + o.data }
func (o *osd) total() int64   { return o.daemon.Size }
func (o *osd) booted() bool   { return o.daemon.Size > 0 }
func (o *osd) ratio() float64 { return o.ratioWith(0) }

// ratioWith is how full the OSD were with more bytes.
func (o *osd) ratioWith(more int64) float64 {
	if o.total() == 0 {
		return 0
	}
	return float64(o.used()+more) / float64(o.total())
}

func (o *osd) available() int64 { return max(0, o.total()-o.used()) }

// osdmap is what concerns all OSDs.
type osdmap struct {
	epoch          int64
	flags          map[string]bool
	groupFlags     map[string]map[string]bool // by CRUSH bucket or device class
	requireRelease string
	full           float64
	backfillFull   float64
	nearFull       float64
}

func newOSDMap(r release) osdmap {
	return osdmap{
		epoch: 1, requireRelease: r.name, full: 0.95, backfillFull: 0.90, nearFull: 0.85,
		flags:      map[string]bool{"sortbitwise": true, "recovery_deletes": true, "purged_snapdirs": true, "pglog_hardlimit": true},
		groupFlags: map[string]map[string]bool{},
	}
}

// osd finds an OSD, nil if there is none of the id.
func (c *Cluster) osd(id int) *osd {
	if id < 0 || id >= len(c.osds) {
		return nil
	}
	return c.osds[id]
}

// allOSDs lists the OSDs that exist, by id.
func (c *Cluster) allOSDs() []*osd {
	all := make([]*osd, 0, len(c.osds))
	for _, o := range c.osds {
		if o != nil {
			all = append(all, o)
		}
	}
	return all
}

// isUp tells whether an OSD can serve PGs as far as the map knows.
func (c *Cluster) isUp(id int32) bool {
	o := c.osd(int(id))
	return o != nil && o.up
}

// addOSD makes the entry of an OSD that is new.
func (c *Cluster) addOSD(id int, uuid string) *osd {
	if missing := id + 1 - len(c.osds); missing > 0 {
		c.osds = append(c.osds, make([]*osd, missing)...)
	}
	o := &osd{id: id, uuid: uuid, fresh: true, weight: 1, affinity: 1, flags: map[string]bool{}}
	c.osds[id] = o
	c.osdmap.epoch++
	return o
}

func (c *Cluster) freeOSDID() int {
	if id := slices.Index(c.osds, nil); id >= 0 {
		return id
	}
	return len(c.osds)
}

// touch notes a change of an OSD's state for placement.
func (c *Cluster) touch(o *osd) {
	c.osdmap.epoch++
	c.data.touch(o.id)
}

// boot marks a daemon that runs up, if nothing forbids it.
func (c *Cluster) boot(o *osd) {
	if o.up || !o.running || o.destroyed || !c.quorate() || c.flagged(o, "noup") {
		return
	}
	o.up = true
	if o.fresh && c.flagged(o, "noin") {
		c.setWeight(o, 0)
	}
	if o.autoOut && !c.flagged(o, "noin") {
		c.setWeight(o, 1)
	}
	if o.fresh {
		c.data.all = true
	}
	o.fresh = false
	c.touch(o)
}

// bootWaiting boots what could not boot before.
func (c *Cluster) bootWaiting() {
	for _, o := range c.allOSDs() {
		c.boot(o)
	}
}

func (c *Cluster) setWeight(o *osd, w float64) {
	if o.weight == w && !o.autoOut {
		return
	}
	if w > o.weight {
		c.data.all = true
	}
	o.weight, o.autoOut = w, false
	c.touch(o)
}

// markDown takes an OSD out of service and plans for it to be marked out.
func (c *Cluster) markDown(o *osd) {
	if !o.up {
		return
	}
	o.up = false
	c.touch(o)
	downed := c.clock.now
	o.downAt = downed
	c.after(c.secondsOption("mon", "mon_osd_down_out_interval", 600), func() { c.maybeOut(o, downed) })
}

// monTick is how often the mon looks whether something is due.
const monTick = 5 * time.Second

// maybeOut marks an OSD out that stayed down, as soon as nothing forbids it.
func (c *Cluster) maybeOut(o *osd, downed time.Time) {
	gone := c.osd(o.id) != o
	if gone || o.up || !o.in() || !o.downAt.Equal(downed) {
		return
	}
	if !c.quorate() || c.flagged(o, "noout") || c.tooFewIn() || c.subtreeDown(o) {
		c.after(monTick, func() { c.maybeOut(o, downed) })
		return
	}
	c.setWeight(o, 0)
	o.autoOut = true
}

// tooFewIn is Ceph's brake: below mon_osd_min_in_ratio nothing is marked out by itself.
func (c *Cluster) tooFewIn() bool {
	in, all := 0, 0
	for _, o := range c.allOSDs() {
		all++
		if o.in() {
			in++
		}
	}
	return float64(in) < c.floatOption("mon", "mon_osd_min_in_ratio", 0.75)*float64(all)
}

// subtreeDown is Ceph's other brake: a whole rack that is down is not marked
// out, for it will come back as a whole (mon_osd_down_out_subtree_limit).
func (c *Cluster) subtreeDown(o *osd) bool {
	limit := c.option("mon", "mon_osd_down_out_subtree_limit", "rack")
	for _, level := range c.crush.Location(o.id) {
		if level.Type == limit {
			return !slices.ContainsFunc(c.crush.DevicesUnder(level.Name), func(id int) bool { return c.isUp(int32(id)) })
		}
	}
	return false
}

// crashReport is how soon peers report an OSD whose socket was closed.
const crashReport = 500 * time.Millisecond

// reportTimeout is when the mon gives up on an OSD that nobody reports.
const reportTimeout = 900 * time.Second

// died notes that a daemon ended without a word. Its peers report it after the grace.
func (c *Cluster) died(o *osd, grace time.Duration, reporters int) {
	if !o.running {
		return
	}
	o.running = false
	died := c.clock.now
	o.diedAt = died
	c.after(grace, func() { c.maybeDown(o, died, reporters) })
}

func (c *Cluster) maybeDown(o *osd, died time.Time, reporters int) {
	if c.osd(o.id) != o || o.running || !o.up || !o.diedAt.Equal(died) {
		return
	}
	overdue := c.clock.now.Sub(died) >= reportTimeout
	if !c.quorate() || c.flagged(o, "nodown") || !overdue && c.reporters(o) < reporters {
		c.after(monTick, func() { c.maybeDown(o, died, reporters) })
		return
	}
	c.markDown(o)
}

// reporters counts the hosts that could tell the mon of a dead OSD.
func (c *Cluster) reporters(dead *osd) int {
	hosts := map[string]bool{}
	for _, o := range c.allOSDs() {
		if o != dead && o.running && o.up {
			hosts[o.daemon.Host] = true
		}
	}
	return len(hosts)
}

// forget removes an OSD and what lay on its disk.
func (c *Cluster) forget(o *osd) {
	c.dropCopies(int32(o.id))
	o.up, o.running = false, false
	c.touch(o)
	c.osds[o.id] = nil
	c.data.all = true
}
