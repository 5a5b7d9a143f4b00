package smart

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/reader"
)

// answers have the shape that smartctl 7.3 gives, cut to what is read. The first was recorded; the others follow
// smartmontools' own description of its JSON, as no such disk was at hand.
var answers = map[string]struct {
	out  string
	want disk.Health
}{
	"no SMART device": {
		`{"smartctl":{"messages":[{"string":"/dev/loop0: Unable to detect device type","severity":"error"}],"exit_status":1}}`,
		disk.Health{},
	},
	"could not open, with old values": {`{"smartctl":{"exit_status":2},"smart_status":{"passed":true}}`, disk.Health{}},
	"no verdict":                      {`{"smartctl":{"exit_status":4},"smart_status":{}}`, disk.Health{}},
	"good ATA disk": {
		`{"smartctl":{"exit_status":0},"smart_status":{"passed":true},"ata_smart_attributes":{"table":[
		 {"id":5,"raw":{"value":7}},{"id":187,"raw":{"value":0}},{"id":197,"raw":{"value":0}},{"id":198,"raw":{"value":0}}]}}`,
		disk.Health{Reported: true, Source: "SMART"},
	},
	"ATA disk with lost sectors": {
		`{"smartctl":{"exit_status":64},"smart_status":{"passed":true},"ata_smart_attributes":{"table":[
		 {"id":187,"raw":{"value":1}},{"id":197,"raw":{"value":8}},{"id":198,"raw":{"value":16}}]},"endurance_used":{"current_percent":3}}`,
		disk.Health{Reported: true, Source: "SMART", MediaErrors: 25, PercentUsed: 3},
	},
	"failing ATA disk": {`{"smartctl":{"exit_status":8},"smart_status":{"passed":false}}`,
		disk.Health{Reported: true, Source: "SMART", Failing: true}},
	"SAS disk": {
		`{"smartctl":{"exit_status":0},"smart_status":{"passed":true},"scsi_percentage_used_endurance_indicator":12,
		 "scsi_error_counter_log":{"read":{"total_uncorrected_errors":2},"write":{"total_uncorrected_errors":1}}}`,
		disk.Health{Reported: true, Source: "SMART", MediaErrors: 3, PercentUsed: 12},
	},
	"worn NVMe": {
		`{"smartctl":{"exit_status":0},"smart_status":{"passed":true,"nvme":{"value":0}},
		 "nvme_smart_health_information_log":{"critical_warning":0,"percentage_used":104,"media_errors":5}}`,
		disk.Health{Reported: true, Source: "NVMe", MediaErrors: 5, PercentUsed: 104},
	},
	"NVMe with a warning and no status": {
		`{"smartctl":{"exit_status":0},"nvme_smart_health_information_log":{"critical_warning":4}}`,
		disk.Health{Reported: true, Source: "NVMe", Failing: true},
	},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range answers {
		got, err := Parse([]byte(tt.out))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for _, out := range []string{"", "smartctl 7.3", `{"ata_smart_attributes":{"table":[{"id":"x"}]}}`} {
		if got, err := Parse([]byte(out)); err == nil || got.Reported {
			t.Errorf("%q: %+v, no error", out, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range answers {
		f.Add([]byte(tt.out))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		health, err := Parse(out)
		if !health.Reported && health != (disk.Health{}) || err != nil && health.Reported || health.PercentUsed < 0 {
			t.Errorf("%+v, %v", health, err)
		}
	})
}

func smartctl(t *testing.T, commands string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "smartctl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+commands+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	plain := disk.Disk{Name: "sda", Kind: disk.KindPlain}
	sys := t.TempDir()
	for name, count := range map[string]string{"sda": "0x1f\n", "sdb": "0x1\n"} {
		dir := filepath.Join(sys, "block", name, "device")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ioerr_cnt"), []byte(count), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	failing := `echo '{"smart_status":{"passed":false}}'; exit 8`
	for name, tt := range map[string]struct {
		commands string
		disk     disk.Disk
		want     disk.Health
	}{
		"an answer": {failing, plain, disk.Health{Reported: true, Source: "SMART", Failing: true, IOErrors: 0x1f}},
		"no answer": {"exit 2", plain, disk.Health{IOErrors: 0x1f}},
		"hangs":     {"exec sleep 1000", plain, disk.Health{IOErrors: 0x1f}},
		"multipath": {`test "$7" = /dev/sda && ` + failing, disk.Disk{Name: "dm-0", Kind: disk.KindMultipath, Paths: []string{"sda", "sdb"}},
			disk.Health{Reported: true, Source: "SMART", Failing: true, IOErrors: 0x20}},
		"loop":   {failing, disk.Disk{Name: "loop0", Kind: disk.KindLoop}, disk.Health{}},
		"virtio": {failing, disk.Disk{Name: "vda", Kind: disk.KindPlain, Hardware: disk.Hardware{Transport: v1alpha1.TransportVirtio}}, disk.Health{}},
	} {
		r := Reader{Pool: reader.NewPool(1, 1), Exe: smartctl(t, tt.commands), Sys: sys, Deadline: 2 * time.Second}
		got := r.Read(t.Context(), tt.disk)
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(disk.Health{}, "At")); diff != "" || got.Reported == got.At.IsZero() {
			t.Errorf("%s: at %s (-want +got):\n%s", name, got.At, diff)
		}
	}
}

func TestIOErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint64{"0x0\n": 0, "0x2a\n": 42, "nonsense": 0} {
		sys := fstest.MapFS{"block/sda/device/ioerr_cnt": {Data: []byte(text)}}
		if got := ioErrors(sys, "sda"); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}
