//go:build linux

package cephtest

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// fastSettings make daemons start soon on a small machine; most cut a wait
// that is there for real disks or real networks.
var fastSettings = map[string]string{
	// A mon proposes at once instead of collecting changes for a second.
	"paxos_propose_interval": "0.05",
	"paxos_min_wait":         "0.01",
	// Elections, probes and reconnects wait seconds for peers that answer in microseconds here.
	"mon_election_timeout":               "1",
	"mon_probe_timeout":                  "1",
	"ms_initial_backoff":                 "0.1",
	"ms_max_backoff":                     "1",
	"ms_connection_ready_timeout":        "4",
	"mon_client_hunt_interval":           "0.3",
	"mgr_tick_period":                    "1",
	"mgr_stats_period":                   "1",
	"osd_mon_shutdown_timeout":           "1",
	"mon_osd_min_down_reporters":         "1",
	"osd_heartbeat_grace":                "10",
	"bdev_aio_poll_ms":                   "5", // each close of a disk waits a quarter of a second otherwise
	"osd_op_num_shards":                  "1", // BlueStore probes the disk once per shard
	"osd_op_num_threads_per_shard":       "2",
	"osd_op_queue":                       "wpq",
	"osd_mclock_skip_benchmark":          "true",
	"ms_async_op_threads":                "2",
	"bluestore_cache_autotune":           "false",
	"bluestore_cache_size":               "33554432",
	"osd_memory_target":                  "939524096",
	"osd_min_pg_log_entries":             "100",
	"osd_max_pg_log_entries":             "500",
	"mds_cache_memory_limit":             "134217728",
	"bdev_enable_discard":                "true", // a deleted object shrinks the sparse file again
	"bdev_async_discard":                 "true",
	"osd_pool_default_pg_num":            "8",
	"osd_pool_default_pgp_num":           "8",
	"osd_pool_default_pg_autoscale_mode": "off",
	"mon_max_pg_per_osd":                 "1000",
	"mon_data_avail_warn":                "1",
	"mon_data_avail_crit":                "0",
	"mon_warn_on_pool_no_redundancy":     "false",
	// Ceph warns of a single operation that took five seconds for a day: on a disk that stalls now and then HEALTH_OK would
	// not come any more. A release that does not know of it passes over it in ceph.conf.
	"bluestore_slow_ops_warn_lifetime": "60",
	"bdev_stalled_read_warn_lifetime":  "60",
	// RocksDB preallocates its log: 290 MiB of an empty OSD without this, 27 MiB with it.
	"bluestore_rocksdb_options": "compression=kNoCompression,max_write_buffer_number=4,min_write_buffer_number_to_merge=1," +
		"recycle_log_file_num=4,write_buffer_size=16777216,writable_file_max_buffer_size=0," +
		"compaction_readahead_size=2097152,max_background_compactions=1,max_total_wal_size=67108864",
}

// daemonConf is the configuration of the daemons, with paths as they see them.
func (c *Cluster) daemonConf() string {
	in := c.release.inside(c.dir)
	global := map[string]string{
		"fsid":                                  c.fsid,
		"mon_host":                              strings.Join(c.monHosts(), " "),
		"auth_cluster_required":                 "cephx",
		"auth_service_required":                 "cephx",
		"auth_client_required":                  "cephx",
		"auth_allow_insecure_global_id_reclaim": "false",
		"public_addr":                           c.addr.ip,
		"cluster_addr":                          c.addr.ip,
		"run_dir":                               path.Join(in, "run"),
		"crash_dir":                             path.Join(in, "crash"),
		// Without a socket the thread that answers "ceph tell" does not run either.
		"admin_socket":              path.Join(in, "run", "$name.asok"),
		"log_to_file":               "false",
		"log_to_stderr":             "true",
		"mgr_module_path":           path.Join(in, "modules"),
		"mgr_initial_modules":       "",
		"osd_pool_default_size":     fmt.Sprint(min(max(c.options.OSDs, 1), 3)),
		"osd_pool_default_min_size": fmt.Sprint(min(max(c.options.OSDs-1, 1), 2)),
	}
	if c.options.OSDs <= 1 { // else nobody may have a single copy, as in a real cluster
		global["mon_allow_pool_size_one"] = "true"
	}
	if c.options.OSDs == 0 { // else it is HEALTH_OK only until the mgr has given up waiting for OSDs, four seconds
		global["mon_warn_on_too_few_osds"] = "false"
	}
	maps.Copy(global, fastSettings)
	maps.Copy(global, c.options.Config)
	var b strings.Builder
	writeSection(&b, "global", global)
	for _, kind := range []string{"mon", "mgr", "osd", "mds"} {
		dir := path.Join(in, kind+".$id")
		writeSection(&b, kind, map[string]string{kind + "_data": dir, "keyring": path.Join(dir, "keyring")})
	}
	return b.String()
}

func writeSection(b *strings.Builder, name string, options map[string]string) {
	fmt.Fprintf(b, "[%s]\n", name)
	for _, k := range slices.Sorted(maps.Keys(options)) {
		fmt.Fprintf(b, "%s = %s\n", k, options[k])
	}
}

// clientConf is the configuration of the command line tools.
func (c *Cluster) clientConf() string {
	var b strings.Builder
	writeSection(&b, "global", map[string]string{
		"fsid":        c.fsid,
		"mon_host":    strings.Join(c.monHosts(), " "),
		"keyring":     path.Join(c.release.inside(c.dir), "client.keyring"),
		"log_to_file": "false",
	})
	return b.String()
}

func (c *Cluster) writeConf() error {
	if err := os.WriteFile(filepath.Join(c.dir, "ceph.conf"), []byte(c.daemonConf()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "client.conf"), []byte(c.clientConf()), 0o600)
}

// modules are the mgr modules that Ceph cannot be without (it is HEALTH_ERR
// otherwise) and one to switch on and off. Each more costs start time and memory.
var modules = []string{
	"balancer", "crash", "devicehealth", "orchestrator", "pg_autoscaler", "progress",
	"rbd_support", "status", "telemetry", "volumes", "iostat",
}

// linkModules makes the mgr's module directory.
func (c *Cluster) linkModules() error {
	const from = "/usr/share/ceph/mgr"
	libraries, err := filepath.Glob(filepath.Join(c.release.path(from), "*.py"))
	if err != nil {
		return err
	}
	names := modules
	for _, l := range libraries {
		names = append(names[:len(names):len(names)], filepath.Base(l))
	}
	for _, n := range names {
		if err := os.Symlink(path.Join(from, n), filepath.Join(c.dir, "modules", n)); err != nil {
			return err
		}
	}
	if c.release.major != 18 {
		return nil
	}
	return os.WriteFile(filepath.Join(c.dir, "modules", "bcrypt.py"), []byte(bcryptStub), 0o644)
}

// bcryptStub stands in for a module of Rust that cannot be loaded into the
// sub-interpreters of an 18.2 mgr on Python 3.13, so that no mgr module loads:
// "PyO3 modules do not yet support subinterpreters". Only the dashboard calls it.
const bcryptStub = `def gensalt(*args, **kwargs):
    raise RuntimeError("bcrypt is not available")


def hashpw(*args, **kwargs):
    raise RuntimeError("bcrypt is not available")
`
