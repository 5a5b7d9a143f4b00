package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// OSDDaemon is an OSD's process with its disk, as it reports itself.
type OSDDaemon struct {
	Host     string
	Location ceph.Location // empty: root=default host=<Host>
	Size     int64         // bytes (0: 1 TiB)
	Class    string        // empty: hdd
	Version  string        // empty: the cluster's release
	Device   string        // kernel name (empty: sd<letter>)
	DeviceID string        // vendor_model_serial (empty: one of its own)
	UUID     string        // must be the one of NewOSD; empty: it is
	Key      ceph.Secret   // must be the user's key; zero: it is
}

const tebibyte = 1 << 40

// baseUse is what an empty BlueStore takes.
const baseUse = 27 * mebibyte

type host struct {
	name   string
	number int
	osds   int // that were ever started here
}

func (c *Cluster) host(name string) *host {
	h, ok := c.hosts[name]
	if !ok {
		h = &host{name: name, number: len(c.hosts)}
		c.hosts[name] = h
	}
	return h
}

func (h *host) ip() string {
	n := h.number + 1
	return fmt.Sprintf("10.%d.%d.%d", 1+n>>16, n>>8&255, n&255)
}

// StartOSD starts an OSD's daemon, which must have a user (NewOSD, or the seed
// keyring). A daemon without a host is the one that ran before; it may name
// another version.
func (c *Cluster) StartOSD(id int, d OSDDaemon) error {
	defer c.enter()()
	return c.startOSD(id, d)
}

func (c *Cluster) startOSD(id int, d OSDDaemon) error {
	o, err := c.startable(id, &d)
	if err != nil {
		return err
	}
	if o.running {
		return nil
	}
	if d.Host != o.daemon.Host || len(o.addrs) == 0 {
		c.address(o, &d)
	}
	if !o.booted() {
		o.base = min(baseUse, d.Size/20)
	}
	o.daemon, o.running = d, true
	c.describeDevice(o)
	if err := c.updateCRUSH(o); err != nil {
		return err
	}
	c.boot(o)
	return nil
}

// startable finds or makes the OSD's entry and fills in the daemon's defaults.
func (c *Cluster) startable(id int, d *OSDDaemon) (*osd, error) {
	o := c.osd(id)
	if o != nil && d.Host == "" {
		d.inherit(o.daemon)
	}
	d.fill(c)
	if d.Host == "" {
		return nil, fmt.Errorf("osd.%d: the daemon has no host", id)
	}
	if err := c.checkDaemon(id, o, d); err != nil {
		return nil, err
	}
	if o == nil {
		o = c.addOSD(id, d.UUID)
	}
	d.UUID, d.Key = "", ceph.Secret{}
	return o, nil
}

// inherit takes what ran before, but for a version that was named.
func (d *OSDDaemon) inherit(before OSDDaemon) {
	version := d.Version
	*d = before
	if version != "" {
		d.Version = version
	}
}

func (d *OSDDaemon) fill(c *Cluster) {
	orDefault(&d.Size, tebibyte)
	orDefault(&d.Class, "hdd")
	orDefault(&d.Version, c.release.version)
}

func (c *Cluster) checkDaemon(id int, o *osd, d *OSDDaemon) error {
	user, ok := c.users[fmt.Sprintf("osd.%d", id)]
	if !ok || !d.Key.IsZero() && !user.Key.Equal(d.Key) {
		return &ceph.Error{Op: "osd boot", Target: fmt.Sprintf("osd.%d", id), Kind: ceph.ErrAuthentication}
	}
	if o == nil {
		orDefault(&d.UUID, c.chance.uuid("osd"))
	}
	if o != nil && d.UUID != "" && d.UUID != o.uuid {
		return fmt.Errorf("osd.%d: the disk has uuid %s, the map has %s", id, d.UUID, o.uuid)
	}
	if o != nil && o.destroyed {
		return fmt.Errorf("osd.%d is destroyed: reserve it with NewOSD first", id)
	}
	if required, _ := releaseNumber(c.osdmap.requireRelease); majorOf(d.Version) < required {
		return fmt.Errorf("osd.%d: version %s is older than require_osd_release %s", id, d.Version, c.osdmap.requireRelease)
	}
	return nil
}

// address gives the daemon ports and a disk on its host.
func (c *Cluster) address(o *osd, d *OSDDaemon) {
	h := c.host(d.Host)
	port := 6800 + 8*h.osds
	h.osds++
	o.addrs = []ceph.Address{
		{Type: "v2", Addr: fmt.Sprintf("%s:%d", h.ip(), port), Nonce: int64(o.id) + 1},
		{Type: "v1", Addr: fmt.Sprintf("%s:%d", h.ip(), port+1), Nonce: int64(o.id) + 1},
	}
	orDefault(&d.Device, "sd"+letters(h.osds))
}

