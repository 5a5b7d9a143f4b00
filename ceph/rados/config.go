package rados

import (
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// Config says which cluster to connect to, as whom, and how patient to be.
type Config struct {
	// MonHosts are the addresses of some mons, each as Ceph's mon_host takes it:
	// 10.0.0.7, 10.0.0.7:3300, v2:10.0.0.7:3300, [v2:10.0.0.7:3300,v1:10.0.0.7:6789]
	// or a DNS name with or without a port. One that answers is enough.
	MonHosts []string
	// FSID is the cluster that is expected there. Empty: whichever answers.
	FSID string
	// Entity is the cephx user, such as client.admin; or mon., whose key opens a cluster of which no other key is left.
	Entity string
	// Key is the user's key.
	Key ceph.Secret

	Timeouts Timeouts
	Limits   Limits
}

// Timeouts say how long things may take. Zero means the default.
type Timeouts struct {
	// Call is the deadline of a call whose context has none. Default: 30 s.
	Call time.Duration
	// Connect is how long librados looks for a mon that answers in one attempt to
	// connect. As long as a call waits, one attempt follows another. Default: 5 s.
	Connect time.Duration
	// Mon is when librados ends a command to a mon that hangs. Default: 60 s.
	Mon time.Duration
	// OSD is when librados ends an operation on an OSD that hangs. An image's
	// operation consists of many. Default: 5 min.
	OSD time.Duration
}

// Limits bound what one cluster may cost, for each kind of call (mon, mgr, OSD,
// images) on its own. Zero means the default.
type Limits struct {
	// Concurrent is how many calls run at once; more of them wait. Default: 32.
	Concurrent int
	// Hung is how many calls may hang after their deadline before further ones
	// are refused. Those that run at that time may come on top. Default: 16. Each
	// holds a thread.
	Hung int
}

func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Call:    orDefault(t.Call, 30*time.Second),
		Connect: orDefault(t.Connect, 5*time.Second),
		Mon:     orDefault(t.Mon, time.Minute),
		OSD:     orDefault(t.OSD, 5*time.Minute),
	}
}

func (l Limits) withDefaults() Limits {
	return Limits{Concurrent: orDefault(l.Concurrent, 32), Hung: orDefault(l.Hung, 16)}
}

func orDefault[T time.Duration | int](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// prepare fills in the defaults and refuses what cannot work.
func (c Config) prepare() (Config, []endpoint, error) {
	c.Timeouts, c.Limits = c.Timeouts.withDefaults(), c.Limits.withDefaults()
	if err := c.check(); err != nil {
		return c, nil, err
	}
	endpoints, err := parseMonHosts(c.MonHosts)
	if err != nil {
		return c, nil, c.fail(ceph.ErrInvalid, err.Error(), nil)
	}
	if err := ceph.CheckKey(c.Key); err != nil {
		return c, nil, c.fail(ceph.ErrAuthentication, "the key of "+c.Entity+" cannot be used", err)
	}
	return c, endpoints, nil
}

// monEntity is the user that all mons share.
const monEntity = "mon."

func (c Config) check() error {
	_, name, typed := strings.Cut(c.Entity, "client.")
	switch {
	case c.Entity != monEntity && (!typed || name == "" || !strings.HasPrefix(c.Entity, "client.")):
		return c.fail(ceph.ErrInvalid, "the entity must be a client, such as client.admin", nil)
	case c.Timeouts.Call < 0 || c.Timeouts.Connect < 0 || c.Timeouts.Mon < 0 || c.Timeouts.OSD < 0:
		return c.fail(ceph.ErrInvalid, "a timeout is negative", nil)
	case c.Limits.Concurrent < 0 || c.Limits.Hung < 0:
		return c.fail(ceph.ErrInvalid, "a limit is negative", nil)
	}
	return nil
}

// fail makes the error of an attempt to connect.
func (c Config) fail(kind error, text string, err error) *ceph.Error {
	if err != nil && text != "" {
		text += ": " + err.Error()
	}
	return &ceph.Error{Op: "connect", Target: c.Entity, Kind: kind, Text: text, Err: err}
}
