package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

var update = flag.Bool("update", false, "write the golden files anew")

func healthy() *ceph.Snapshot {
	return &ceph.Snapshot{
		Took: 12345 * time.Microsecond, Commands: 12,
		FSID:     "7f6a9f42-0c2a-4a59-a1a6-9d6f1a6e4b11",
		Quorum:   ceph.QuorumStatus{Leader: "a", InQuorum: []string{"a"}, Mons: []ceph.Mon{{Name: "a"}}},
		Mgr:      ceph.MgrMap{Active: "x", Available: true},
		Health:   ceph.HealthReport{Status: ceph.HealthOK},
		OSDs:     []ceph.OSD{{ID: 0, Up: true, In: true}},
		PGs:      ceph.PGSummary{Total: 9, ByState: []ceph.PGStateCount{{State: "active+clean", Count: 9}}},
		Capacity: ceph.Capacity{TotalBytes: 30 << 30, UsedBytes: 3 << 29, AvailableBytes: 57 << 29},
		Versions: []ceph.DaemonVersion{{Daemon: "mon", Version: "20.2.4", Count: 1}, {Daemon: "osd", Version: "20.2.4", Count: 1}},
	}
}

func sick() *ceph.Snapshot {
	s := healthy()
	s.Quorum.Mons = append(s.Quorum.Mons, ceph.Mon{Name: "b"}, ceph.Mon{Name: "c"})
	s.Quorum.InQuorum = []string{"a", "c"}
	s.Mgr = ceph.MgrMap{}
	s.Health = ceph.HealthReport{Status: ceph.HealthErr, Checks: []ceph.HealthCheck{
		{Code: "MGR_DOWN", Severity: ceph.HealthWarn, Summary: "no active mgr", Muted: true},
		{Code: "OSD_DOWN", Severity: ceph.HealthErr, Summary: "2 osds down"},
	}}
	s.OSDs = append(s.OSDs, ceph.OSD{ID: 4, In: true}, ceph.OSD{ID: 7})
	s.PGs = ceph.PGSummary{}
	return s
}

// disaster has more OSDs down than fit on a line.
func disaster() *ceph.Snapshot {
	s := sick()
	for id := range 30 {
		s.OSDs = append(s.OSDs, ceph.OSD{ID: 100 + id})
	}
	return s
}

func TestReport(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*ceph.Snapshot{"healthy": healthy(), "sick": sick(), "disaster": disaster(), "empty": {}} {
		for _, format := range []output{outputText, outputJSON} {
			t.Run(name+" "+string(format), func(t *testing.T) {
				t.Parallel()
				var got bytes.Buffer
				if err := newReport(s).print(&got, format); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+string(format), got.Bytes())
			})
		}
	}
}

func TestPrintVersion(t *testing.T) {
	t.Parallel()
	b := buildInfo{Version: "v0.1.0", Commit: "0123abc", Go: "go1.26.8", Platform: "linux/amd64", Librados: "20.2.4"}
	for _, format := range []output{outputText, outputJSON} {
		var got bytes.Buffer
		if err := printVersion(&got, format, b); err != nil {
			t.Fatal(err)
		}
		golden(t, "version."+string(format), got.Bytes())
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
