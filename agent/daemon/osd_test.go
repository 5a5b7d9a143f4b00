package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func TestOSDFirstStart(t *testing.T) {
	t.Parallel()
	for _, db := range []bool{false, true} {
		w, o := newOSD(t, testReservation(db))
		if err := w.start(o.Start); !errors.Is(err, errBecame) {
			t.Fatal(err)
		}
		want := []string{"ceph-osd", "-f", "-i", "3", "--osd-data", o.directory(), "--crush-location", "root=default host=n3", "--default-x=y"}
		if diff := cmp.Diff(want, w.became); diff != "" {
			t.Error(diff)
		}
		if class, err := os.ReadFile(filepath.Join(o.directory(), "crush_device_class")); err != nil || string(class) != "ssd\n" {
			t.Errorf("device class %q, %v", class, err)
		}
		for link, want := range map[string]string{"block": w.data.file, "block.db": w.db.file} {
			if got, _ := os.Readlink(filepath.Join(o.directory(), link)); got != want {
				t.Errorf("%s leads to %q, want %q", link, got, want)
			}
		}
	}
}

func TestOSDPublicAddress(t *testing.T) {
	t.Parallel()
	w, o := newOSD(t, testReservation(false))
	o.PublicAddress = "10.0.0.3"
	if err := w.start(o.Start); !errors.Is(err, errBecame) || flag(w.became, "--public-addr") != "10.0.0.3" {
		t.Errorf("%v, became %q", err, w.became)
	}
}

// Whatever is killed, whenever: a disk is labelled once, an mkfs ends once, and the OSD runs at last.
func TestOSDKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for _, db := range []bool{false, true} {
		for killAt, done := 1, false; !done; killAt++ {
			w, o := newOSD(t, testReservation(db))
			done = w.startAgain(o.Start, killAt)
			if w.data.formats != 1 || w.data.finishes != 1 || db && w.db.formats != 1 {
				t.Errorf("killed before step %d: data %+v, db %+v", killAt, w.data, w.db)
			}
			if done && killAt < 8 {
				t.Errorf("only %d steps", killAt)
			}
		}
	}
}

// A second start runs no mkfs, even if what was sealed has changed since: the disk is ours by its label.
func TestOSDSecondStart(t *testing.T) {
	t.Parallel()
	w, o := newOSD(t, testReservation(true))
	if err := w.start(o.Start); !errors.Is(err, errBecame) {
		t.Fatal(err)
	}
	w.commands, w.became = nil, nil
	w.data.sealErr = &seal.ChangedError{Facts: []string{"content"}}
	write(t, filepath.Join(o.directory(), "left"), "of an earlier start")
	if err := w.start(o.Start); !errors.Is(err, errBecame) {
		t.Fatal(err)
	}
	if len(w.commands) != 1 || !strings.HasPrefix(w.commands[0], "ceph-bluestore-tool prime-osd-dir --dev "+w.data.file) {
		t.Errorf("ran %q", w.commands)
	}
	if _, err := os.Stat(filepath.Join(o.directory(), "left")); !os.IsNotExist(err) {
		t.Errorf("the directory is not made anew: %v", err)
	}
}

// ourLabel is that of a finished OSD, changed.
func ourLabel(change func(l *disk.Label)) []disk.Label {
	label := disk.Label{OSDUUID: testUUID, FSID: testFSID, OSDID: 3, Description: "main", Ready: true, Valid: true}
	change(&label)
	return []disk.Label{label}
}

