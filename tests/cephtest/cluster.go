//go:build linux

package cephtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// Cluster is a running Ceph. Its methods are safe for concurrent use.
type Cluster struct {
	options Options
	release release
	dir     string
	lock    *os.File // on the directory; says that its cluster lives
	addr    *address
	fsid    string
	admin   ceph.Entity

	mu      sync.Mutex
	daemons map[string]*daemon
	disks   []*disk
	mons    []string // in the order of their ports
}

// Start makes a cluster, waits until it is HEALTH_OK, and ends it with the test.
// What cannot be is fatal for the test, with the words of the daemons' logs.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := New(t.Context(), o)
	if err != nil {
		t.Fatalf("start ceph: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("end ceph: %v", err)
		}
	})
	return c
}

// New makes a cluster and waits until it is HEALTH_OK. Close ends it.
func New(ctx context.Context, o Options) (*Cluster, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.ReadyTimeout)
	defer cancel()
	r, err := findRelease(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, release: r, fsid: newUUID(), daemons: map[string]*daemon{}}
	if err := c.bringUp(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w%s", err, c.logTails()), c.Close())
	}
	return c, nil
}

func (c *Cluster) bringUp(ctx context.Context) error {
	if err := c.prepare(); err != nil {
		return err
	}
	if err := c.startAll(ctx); err != nil {
		return err
	}
	if err := c.muteOldKeys(ctx); err != nil {
		return err
	}
	return c.WaitHealthy(ctx)
}

// prepare makes the directory and what lies in it before any daemon runs.
func (c *Cluster) prepare() (err error) {
	if c.addr, err = reserveAddress(); err != nil {
		return err
	}
	if c.dir, c.lock, err = newDirectory(); err != nil {
		return err
	}
	for i := range c.options.Mons {
		c.mons = append(c.mons, daemonID(i))
	}
	return errors.Join(c.writeConf(), c.linkModules())
}

// Close kills all daemons and removes the directory and the disks.
func (c *Cluster) Close() error {
	errs := []error{c.killAll()}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.disks {
		errs = append(errs, d.close())
	}
	c.disks = nil
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir), c.lock.Close())
		c.dir = ""
	}
	if c.addr != nil {
		errs = append(errs, c.addr.release())
		c.addr = nil
	}
	return errors.Join(errs...)
}

// FSID returns the cluster's id.
func (c *Cluster) FSID() string { return c.fsid }

// Release returns Ceph's major version, such as 16.
func (c *Cluster) Release() int { return c.release.major }

// Address returns the loopback address that every daemon listens on.
func (c *Cluster) Address() string { return c.addr.ip }

// Admin returns the name and the key of a user that may do everything.
func (c *Cluster) Admin() ceph.Entity { return c.admin }

// MonHosts returns the addresses of all mons, as mon_host takes them.
func (c *Cluster) MonHosts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.monHosts()
}

func (c *Cluster) monHosts() []string {
	hosts := make([]string, len(c.mons))
	for i := range c.mons {
		hosts[i] = c.addr.mon(i)
	}
	return hosts
}

// Dir returns the cluster's directory on this machine.
func (c *Cluster) Dir() string { return c.dir }

// inside returns a path in the cluster's directory as the release's programs see it.
func (c *Cluster) inside(elem ...string) string {
	return filepath.Join(append([]string{c.release.inside(c.dir)}, elem...)...)
}

// daemonID names the i-th mon, mgr or MDS: a, b, c, ...
func daemonID(i int) string { return string(rune('a' + i)) }

// newUUID makes a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
