//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// programs are where upstream's image has them, and have to be here too.
var programs = []string{
	"/usr/bin/ceph", "/usr/bin/ceph-authtool", "/usr/bin/ceph-bluestore-tool", "/usr/bin/ceph-fuse", "/usr/bin/ceph-mds",
	"/usr/bin/ceph-mgr", "/usr/bin/ceph-mon", "/usr/bin/ceph-monstore-tool", "/usr/bin/ceph-objectstore-tool", "/usr/bin/ceph-osd",
	"/usr/bin/crushtool", "/usr/bin/monmaptool", "/usr/bin/osdmaptool", "/usr/bin/rados", "/usr/bin/radosgw", "/usr/bin/radosgw-admin",
	"/usr/bin/rbd", "/usr/bin/rbd-nbd", "/usr/sbin/ceph-volume", "/bin/bash", "/bin/sh", "/usr/bin/awk",
}

// alwaysOn are the modules that ceph-mgr cannot be healthy without, and those
// that Seamount uses.
var alwaysOn = []string{
	"balancer", "crash", "devicehealth", "nfs", "orchestrator", "pg_autoscaler", "progress", "prometheus", "rbd_support",
	"snap_schedule", "status", "telemetry", "volumes",
}

// cephConf has Ceph warn of an operation that took the disk five seconds for a minute, which is a day by default: the disk is that
// of the machine, and may be busy with other things. A release that does not know these options yet ignores them.
const cephConf = `[global]
fsid = %[1]s
mon_host = [v2:%[2]s:3300/0,v1:%[2]s:6789/0]
public_addr = %[2]s
cluster_addr = %[2]s
auth_allow_insecure_global_id_reclaim = false
log_to_file = false
log_to_stderr = true
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_data_avail_warn = 2
mon_data_avail_crit = 1
bdev_aio_poll_ms = 5
osd_op_queue = wpq
osd_mclock_skip_benchmark = true
bluestore_slow_ops_warn_lifetime = 60
bdev_stalled_read_warn_lifetime = 60
`

// TestCephImageRuns starts a mon, a mgr with its default modules and an OSD on
// a loop device from each Ceph image, as upstream's user, and wants HEALTH_OK.
func TestCephImageRuns(t *testing.T) {
	for name, address := range map[string]string{"ceph-18": "127.0.77.18", "ceph-20": "127.0.77.20"} {
		t.Run(name, func(t *testing.T) {
			r := unpack(t, newBuilder(t, sharedCache(t), ""), name)
			for _, p := range programs {
				r.run("/usr/bin/test", "-x", p)
			}
			if got := strings.TrimSpace(r.run("id", "ceph")); !strings.HasPrefix(got, "uid=167(ceph) gid=167(ceph)") {
				t.Errorf("user ceph is %s, upstream's is 167:167", got)
			}
			c := cluster{r, address}
			c.startMon()
			c.startMgr()
			c.startOSD()
			c.wantHealthy()
			c.wantModules()
			c.wantData()
			r.run("ceph-volume", "raw", "list")
		})
	}
}

type cluster struct {
	root
	address string
}

func (c cluster) write(path, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, path), []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (c cluster) startMon() {
	fsid := uuid()
	c.write("etc/ceph/ceph.conf", fmt.Sprintf(cephConf, fsid, c.address))
	const keyring, seed = "/etc/ceph/ceph.client.admin.keyring", "/var/lib/ceph/tmp/seed"
	all := []string{"--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *", "--cap", "mds", "allow *"}
	c.run(append([]string{"ceph-authtool", "-C", keyring, "--gen-key", "-n", "client.admin"}, all...)...)
	c.run("ceph-authtool", "-C", seed, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
	c.run("ceph-authtool", seed, "--import-keyring", keyring)
	c.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", fmt.Sprintf("[v2:%[1]s:3300,v1:%[1]s:6789]", c.address), "/var/lib/ceph/tmp/monmap")
	c.run("chown", "-R", "ceph:ceph", "/var/lib/ceph/tmp")
	c.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "/var/lib/ceph/tmp/monmap", "--keyring", seed, "--setuser", "ceph", "--setgroup", "ceph")
	c.start("ceph-mon", "-f", "-i", "a", "--setuser", "ceph", "--setgroup", "ceph")
	eventually(c.t, tryLimit, "mon answers", func() (string, bool) {
		out, err := c.try("ceph", "--connect-timeout", "5", "mon", "stat")
		return out, err == nil
	})
}

