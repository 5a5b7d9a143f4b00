package manifest

import (
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Setting is an option of Ceph for which Seamount has another default than Ceph, and why.
type Setting struct {
	Option, Value, Reason string
}

// cephs stands for Ceph's own default.
const cephs = "(Ceph's own)"

// profileSetting is a line of the table of resource profiles.
type profileSetting struct {
	daemons                     string // that read it, by component
	option                      string
	lean, balanced, performance string
	reason                      string
}

// everywhere is a line that is the same in all profiles.
func everywhere(daemons, option, value, reason string) profileSetting {
	return profileSetting{daemons, option, value, value, value, reason}
}

// lean is a line that only Lean has.
func lean(daemons, option, value, reason string) profileSetting {
	return profileSetting{daemons, option, value, cephs, cephs, reason}
}

// allDaemons read options of the messenger, of clients of the mons and of the log.
const allDaemons = "mon mgr osd mds"

// profileSettings is the table of the resource profiles. What costs nothing anywhere is in all of them; what trades
// throughput, or calm in a large cluster, for a smaller or quicker one is in Lean. Times and sizes are measured with
// three nodes on a machine of two cores.
var profileSettings = slices.Concat(containerSettings, startSettings, leanSettings, performanceSettings)

// containerSettings are for daemons in containers, whatever their size.
var containerSettings = []profileSetting{
	everywhere(allDaemons, "log_to_file", "false", "a container's log goes to its standard error; its root filesystem is read-only"),
	everywhere(allDaemons, "log_to_stderr", "true", "a container's log goes to its standard error"),
	everywhere(allDaemons, "err_to_stderr", "true", "a container's log goes to its standard error"),
	everywhere("mon", "mon_cluster_log_to_file", "false", "as log_to_file"),
	everywhere("mon", "mon_cluster_log_to_stderr", "true", "as log_to_stderr"),
	everywhere("mon", "auth_allow_insecure_global_id_reclaim", "false",
		"only clients from before 2021 need it, and Ceph warns while it is allowed"),
	everywhere("mon", "mon_data_avail_warn", "10",
		"the store shares the node's filesystem with images, of which kubelet keeps 85 % full; Ceph's 30 % is for a filesystem of its own"),
}

// startSettings shorten what every start waits for.
var startSettings = []profileSetting{
	{"osd", "bdev_aio_poll_ms", "5", "20", "20",
		"each close of a disk waits for one poll, a quarter of a second by Ceph's default: mkfs 2.3 s instead of 0.8 s, start 2.5 s longer; " +
			"20 keeps the wake-ups of an idle OSD at 50 a second"},
	{"mon", "paxos_propose_interval", "0.05", "0.25", "0.25",
		"a burst of changes, as when OSDs boot, waits so long for each next map; Ceph's second makes three commands take three seconds"},
	{"mon", "mon_election_timeout", "1", "2", "2",
		"a first round often misses one mon and then waits the whole time, 5 s by Ceph's default; a complete round does not wait"},
	{"mon", "mon_probe_timeout", "1", cephs, cephs, "a mon that starts asks the others again so often"},
	{allDaemons, "ms_connection_ready_timeout", "4", "4", "4",
		"a connection to the address of a pod that is gone hangs so long; with Ceph's 10 s every tenth bring-up lost 10 s"},
	{allDaemons, "mon_client_hunt_interval", "0.3", "1", "1",
		"a daemon tries the next mon after so long, 3 s by Ceph's default; each time it waits longer, or a mon that is slow to answer would never be waited for"},
}

// leanSettings make daemons small and quick, for a few disks a node.
var leanSettings = []profileSetting{
	lean("mon", "paxos_min_wait", "0.01", "as paxos_propose_interval, for the first change: commands of 50 ms"),
	lean("mon", "mgr_initial_modules", "", "modules that nobody asked for cost memory in the mgr"),
	lean(allDaemons, "ms_initial_backoff", "0.1", "a peer that restarts is back within a second; many OSDs would knock too often"),
	lean(allDaemons, "ms_max_backoff", "1", "as ms_initial_backoff"),
	lean(allDaemons, "ms_async_op_threads", "2", "one thread less in each daemon"),
	lean("mgr osd", "mgr_stats_period", "1", "clean PGs are seen after 1 s instead of 5; the mgr of many OSDs would drown"),
	lean("mgr", "mgr_tick_period", "1", "as mgr_stats_period"),
	lean("osd", "osd_op_num_shards", "1", "BlueStore probes the disk once a shard: start 1.5 s sooner, and less memory"),
	lean("osd", "osd_op_num_threads_per_shard", "2", "as osd_op_num_shards"),
	lean("osd", "osd_op_queue", "wpq", "the queue that needs no benchmark of the disk"),
	lean("osd", "osd_mclock_skip_benchmark", "true", "the benchmark at the first start takes 3 s, and measures neighbours on a shared disk"),
	lean("osd", "osd_mon_shutdown_timeout", "1", "a node that stops does not wait 5 s for mons that stop too"),
	lean("osd", "bluestore_cache_autotune", "false", "a fixed cache: 150 MB for an OSD under load instead of 350"),
	lean("osd", "bluestore_cache_size", "33554432", "as bluestore_cache_autotune"),
	lean("osd", "osd_min_pg_log_entries", "100", "the logs of PGs lie in memory; an OSD that was away for long copies more instead"),
	lean("osd", "osd_max_pg_log_entries", "500", "as osd_min_pg_log_entries"),
	lean("osd", "bluestore_rocksdb_options", "compression=kNoCompression,max_write_buffer_number=4,min_write_buffer_number_to_merge=1,"+
		"recycle_log_file_num=4,write_buffer_size=16777216,writable_file_max_buffer_size=0,compaction_readahead_size=2097152,"+
		"max_background_compactions=1,max_total_wal_size=67108864",
		"small buffers and logs: an empty OSD takes 27 MiB of its disk instead of 290"),
}

// performanceSettings are for fast disks in machines with cores to spare.
var performanceSettings = []profileSetting{
	{allDaemons, "ms_async_op_threads", cephs, cephs, "5", "more threads for the messenger, which becomes the limit on fast networks"},
	{"osd", "osd_op_num_threads_per_shard_ssd", cephs, cephs, "4", "more operations in flight than Ceph's 2 on disks that take them"},
	{"mon", "mon_memory_target", cephs, cephs, "4294967296", "a larger cache for the maps of many OSDs"},
}

// Settings lists the options of a kind of daemon for which the profile has a default of its own, in the order of the
// table. A value in Ceph's central configuration wins over each of them.
func Settings(profile v1alpha1.ResourceProfile, component string) []Setting {
	var settings []Setting
	for _, s := range profileSettings {
		value := s.value(profile)
		if value != cephs && slices.Contains(strings.Fields(s.daemons), component) {
			settings = append(settings, Setting{s.option, value, s.reason})
		}
	}
	return settings
}

func (s profileSetting) value(profile v1alpha1.ResourceProfile) string {
	switch profile {
	case v1alpha1.ProfileLean:
		return s.lean
	case v1alpha1.ProfilePerformance:
		return s.performance
	default:
		return s.balanced
	}
}

// arguments hands settings to a daemon as defaults, which every other source of configuration overrides. In ceph.conf
// they would win over the central configuration, and with that over what people set in spec.config.
func arguments(settings []Setting) []string {
	args := make([]string, 0, len(settings))
	for _, s := range settings {
		args = append(args, "--default-"+s.Option+"="+s.Value)
	}
	return args
}
