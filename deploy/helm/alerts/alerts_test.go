package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// cases are series with which each alert fires, and others with which it does not, though they are near.
var cases = map[string]struct{ fires, silent []string }{
	"SeamountOperatorAbsent": {
		fires: []string{`leader_election_master_status{name="seamount-operator",pod="a"} 0x20`, `leader_election_master_status{name="seamount-csi-controller",pod="c"} 1x20`},
		silent: []string{`leader_election_master_status{name="seamount-operator",pod="a"} 1x9 0x30`,
			`leader_election_master_status{name="seamount-operator",pod="b"} 0x15 1x24`},
	},
	"SeamountCSIControllerAbsent": {
		fires:  []string{`leader_election_master_status{name="seamount-operator",pod="a"} 1x20`},
		silent: []string{`leader_election_master_status{name="seamount-csi-controller",pod="a"} 1x40`},
	},
	"SeamountTargetDown": {
		fires:  []string{`up{job="seamount/seamount-discover",pod="d-1",node="n1"} 0x20`},
		silent: []string{`up{job="seamount/seamount-discover",pod="d-1",node="n1"} 0x10 1x20`, `up{job="other",pod="x"} 0x30`},
	},
	"SeamountNotReady": {
		fires: []string{`seamount_condition{kind="StoragePool",namespace="seamount",name="fast",condition="Ready",status="False",reason="Unplaceable",pod="a"} 1x30`},
		silent: []string{`seamount_condition{kind="StoragePool",namespace="seamount",name="fast",condition="Ready",status="True",reason="Available",pod="a"} 1x30`,
			`seamount_condition{kind="StoragePool",namespace="seamount",name="slow",condition="Ready",status="False",reason="Unplaceable",pod="a"} 1x5`,
			`seamount_condition{kind="StoragePool",namespace="seamount",name="slow",condition="UpToDate",status="False",reason="Progressing",pod="a"} 1x40`},
	},
	"SeamountCephUnreachable": {
		fires: []string{`seamount_ceph_polls_total{namespace="seamount",cluster="main",pod="a"} 0+6x30`,
			`seamount_ceph_poll_failures_total{namespace="seamount",cluster="main",pod="a"} 0+6x30`},
		silent: []string{`seamount_ceph_polls_total{namespace="seamount",cluster="main",pod="a"} 0+6x30`,
			`seamount_ceph_poll_failures_total{namespace="seamount",cluster="main",pod="a"} 0+1x30`},
	},
	"SeamountCephStateStale": {
		fires:  []string{`seamount_ceph_snapshot_age_seconds{namespace="seamount",cluster="main",pod="a"} 0+60x20`},
		silent: []string{`seamount_ceph_snapshot_age_seconds{namespace="seamount",cluster="main",pod="a"} 0+60x8 5x20`},
	},
	"SeamountCephSlow": {
		fires:  []string{`seamount_ceph_snapshot_duration_seconds{namespace="seamount",cluster="main",pod="a"} 12x20`},
		silent: []string{`seamount_ceph_snapshot_duration_seconds{namespace="seamount",cluster="main",pod="a"} 9x40`},
	},
	"SeamountVolumeCallsFail": {
		fires: []string{`seamount_csi_call_seconds_count{driver="rbd.csi.seamount.dev",method="CreateVolume",code="Unavailable"} 0+3x40`,
			`seamount_csi_call_seconds_count{driver="rbd.csi.seamount.dev",method="CreateVolume",code="OK"} 0+1x40`},
		silent: []string{`seamount_csi_call_seconds_count{driver="rbd.csi.seamount.dev",method="CreateVolume",code="InvalidArgument"} 0+9x40`,
			`seamount_csi_call_seconds_count{driver="rbd.csi.seamount.dev",method="CreateVolume",code="Internal"} 0+3x40`},
	},
	"SeamountVolumesAmiss": {
		fires:  []string{`seamount_csi_audit_findings{namespace="seamount",cluster="main",pool="fast",reason="Orphaned"} 2x40`},
		silent: []string{`seamount_csi_audit_findings{namespace="seamount",cluster="main",pool="fast",reason="Orphaned"} 2x20 0x20`},
	},
	"SeamountDiskUnknown": {
		fires:  []string{`seamount_disks{state="Unknown",node="n1"} 1x40`},
		silent: []string{`seamount_disks{state="Unknown",node="n1"} 0x40`, `seamount_disks{state="Rejected",node="n1"} 4x40`},
	},
	"SeamountDiskHangs": {
		fires:  []string{`seamount_discover_stuck_readers{node="n1"} 1x20`},
		silent: []string{`seamount_discover_stuck_readers{node="n1"} 1x5 0x20`},
	},
	"SeamountDisksNotSeen": {
		fires:  []string{`seamount_discover_last_scan_timestamp_seconds{node="n1"} 0x20`},
		silent: []string{`seamount_discover_last_scan_timestamp_seconds{node="n1"} 0+60x40`},
	},
	"SeamountDisksNotReported": {
		fires:  []string{`seamount_discover_report_failures_total{node="n1"} 0+1x60`},
		silent: []string{`seamount_discover_report_failures_total{node="n1"} 0x20 3x40`},
	},
	"SeamountDiscoverNotConfined": {
		fires:  []string{`seamount_discover_confined{means="seccomp",node="n1"} 0x10`, `seamount_discover_confined{means="landlock",node="n1"} 0x10`},
		silent: []string{`seamount_discover_confined{means="seccomp",node="n1"} 1x10`, `seamount_discover_confined{means="landlock",node="n1"} 0x10`},
	},
	"SeamountCephHealthError": {
		fires:  []string{`ceph_health_status{namespace="seamount",cluster="main"} 2x10`},
		silent: []string{`ceph_health_status{namespace="seamount",cluster="main"} 2x3 1x40`},
	},
	"SeamountCephHealthWarning": {
		fires:  []string{`ceph_health_status{namespace="seamount",cluster="main"} 1x40`},
		silent: []string{`ceph_health_status{namespace="seamount",cluster="main"} 1x20 0x40`},
	},
	"SeamountCephFillsUp": {
		fires:  []string{`ceph_cluster_total_used_raw_bytes{namespace="seamount",cluster="main"} 76x40`, `ceph_cluster_total_bytes{namespace="seamount",cluster="main"} 100x40`},
		silent: []string{`ceph_cluster_total_used_raw_bytes{namespace="seamount",cluster="main"} 74x40`, `ceph_cluster_total_bytes{namespace="seamount",cluster="main"} 100x40`},
	},
	"SeamountFilesystemDown": {
		fires: []string{`ceph_health_detail{namespace="seamount",cluster="main",name="MDS_ALL_DOWN",severity="HEALTH_ERR"} 1x10`},
		silent: []string{`ceph_health_detail{namespace="seamount",cluster="main",name="FS_DEGRADED",severity="HEALTH_WARN"} 1x1 0x20`,
			`ceph_health_detail{namespace="seamount",cluster="main",name="OSD_DOWN",severity="HEALTH_WARN"} 1x20`},
	},
	"SeamountFilesystemDamaged": {
		fires:  []string{`ceph_health_detail{namespace="seamount",cluster="main",name="MDS_DAMAGE",severity="HEALTH_ERR"} 1x3`},
		silent: []string{`ceph_health_detail{namespace="seamount",cluster="main",name="MDS_DAMAGE",severity="HEALTH_ERR"} 0x20`},
	},
	"SeamountFilesystemNoStandby": {
		fires:  []string{`ceph_health_detail{namespace="seamount",cluster="main",name="MDS_INSUFFICIENT_STANDBY",severity="HEALTH_WARN"} 1x20`},
		silent: []string{`ceph_health_detail{namespace="seamount",cluster="main",name="MDS_INSUFFICIENT_STANDBY",severity="HEALTH_WARN"} 1x10 0x20`},
	},
}