// key makes the key of a daemon, in the directory where it looks for it.
func (c cluster) key(entity, dir string, caps ...string) {
	c.run("mkdir", "-p", dir)
	c.run(append([]string{"ceph", "auth", "get-or-create", entity, "-o", dir + "/keyring"}, caps...)...)
	c.run("chown", "-R", "ceph:ceph", dir)
}

func (c cluster) startMgr() {
	c.key("mgr.a", "/var/lib/ceph/mgr/ceph-a", "mon", "allow profile mgr", "osd", "allow *", "mds", "allow *")
	c.start("ceph-mgr", "-f", "-i", "a", "--setuser", "ceph", "--setgroup", "ceph")
}

// startOSD runs the OSD as root: the loop device belongs to root.
func (c cluster) startOSD() {
	const dir = "/var/lib/ceph/osd/ceph-0"
	device := loopDevice(c.t)
	id := uuid()
	if got := strings.TrimSpace(c.run("ceph", "osd", "new", id)); got != "0" {
		c.t.Fatalf("the first OSD is %q", got)
	}
	c.key("osd.0", dir, "mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *")
	c.run("ln", "-s", device, dir+"/block")
	c.run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", id, "--osd-objectstore", "bluestore")
	c.start("ceph-osd", "-f", "-i", "0")
}

func loopDevice(t *testing.T) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 2<<30); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "-f", "--show", disk).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup: %v: %s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", device).CombinedOutput(); err != nil {
			t.Errorf("detach %s: %v: %s", device, err, out)
		}
	})
	return device
}

func (c cluster) ask(answer any, args ...string) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run(append([]string{"ceph", "--format", "json"}, args...)...)), answer); err != nil {
		c.t.Fatalf("%v: %v", args, err)
	}
}

func (c cluster) wantHealthy() {
	eventually(c.t, tryLimit, "HEALTH_OK with an OSD and an active mgr", func() (string, bool) {
		var s struct {
			Health json.RawMessage `json:"health"`
			OSDMap struct {
				Up int `json:"num_up_osds"`
			} `json:"osdmap"`
			MgrMap struct {
				Available bool `json:"available"`
			} `json:"mgrmap"`
			PGMap struct {
				Pools int `json:"num_pools"`
			} `json:"pgmap"`
		}
		c.ask(&s, "status")
		healthy := strings.Contains(string(s.Health), `"HEALTH_OK"`)
		return string(s.Health), healthy && s.OSDMap.Up == 1 && s.MgrMap.Available && s.PGMap.Pools > 0
	})
}

func (c cluster) wantModules() {
	var dump struct {
		Modules []struct {
			Name   string `json:"name"`
			CanRun bool   `json:"can_run"`
			Error  string `json:"error_string"`
		} `json:"available_modules"`
	}
	c.ask(&dump, "mgr", "dump")
	var running []string
	for _, m := range dump.Modules {
		if m.CanRun {
			running = append(running, m.Name)
			continue
		}
		c.t.Logf("module %s cannot run: %s", m.Name, m.Error)
	}
	for _, name := range alwaysOn {
		if !slices.Contains(running, name) {
			c.t.Errorf("ceph-mgr cannot run its module %s", name)
		}
	}
	c.run("ceph", "fs", "volume", "ls") // answered by the module volumes
}

// wantData writes through librbd with each compression the image has plugins for.
func (c cluster) wantData() {
	c.run("ceph", "osd", "pool", "create", "data")
	c.run("rbd", "pool", "init", "data")
	for _, algorithm := range []string{"snappy", "zlib", "lz4", "zstd"} {
		c.run("ceph", "osd", "pool", "set", "data", "compression_mode", "force")
		c.run("ceph", "osd", "pool", "set", "data", "compression_algorithm", algorithm)
		c.run("rbd", "create", "data/"+algorithm, "--size", "64M")
		c.run("rbd", "bench", "--io-type", "write", "--io-size", "64K", "--io-total", "1M", "data/"+algorithm)
	}
	out := c.run("ceph", "health", "detail")
	if strings.Contains(out, "BLUESTORE_NO_COMPRESSION") {
		c.t.Errorf("an OSD cannot load a compression plugin: %s", out)
	}
}
