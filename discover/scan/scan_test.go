package scan

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/report"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// node is a node with disks, and the API that its scanner reports to.
type node struct {
	t *testing.T
	*Scanner
	registry *prometheus.Registry

	mutex    sync.Mutex
	disks    []disk.Disk
	broken   error                   // of the inventory
	contents map[string]disk.Content // by kernel name, else blank
	takes    map[string]time.Duration
	reads    map[string]int
	began    map[string][]time.Time // when each was read
	refuses  error                  // of the API
	reports  []string
	said     map[string]string // the last report of each disk
	last     map[string]report.Sighting
	seen     map[string]bool // as last told
	shared   bool
	recalls  int
}

func newNode(t *testing.T, disks ...disk.Disk) *node {
	t.Helper()
	n := &node{
		t: t, registry: prometheus.NewRegistry(), disks: disks, contents: map[string]disk.Content{}, takes: map[string]time.Duration{},
		reads: map[string]int{}, began: map[string][]time.Time{}, said: map[string]string{}, last: map[string]report.Sighting{},
	}
	sources := Sources{Inventory: inventory{n}, Content: content{n}, Health: health{n}, Identify: func(d disk.Disk, _ string) (string, v1alpha1.DiskIdentity) {
		if d.Hardware.WWN == "" {
			return "", v1alpha1.DiskIdentity{}
		}
		return "wwn-" + d.Hardware.WWN, v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: d.Hardware.WWN}
	}}
	n.Scanner = New(sources, API{Reporter: n, Knowledge: n}, verdict.Context{Node: "n3"}, DefaultPace(), NewMetrics(n.registry, n), testr.New(t))
	return n
}

// run runs the scanner in a bubble of time until the test has seen enough.
func (n *node) run(look func()) {
	ctx, cancel := context.WithCancel(n.t.Context())
	var done sync.WaitGroup
	done.Go(func() { n.Run(ctx) })
	synctest.Wait()
	look()
	cancel()
	done.Wait()
}

// after lets time pass, and everything happen that is due by then.
func (n *node) after(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

type (
	inventory struct{ *node }
	content   struct{ *node }
	health    struct{ *node }
)

func (i inventory) Read(context.Context) ([]disk.Disk, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.disks), i.broken
}

func (c content) Read(ctx context.Context, d disk.Disk) disk.Content {
	c.mutex.Lock()
	c.reads[d.Name]++
	c.began[d.Name] = append(c.began[d.Name], time.Now())
	takes, found := c.takes[d.Name], c.contents[d.Name]
	c.mutex.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	if found.Outcome == disk.OutcomeNotRead {
		found = disk.Content{Outcome: disk.OutcomeRead, Sources: []disk.Source{disk.SourceBlkid, disk.SourceBlockdevice}, Samples: disk.Samples{Count: 10, First: -1}}
	}
	return found
}

func (h health) Read(context.Context, disk.Disk) disk.Health {
	return disk.Health{Reported: true, Source: "SMART"}
}

// Report prints what is new. Nothing is written when it is the same as before, as the real one does it.
func (n *node) Report(_ context.Context, s report.Sighting, c verdict.Context) (report.Outcome, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.refuses != nil {
		return report.Outcome{}, n.refuses
	}
	j := verdict.Judge(s.Disk, c)
	text := fmt.Sprintf("%s %s %s", s.Name, s.Disk.Name, j.Result)
	if s.Pending {
		text += " pending"
	}
	if n.said[s.Name] != text {
		n.reports = append(n.reports, text)
	}
	n.said[s.Name], n.last[s.Name] = text, s
	return report.Outcome{Ours: true, Result: j.Result, Reasons: j.Reasons, Before: j.Result}, nil
}

func (n *node) Missing(_ context.Context, seen func(string) bool) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.seen = map[string]bool{"wwn-1": seen("wwn-1"), "wwn-2": seen("wwn-2")}
	return n.refuses
}

func (n *node) Recall(context.Context) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.recalls++
	return n.refuses
}

func (n *node) Shared() bool { return n.shared }

func (n *node) Context(_ context.Context, c verdict.Context, _ []disk.Label) verdict.Context {
	return c
}

func (n *node) Stuck() int       { return 1 }
func (n *node) Timeouts() uint64 { return 2 }

// change changes what the node has.
func (n *node) change(act func()) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	act()
}

func (n *node) expect(reports ...string) {
	n.t.Helper()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if !slices.Equal(n.reports, reports) {
		n.t.Errorf("reported\n  %s\nwant\n  %s", strings.Join(n.reports, "\n  "), strings.Join(reports, "\n  "))
	}
	n.reports = nil
}

// expectSeen asserts which disks are told to be there.
func (n *node) expectSeen(names ...string) {
	n.t.Helper()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.seen == nil {
		n.t.Error("it is not told which disks are there")
	}
	for name, seen := range n.seen {
		if seen != slices.Contains(names, name) {
			n.t.Errorf("%s is told to be there: %t", name, seen)
		}
	}
}