// letters counts a, b, ... z, aa, ab as the kernel names disks.
func letters(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return s
}

func (c *Cluster) describeDevice(o *osd) {
	orDefault(&o.daemon.DeviceID, fmt.Sprintf("SIM_%s_%08d", strings.ToUpper(o.daemon.Class), o.id))
	o.devices = []string{o.daemon.Device + "=" + o.daemon.DeviceID}
}

// updateCRUSH is osd_crush_update_on_start: the daemon sees to its own place and class.
func (c *Cluster) updateCRUSH(o *osd) error {
	if !c.boolOption("osd", "osd_crush_update_on_start", true) {
		return nil
	}
	d := o.daemon
	loc := d.Location
	if len(loc) == 0 {
		loc = ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: d.Host}}
	}
	if !c.crush.InTree(o.id) || !slices.Equal(c.crush.Location(o.id), loc) {
		weight := float64(d.Size) / tebibyte
		if err := c.crush.Place(o.id, weight, loc); err != nil {
			return err
		}
		c.data.all = true
	}
	if c.crush.Class(o.id) == "" {
		c.crush.SetClass(o.id, d.Class)
		c.data.all = true
	}
	return nil
}

// StopOSD ends a daemon in order: it tells the mon, which marks it down at once.
func (c *Cluster) StopOSD(id int) {
	defer c.enter()()
	o := c.osd(id)
	if o == nil {
		return
	}
	c.died(o, crashReport, 1)
	if c.quorate() && !c.flagged(o, "nodown") {
		c.markDown(o)
	}
}

// CrashOSD ends a daemon without a word. Its peers notice within a second.
func (c *Cluster) CrashOSD(id int) {
	defer c.enter()()
	if o := c.osd(id); o != nil {
		c.died(o, crashReport, 1)
	}
}

// PowerOff takes a host off the net with all its OSDs. Two other hosts have to
// report them, after the heartbeat grace.
func (c *Cluster) PowerOff(host string) {
	defer c.enter()()
	grace := c.secondsOption("osd", "osd_heartbeat_grace", 20)
	for _, o := range c.osdsOf(host) {
		c.died(o, grace, c.intOption("mon", "mon_osd_min_down_reporters", 2))
	}
}

// PowerOn starts all OSDs of a host that have a place on it.
func (c *Cluster) PowerOn(host string) error {
	defer c.enter()()
	for _, o := range c.osdsOf(host) {
		if o.destroyed || o.running {
			continue
		}
		if err := c.startOSD(o.id, OSDDaemon{}); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) osdsOf(host string) []*osd {
	var here []*osd
	for _, o := range c.allOSDs() {
		if o.daemon.Host == host {
			here = append(here, o)
		}
	}
	return here
}

// Host asks for a host with OSDs that are all alike.
type Host struct {
	Name     string
	Location ceph.Location // of the host itself (empty: root=default)
	OSDs     int
	Size     int64
	Class    string
	Version  string
}

// AddHost adds a host with its OSDs, each reserved and started. It returns their ids.
func (c *Cluster) AddHost(h Host) ([]int, error) {
	defer c.enter()()
	loc := h.Location
	if len(loc) == 0 {
		loc = ceph.Location{{Type: "root", Name: "default"}}
	}
	loc = append(slices.Clone(loc), ceph.LocationLevel{Type: "host", Name: h.Name})
	var ids []int
	for range h.OSDs {
		o := c.addOSD(c.freeOSDID(), c.chance.uuid("osd"))
		c.addUser(ceph.Entity{Name: o.name(), Caps: osdCaps})
		d := OSDDaemon{Host: h.Name, Location: loc, Size: h.Size, Class: h.Class, Version: h.Version}
		if err := c.startOSD(o.id, d); err != nil {
			return ids, err
		}
		ids = append(ids, o.id)
	}
	return ids, nil
}

// osdCaps are what an OSD's user may do.
var osdCaps = ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"}

// FillOSD puts bytes on an OSD that belong to no PG, until it is as full as the ratio says.
func (c *Cluster) FillOSD(id int, ratio float64) {
	defer c.enter()()
	c.settle()
	if o := c.osd(id); o != nil {
		o.base = max(0, int64(ratio*float64(o.total()))-o.data)
		c.recovery.stale = true
	}
}

// downAgain is how long a daemon that runs stays down after it was marked down.
const downAgain = time.Second
