package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const (
	testFSID = "8b1c2d3e-0000-4000-8000-000000000000"
	testUUID = "5f0e8c9a-0000-4000-8000-000000000001"
	testKey  = "AQBTESTKEYTESTKEYTESTKEYTESTKEYTESTKEY=="
)

// errKilled is what a process dies of in a test.
var errKilled = errors.New("killed")

// world is a node with one or two disks, and the programs of Ceph. It lives on when a process in it is killed.
type world struct {
	t         *testing.T
	step      int
	killAt    int // the step before which the process dies; 0: never
	data, db  fakeDisk
	became    []string
	commands  []string
	mkfsFails bool
	stdin     []string
}

// fakeDisk is what there is on a disk.
type fakeDisk struct {
	file    string
	labels  []disk.Label
	sealErr error
	readErr error
	findErr error
	// missing is what Find says until then.
	missing      error
	missingUntil time.Time
	formats      int // how often a blank disk was given a label
	finishes     int // how often an mkfs came to its end
}

// point is a moment at which the process may die.
func (w *world) point() {
	w.step++
	if w.step == w.killAt {
		panic(errKilled)
	}
}

// start runs a program until it becomes another, fails, or is killed.
func (w *world) start(start func(context.Context) error) (err error) {
	defer func() {
		if got := recover(); got != nil {
			if got != any(errKilled) {
				panic(got)
			}
			err = errKilled
		}
	}()
	return start(w.t.Context())
}

// startAgain runs a program that dies before a step, and then once more, which must become another. It says whether there was no
// such step.
func (w *world) startAgain(start func(context.Context) error, killAt int) (done bool) {
	w.t.Helper()
	w.killAt = killAt
	done = !errors.Is(w.start(start), errKilled)
	w.killAt = 0
	if err := w.start(start); !errors.Is(err, errBecame) {
		w.t.Fatalf("killed before step %d: %v", killAt, err)
	}
	return done
}

var errBecame = errors.New("became another program")

func (w *world) Become(argv ...string) error {
	w.point()
	w.became = argv
	return errBecame
}

func (w *world) Run(_ context.Context, stdin []byte, argv ...string) error {
	w.commands, w.stdin = append(w.commands, strings.Join(argv, " ")), append(w.stdin, string(stdin))
	w.point()
	defer w.point()
	switch {
	case argv[0] == "ceph-osd" && w.mkfsFails:
		return errors.New("exit status 1")
	case argv[0] == "ceph-osd":
		return w.mkfs(flag(argv, "--osd-data"))
	case argv[0] == "ceph-bluestore-tool":
		return w.prime(flag(argv, "--path"))
	case argv[0] == "monmaptool":
		return os.WriteFile(argv[len(argv)-1], []byte(strings.Join(argv, " ")), 0o600)
	case argv[0] == "ceph-mon":
		return w.monMkfs(flag(argv, "--mon-data"))
	}
	return fmt.Errorf("no such program: %s", argv[0])
}

func flag(argv []string, name string) string { return argv[slices.Index(argv, name)+1] }

// mkfs labels the disks that the directory links to, and says at the end that it is ready.
func (w *world) mkfs(dir string) error {
	for link, d := range map[string]*fakeDisk{"block": &w.data, "block.db": &w.db} {
		target, err := os.Readlink(filepath.Join(dir, link))
		if (err == nil) != (d.file != "") || target != d.file {
			return fmt.Errorf("%s leads to %q, %w", link, target, err)
		}
	}
	for name, want := range map[string]string{"type": "bluestore\n", "fsid": testUUID + "\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			return fmt.Errorf("the OSD's %s is %q: %w", name, got, err)
		}
	}
	description := map[*fakeDisk]role{&w.data: roleData, &w.db: roleDB}
	for _, d := range []*fakeDisk{&w.data, &w.db} {
		switch {
		case d.file == "":
			continue
		case len(d.labels) == 0 || d.labels[0].OSDUUID != testUUID:
			d.formats++
			d.labels = []disk.Label{{OSDUUID: testUUID, OSDID: -1, Description: string(description[d]), Valid: true}}
		case d.labels[0].Ready:
			w.t.Error("a finished BlueStore is made again")
		}
		w.point()
	}
	w.data.labels[0].OSDID, w.data.labels[0].FSID = 3, testFSID
	w.point()
	w.data.labels[0].Ready = true
	w.data.finishes++
	return nil
}

func (w *world) prime(dir string) error {
	if len(w.data.labels) == 0 || !w.data.labels[0].Ready {
		return errors.New("no label")
	}
	return os.WriteFile(filepath.Join(dir, "keyring"), []byte(testKey), 0o600)
}

func (w *world) monMkfs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		w.t.Errorf("ceph-mon --mkfs finds something in %s", dir)
	}
	for _, file := range []string{"store.db/CURRENT", "keyring"} {
		w.point()
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700); err != nil {
			return err
		}
		w.point()
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// of finds the disk by its name.
func (w *world) of(name string) *fakeDisk {
	if name == "data" || name == w.data.file {
		return &w.data
	}
	return &w.db
}

func (w *world) Find(_ context.Context, _ string, reserved handover.Device) (Device, error) {
	w.point()
	d := w.of(reserved.Disk)
	if time.Now().Before(d.missingUntil) {
		return Device{}, d.missing
	}
	return Device{Path: d.file}, d.findErr
}

func (w *world) Labels(device *os.File) ([]disk.Label, error) {
	w.point()
	d := w.of(device.Name())
	return slices.Clone(d.labels), d.readErr
}

func (w *world) CheckSeal(_ context.Context, device *os.File, _ handover.Device) error {
	w.point()
	return w.of(device.Name()).sealErr
}

func testReservation(db bool) handover.Reservation {
	device := handover.Device{
		Disk: "data", Identity: v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5000c500"}, Seal: "sha256:1f", Size: 1 << 30,
	}
	r := handover.Reservation{ID: 3, UUID: testUUID, Key: ceph.NewSecret(testKey), FSID: testFSID, Data: device}
	if db {
		device.Disk = "db"
		r.DB = &device
	}
	return r
}

// newOSD makes a world with an OSD that has not been started yet.
func newOSD(t *testing.T, r handover.Reservation) (*world, OSD) {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, data: fakeDisk{file: filepath.Join(dir, "data")}}
	if r.DB != nil {
		w.db.file = filepath.Join(dir, "db")
	}
	for _, file := range []string{w.data.file, w.db.file} {
		if file != "" {
			write(t, file, "")
		}
	}
	content, err := r.Secret()
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range content {
		write(t, filepath.Join(dir, "secret", key), string(value))
	}
	return w, OSD{
		Machine: w, Disks: w, ID: 3, Location: "root=default host=n3", DeviceClass: "ssd", Args: []string{"--default-x=y"},
		SecretDir: filepath.Join(dir, "secret"), Dir: filepath.Join(dir, "osd"),
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