func (n *node) recalled() int {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.recalls
}

func (n *node) expectReads(name string, want int) {
	n.t.Helper()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.reads[name] != want {
		n.t.Errorf("%s was read %d times, want %d", name, n.reads[name], want)
	}
}

// expectBackoff asserts that a disk was read ever more seldom.
func (n *node) expectBackoff(name string, first, last time.Duration) {
	n.t.Helper()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	var pauses []time.Duration
	for i, at := range n.began[name][1:] {
		pauses = append(pauses, at.Sub(n.began[name][i]))
	}
	if len(pauses) < 5 || pauses[0] > first || pauses[len(pauses)-1] < last || !slices.IsSorted(pauses) {
		n.t.Errorf("%s was read after %v", name, pauses)
	}
}

func (n *node) expectReady(want bool) {
	n.t.Helper()
	if err := n.Ready(); (err == nil) != want {
		n.t.Errorf("ready: %v, want %t", err, want)
	}
}

func plain(name, wwn string) disk.Disk {
	return disk.Disk{Name: name, Kind: disk.KindPlain, Zoned: "none", Sequence: 1, Hardware: disk.Hardware{WWN: wwn, Size: 1 << 40}}
}

func TestADiskIsReadOnceAndReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"), disk.Disk{Name: "zram0", Kind: disk.KindZRAM, Hardware: disk.Hardware{Size: 1}},
			disk.Disk{Name: "sdz", Kind: disk.KindPlain}, disk.Disk{Name: "nvme0c0n1", Kind: disk.KindPlain, Hidden: true, Hardware: disk.Hardware{Size: 1}})
		n.run(func() {
			n.expect("wwn-1 sda Usable")
			n.expectReady(true)
			n.after(time.Minute)
			n.expectReads("sda", 1)
			n.expect()
			n.expectSeen("wwn-1")
			if n.recalled() != 1 {
				t.Errorf("recalled %d times", n.recalled())
			}
			n.after(10 * time.Minute)
			n.expectReads("sda", 2)
		})
	})
}

// A volume that comes and goes with a pod has no object: there may be thousands of them.
func TestAVolumeIsNotReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loop := func(name, wwn, filesystem string, uses ...disk.Use) disk.Disk {
			return disk.Disk{Name: name, Kind: disk.KindLoop, BackingFile: "/v", BackingFilesystem: filesystem, Uses: uses,
				Hardware: disk.Hardware{WWN: wwn, Size: 1 << 40}}
		}
		n := newNode(t, loop("loop0", "1", "fuse.seamount"), loop("loop1", "2", "ext4", disk.Use{Kind: disk.UseForeign, Device: "loop1", By: "/v"}),
			loop("loop2", "3", "ext4", disk.Use{Kind: disk.UseMount, Device: "loop2", By: "/mnt"}))
		n.run(func() { n.expect("wwn-3 loop2 Rejected") })
	})
}

func TestAChangeIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		n.run(func() {
			n.expect("wwn-1 sda Usable")
			n.change(func() { n.disks = append(n.disks, plain("sdb", "2")) })
			n.Look()
			synctest.Wait()
			n.expect("wwn-2 sdb Usable")
			n.change(func() { n.disks = n.disks[:1] })
			n.Look()
			synctest.Wait()
			n.expectSeen("wwn-1") // and not the disk that was pulled
		})
	})
}

func TestASickDiskHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"), plain("sick", "2"))
		n.takes["sick"], n.contents["sick"] = 10*time.Second, disk.Content{Outcome: disk.OutcomeTimeout, Text: "no answer"}
		n.run(func() {
			n.expect("wwn-1 sda Usable")
			n.expectReady(false)
			n.after(3 * time.Second)
			n.expect("wwn-2 sick Unknown pending")
			n.expectReady(false)
			n.after(8 * time.Second)
			n.change(func() {
				if n.last["wwn-2"].Disk.Content.Outcome != disk.OutcomeTimeout {
					t.Errorf("the sick disk is reported as %+v", n.last["wwn-2"].Disk.Content)
				}
			})
			n.expectReady(true)
			n.after(time.Hour)
			n.expectBackoff("sick", 30*time.Second, 10*time.Minute)
			n.expectReady(true)
		})
	})
}

