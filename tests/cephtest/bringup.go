//go:build linux

package cephtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
)

// seed makes all keys of the first daemons and of the admin. They lie in the
// mons' first keyring, so that no daemon has to wait for a mon to make its key.
func (c *Cluster) seed() []ceph.Entity {
	all := "allow *"
	c.admin = ceph.Entity{Name: "client.admin", Key: NewKey(), Caps: ceph.Caps{"mon": all, "mgr": all, "osd": all, "mds": all}}
	entities := []ceph.Entity{
		{Name: "mon.", Key: keys.New(keys.CipherOf(c.release.major)), Caps: ceph.Caps{"mon": all}},
		c.admin,
	}
	for i := range c.options.Mgrs {
		entities = append(entities, c.service("mgr", daemonID(i), ceph.Caps{"mon": "allow profile mgr", "osd": all, "mds": all}))
	}
	for i := range c.options.OSDs {
		entities = append(entities, c.service("osd", fmt.Sprint(i), ceph.Caps{"mon": "allow profile osd", "mgr": "allow profile osd", "osd": all}))
	}
	for i := range c.options.MDS {
		entities = append(entities, c.service("mds", daemonID(i), ceph.Caps{"mon": "allow profile mds", "mgr": "allow profile mds", "osd": all, "mds": all}))
	}
	return entities
}

func (c *Cluster) service(kind, id string, caps ceph.Caps) ceph.Entity {
	return ceph.Entity{Name: kind + "." + id, Key: keys.New(keys.CipherOf(c.release.major)), Caps: caps}
}

// startAll starts every daemon at once: an mgr and an OSD wait for the quorum
// by themselves, and making an OSD's disk needs no mon.
func (c *Cluster) startAll(ctx context.Context) error {
	entities := c.seed()
	if err := c.writeKeyrings(entities); err != nil {
		return err
	}
	if err := c.makeMonMap(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, id := range c.mons {
		g.Go(func() error { return c.startMon(ctx, id) })
	}
	for _, e := range entities[2:] {
		g.Go(func() error { return c.startService(ctx, e) })
	}
	return g.Wait()
}

func (c *Cluster) startService(ctx context.Context, e ceph.Entity) error {
	kind, id, _ := strings.Cut(e.Name, ".")
	if kind == "osd" {
		return c.startOSD(ctx, OSD{ID: id, UUID: newUUID(), Key: e.Key, Host: "node" + id})
	}
	if err := os.Mkdir(filepath.Join(c.dir, e.Name), 0o755); err != nil {
		return err
	}
	if err := writeKeyring(filepath.Join(c.dir, e.Name, "keyring"), e); err != nil {
		return err
	}
	return c.run(e.Name, "ceph-"+kind)
}

func (c *Cluster) writeKeyrings(entities []ceph.Entity) error {
	return errors.Join(
		writeKeyring(filepath.Join(c.dir, "seed.keyring"), entities...),
		writeKeyring(filepath.Join(c.dir, "client.keyring"), c.admin))
}

func (c *Cluster) makeMonMap(ctx context.Context) error {
	args := []string{"--create", "--fsid", c.fsid}
	if c.release.major >= 20 {
		// Clients of an older librados have aes keys, which its own default does not let in.
		args = append(args, "--auth-allowed-ciphers", "aes,aes256k")
	}
	for i, id := range c.mons {
		args = append(args, "--addv", id, c.addr.mon(i))
	}
	return c.tool(ctx, "", "monmaptool", append(args, c.inside("monmap"))...)
}

func (c *Cluster) startMon(ctx context.Context, id string) error {
	dir := "mon." + id
	if err := os.Mkdir(filepath.Join(c.dir, dir), 0o755); err != nil {
		return err
	}
	err := c.tool(ctx, "", "ceph-mon", "-c", c.inside("ceph.conf"), "--mkfs", "-i", id,
		"--monmap", c.inside("monmap"), "--keyring", c.inside("seed.keyring"))
	if err != nil {
		return err
	}
	seed, err := os.ReadFile(filepath.Join(c.dir, "seed.keyring"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, dir, "keyring"), seed, 0o600); err != nil {
		return err
	}
	return c.run(dir, "ceph-mon")
}

// OSD is one OSD that the cluster knows already, by its seed or by "osd new".
type OSD struct {
	ID   string // the number
	UUID string
	Key  ceph.Secret
	Host string // its CRUSH host
}

// AddOSD makes a disk for an OSD whose id, uuid and key are reserved, and
// starts it. It does not wait until the OSD is up.
func (c *Cluster) AddOSD(ctx context.Context, o OSD) error { return c.startOSD(ctx, o) }

func (c *Cluster) startOSD(ctx context.Context, o OSD) error {
	name := "osd." + o.ID
	d, err := c.newDisk(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.disks = append(c.disks, d)
	c.mu.Unlock()
	dir := filepath.Join(c.dir, name)
	err = errors.Join(os.Mkdir(dir, 0o755), os.Symlink(d.link, filepath.Join(dir, "block")))
	if err != nil {
		return err
	}
	if err := c.makeOSD(ctx, name, o); err != nil {
		return err
	}
	if err := writeKeyring(filepath.Join(dir, "keyring"), ceph.Entity{Name: name, Key: o.Key}); err != nil {
		return err
	}
	return c.run(name, "ceph-osd", "--crush-location=root=default host="+o.Host)
}

// makeOSD formats the disk. The key goes by stdin, and into the disk's label.
func (c *Cluster) makeOSD(ctx context.Context, name string, o OSD) error {
	return c.tool(ctx, o.Key.Reveal(), "ceph-osd", "-c", c.inside("ceph.conf"), "--mkfs", "--no-mon-config",
		"-i", o.ID, "--monmap", c.inside("monmap"), "--osd-data", c.inside(name),
		"--osd-uuid", o.UUID, "--osd-objectstore", "bluestore", "--keyfile", "-")
}

// tool runs one program of the release to its end.
func (c *Cluster) tool(ctx context.Context, stdin, name string, args ...string) error {
	_, err := output(c.release.command(ctx, c.dir, name, args...), stdin)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// output runs the command and returns its stdout; stderr is part of the error.
func output(cmd *exec.Cmd, stdin string) ([]byte, error) {
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := spawn(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	return []byte(out.String()), err
}