// Each disk that is not as it should be is refused, with its reason, and untouched.
func TestOSDRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		spoil  func(w *world)
		reason string
		says   string
	}{
		{"another size", func(w *world) { w.data.sealErr = &seal.ChangedError{Facts: []string{"size"}} }, handover.ReasonDiskChanged, "size"},
		{"a DB disk that changed", func(w *world) { w.db.sealErr = &seal.ChangedError{Facts: []string{"content"}} }, handover.ReasonDiskChanged, "disk db"},
		{"a seal that cannot be checked", func(w *world) { w.data.sealErr = os.ErrPermission }, handover.ReasonDiskUnreadable, "permission"},
		{"a label that cannot be read", func(w *world) { w.data.readErr = os.ErrDeadlineExceeded }, handover.ReasonDiskUnreadable, "timeout"},
		{"another uuid", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.OSDUUID = "other" }) }, handover.ReasonForeignOSD, "other"},
		{"another uuid, unfinished", func(w *world) {
			w.data.labels = []disk.Label{{OSDUUID: "other", OSDID: -1, Description: "main", Valid: true}}
		}, handover.ReasonForeignOSD, "other"},
		{"another cluster", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.FSID = "other" }) }, handover.ReasonForeignOSD, "other"},
		{"another number", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.OSDID = 4 }) }, handover.ReasonForeignOSD, "osd.4"},
		{"ready for nobody", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.FSID, l.OSDID = "", -1 }) }, handover.ReasonForeignOSD, "osd.-1"},
		{"a DB on the data's disk", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.Description = "bluefs db" }) }, handover.ReasonForeignOSD, "bluefs db"},
		{"a broken label", func(w *world) { w.data.labels = ourLabel(func(l *disk.Label) { l.Valid = false }) }, handover.ReasonLabelBroken, "checksum"},
		{"a copy of another OSD's label", func(w *world) {
			w.data.labels = ourLabel(func(l *disk.Label) { l.OSDUUID, l.Offset = "other", 1<<30 })
		}, handover.ReasonForeignOSD, "other"},
		{"data without its DB", func(w *world) { w.data.labels = ourLabel(func(*disk.Label) {}) }, handover.ReasonDiskChanged, "no DB"},
		{"copies of a disk", func(w *world) { w.data.findErr = ErrAmbiguous }, handover.ReasonDiskAmbiguous, "several"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, o := newOSD(t, testReservation(true))
			c.spoil(w)
			err := w.start(o.Start)
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Refusal.Reason != c.reason || !strings.Contains(refused.Refusal.Message, c.says) {
				t.Fatalf("%v; want %s with %q", err, c.reason, c.says)
			}
			if refused.Refusal.Remedy == "" || len(w.commands) > 0 || w.became != nil {
				t.Errorf("remedy %q, ran %q, became %q", refused.Refusal.Remedy, w.commands, w.became)
			}
		})
	}
}

// A disk's own label decides, whatever looks like a label in its data; where it is lost, its copies do.
func TestOSDLabelAtTheBeginningDecides(t *testing.T) {
	t.Parallel()
	ours, stray := ourLabel(func(*disk.Label) {}), ourLabel(func(l *disk.Label) { l.OSDUUID, l.Offset = "other", 1<<30 })
	backup := ourLabel(func(l *disk.Label) { l.Offset = 1 << 30 })
	broken := ourLabel(func(l *disk.Label) { l.Valid = false })
	for name, labels := range map[string][]disk.Label{
		"stray": slices.Concat(ours, stray), "lost": backup, "broken": slices.Concat(broken, backup),
	} {
		w, o := newOSD(t, testReservation(false))
		w.data.labels = labels
		if err := w.start(o.Start); !errors.Is(err, errBecame) || w.data.finishes > 0 {
			t.Errorf("%s: %v, %d times made", name, err, w.data.finishes)
		}
	}
}

func TestOSDFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w *world, o *OSD)
		says  string
	}{
		"mkfs fails":                  {func(w *world, _ *OSD) { w.mkfsFails = true }, "make the BlueStore of osd.3: exit status 1"},
		"a reservation of another":    {func(_ *world, o *OSD) { o.ID = 4 }, "the reservation is of osd.3"},
		"no reservation":              {func(_ *world, o *OSD) { o.SecretDir = "/nonexistent" }, "/nonexistent"},
		"disks that cannot be listed": {func(w *world, _ *OSD) { w.data.findErr = os.ErrInvalid }, "find the disk data"},
	} {
		w, o := newOSD(t, testReservation(false))
		c.spoil(w, &o)
		err := w.start(o.Start)
		if err == nil || !strings.Contains(err.Error(), c.says) || w.became != nil {
			t.Errorf("%s: %v, became %q", name, err, w.became)
		}
		var refused *RefusedError
		if errors.As(err, &refused) {
			t.Errorf("%s is refused for good", name)
		}
	}
}

// The key is nowhere but in the Secret, on the standard input of mkfs and in the OSD's directory.
func TestOSDKeyIsNotShown(t *testing.T) {
	t.Parallel()
	w, o := newOSD(t, testReservation(true))
	w.killAt = 9
	errs := []error{w.start(o.Start), w.start(o.Start)}
	w.data.labels[0].OSDUUID = "other"
	errs = append(errs, w.start(o.Start))
	shown := fmt.Sprintf("%v %+v %q %q %+v", errs, errs, w.commands, w.became, o)
	if strings.Contains(shown, testKey) {
		t.Error("the key is shown")
	}
	if !slices.Contains(w.stdin, testKey+"\n") {
		t.Error("the key was not handed over")
	}
}