func TestADiskIsReadAgainWhenItMayHaveChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		n.run(func() {
			n.expectReads("sda", 1)
			want := 1
			again := func(what string, reads bool, change func(*disk.Disk)) {
				n.change(func() { change(&n.disks[0]) })
				n.Look()
				synctest.Wait()
				if reads {
					want++
				}
				n.expectReads("sda", want)
				if t.Failed() {
					t.Fatal(what)
				}
			}
			again("nothing", false, func(*disk.Disk) {})
			again("written", true, func(d *disk.Disk) { d.Counters.WrittenSectors = 8 })
			again("mounted", false, func(d *disk.Disk) {
				d.Uses, d.Counters.WrittenSectors = []disk.Use{{Kind: disk.UseMount, Device: "sda", By: "/"}}, 16
			})
			again("written by its holder", false, func(d *disk.Disk) { d.Counters.WrittenSectors = 24 })
			again("let go", true, func(d *disk.Disk) { d.Uses = nil })
			again("partitioned", true, func(d *disk.Disk) { d.Partitions = []disk.Partition{{Name: "sda1"}} })
			again("grown", true, func(d *disk.Disk) { d.Hardware.Size *= 2 })
			again("another disk under the same name", true, func(d *disk.Disk) { d.Sequence = 2 })
			again("served to a pod", false, func(d *disk.Disk) { d.Uses = []disk.Use{{Kind: disk.UseVolume, Device: "sda", By: "/x"}} })
			n.expectReady(true)
		})
	})
}

func TestADiskIsReadAgainWhenItsHolderFillsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		write := func(sectors uint64) {
			n.change(func() { n.disks[0].Counters.WrittenSectors = sectors })
			n.after(2 * DefaultPace().Poll)
		}
		n.run(func() {
			n.change(func() { n.disks[0].Uses = []disk.Use{{Kind: disk.UseProcess, Device: "sda", By: "ceph-osd"}} })
			n.after(2 * DefaultPace().Poll)
			n.expectReads("sda", 1)
			n.change(func() {
				n.contents["sda"] = disk.Content{Outcome: disk.OutcomeRead, Labels: []disk.Label{{Device: "sda", FSID: "f"}}}
			})
			write(8)
			n.expectReads("sda", 2)
			write(16)
			n.expectReads("sda", 2)
		})
	})
}

func TestTwinsAreOneDiskThatIsNotKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"), plain("sdb", "1"))
		n.run(func() {
			n.expect("wwn-1 sda Unknown")
		})
	})
}

func TestADeviceThatCannotBeAskedWhoItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"), plain("sdb", ""))
		n.run(func() {
			n.expect("wwn-1 sda Usable")
			n.expectReady(true)
			n.change(func() {
				n.disks[0].Hardware.WWN, n.disks[0].Problems = "", []disk.Problem{{Fact: "WWN", Text: "input/output error"}}
			})
			n.Look()
			synctest.Wait()
			n.expect("wwn-1 sda Unknown")
			n.expectSeen("wwn-1") // the same device is there
			n.change(func() { n.disks[0].Sequence = 2 })
			n.Look()
			synctest.Wait()
			n.expectSeen() // another device, which does not say who it is, is not taken for the disk
		})
	})
}

func TestNotReadyWhileTheAPIDoesNotHaveIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		n.refuses = errors.New("forbidden")
		n.run(func() {
			n.after(time.Minute)
			n.expectReady(false)
			n.change(func() { n.refuses = nil })
			n.after(4 * time.Second)
			n.expect("wwn-1 sda Usable")
			n.expectReady(true)
			n.change(func() { n.refuses = errors.New("forbidden") })
			n.after(time.Minute)
			n.expectReady(true)
			n.after(2 * time.Minute)
			n.expectReady(false)
			if err := n.Alive(); err != nil {
				t.Errorf("the loop turns, and yet: %v", err)
			}
		})
	})
}

func TestNotReadyWhenTheInventoryFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		n.run(func() {
			n.change(func() { n.broken, n.disks = errors.New("no sysfs"), nil })
			n.after(time.Minute)
			n.expectSeen("wwn-1") // nobody could look, so nothing is missing
			n.after(2 * time.Minute)
			n.expectReady(false)
		})
	})
}

func TestServes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, plain("sda", "1"))
		get := func(path string) (int, string) {
			answer := httptest.NewRecorder()
			n.Handler(n.registry).ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
			return answer.Code, answer.Body.String()
		}
		if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "no full scan yet") {
			t.Errorf("before the first scan: %d %s", code, body)
		}
		n.run(func() {
			for _, path := range []string{"/readyz", "/healthz"} {
				if code, body := get(path); code != 200 {
					t.Errorf("%s: %d %s", path, code, body)
				}
			}
			_, metrics := get("/metrics")
			for _, want := range []string{`seamount_disks{state="Usable"} 1`, `seamount_disks{state="Rejected"} 0`, "seamount_discover_stuck_readers 1",
				"seamount_discover_read_timeouts_total 2", "seamount_discover_scan_seconds_count 1", "seamount_discover_last_scan_timestamp_seconds 9"} {
				if !strings.Contains(metrics, want) {
					t.Errorf("no %s in\n%s", want, metrics)
				}
			}
		})
		n.after(10 * time.Minute)
		if n.Alive() == nil || n.Ready() == nil {
			t.Error("a loop that does not turn is alive or ready")
		}
	})
}