var labelUsed = regexp.MustCompile(`\$labels\.(\w+)`)

func TestEachAlertFires(t *testing.T) {
	t.Parallel()
	all := rules(t)
	for name := range cases {
		if _, known := all[name]; !known {
			t.Errorf("there is no alert %s", name)
		}
	}
	for name, rule := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with, known := cases[name]
			if !known {
				t.Fatal("nothing makes it fire")
			}
			fired := fires(t, rule, with.fires...)
			if len(fired) != 1 {
				t.Fatalf("it fires %d times: %v", len(fired), fired)
			}
			for _, used := range labelUsed.FindAllStringSubmatch(rule.Annotations["description"], -1) {
				if fired[0].Get(used[1]) == "" {
					t.Errorf("its text has the label %s, which is not there: %s", used[1], fired[0])
				}
			}
			if silent := fires(t, rule, with.silent...); len(silent) > 0 {
				t.Errorf("it fires when it should not: %v", silent)
			}
		})
	}
}

// others are metrics that other people's code has: controller-runtime, Prometheus itself, and Ceph's mgr module prometheus.
var others = []string{"leader_election_master_status", "up", "ceph_health_status", "ceph_health_detail", "ceph_cluster_total_bytes", "ceph_cluster_total_used_raw_bytes"}

// TestMetricsExist: each metric in a rule is one that the code names.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	known := registered(t)
	for name, rule := range rules(t) {
		expr, err := syntax.ParseExpr(rule.Expr)
		if err != nil {
			t.Fatal(err)
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			selector, is := node.(*parser.VectorSelector)
			if !is {
				return nil
			}
			metric := strings.TrimSuffix(selector.Name, "_count") // of a histogram
			if !known[metric] && !slices.Contains(others, metric) {
				t.Errorf("%s: nothing has a metric %s", name, selector.Name)
			}
			return nil
		})
	}
}

var metricNamed = regexp.MustCompile(`"(seamount_[a-z_]+)"`)

// registered are the names of metrics in the source of the parts that serve them.
func registered(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, part := range []string{"csi", "discover", "operator"} {
		err := filepath.WalkDir(filepath.Join("../../..", part), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range metricNamed.FindAllStringSubmatch(string(text), -1) {
				known[found[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(known) < 10 {
		t.Fatalf("found %d metrics", len(known))
	}
	return known
}

const runbooks = "https://github.com/seamount-dev/seamount/blob/main/docs/runbooks/"

// TestRunbooks: each alert has one, and each of them an alert; each says what to know and what to do.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	all := rules(t)
	files, err := filepath.Glob("../../../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		written[name] = true
		if _, known := all[name]; !known {
			t.Errorf("%s is the runbook of no alert", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"# " + name + "\n", "\n## What it means\n", "\n## Impact\n", "\n## How to look\n", "\n## What to do\n"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q", file, strings.TrimSpace(part))
			}
		}
	}
	for name, rule := range all {
		if !written[name] || rule.Annotations["runbook_url"] != runbooks+name+".md" {
			t.Errorf("%s: runbook %s, written: %t", name, rule.Annotations["runbook_url"], written[name])
		}
		if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s: severity %q, summary %q, description %q", name, rule.Labels["severity"], rule.Annotations["summary"], rule.Annotations["description"])
		}
	}
}
