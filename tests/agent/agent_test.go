//go:build e2e

package agent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/loopdev"
	"github.com/seamount-dev/seamount/tests/pidspace"
)

func TestMain(m *testing.M) {
	if status, outside := pidspace.Enter(); outside {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

const (
	nodeName = "n1"
	mib      = 1 << 20
	diskSize = 256 * mib
	fsid     = "8b1c2d3e-0000-4000-8000-000000000000"
)

func agent() partition.Node {
	return partition.Node{
		Disks:  nodedisk.Disks{Inventory: inventory.Reader{}, Node: nodeName},
		Kernel: partition.Kernel{Sys: os.DirFS("/sys")},
	}
}

// asked is a disk, its name, and what is asked for with it.
type asked struct {
	*loopdev.Disk
	name    string
	request v1alpha1.DiskRequest
}

// ask judges a new disk as discover does, and asks for slices of 50 MiB.
func ask(t *testing.T, count int) *asked {
	t.Helper()
	return askWith(t, loopdev.New(t, diskSize), count)
}

func askWith(t *testing.T, d *loopdev.Disk, count int) *asked {
	t.Helper()
	found, name, id := discover(t, d)
	a := &asked{Disk: d, name: name, request: v1alpha1.DiskRequest{
		ID: "1", Action: v1alpha1.DiskActionPartition, Node: nodeName, Seal: seal.Of(found, id), Table: handover.TableID(fsid, name),
	}}
	for range count {
		a.add()
	}
	return a
}

// discover reads a disk as discover does.
func discover(t *testing.T, d *loopdev.Disk) (disk.Disk, string, v1alpha1.DiskIdentity) {
	t.Helper()
	disks, err := inventory.Reader{}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(disks, func(found disk.Disk) bool { return found.Name == d.Name })
	if at < 0 {
		t.Fatalf("%s is not in the inventory", d.Name)
	}
	found := disks[at]
	target := content.Target{Device: d.Path, Size: found.Hardware.Size, Blkid: program(t, "blkid")}
	for _, p := range found.Partitions {
		target.Partitions = append(target.Partitions, nodedisk.Path(p.Name))
	}
	found.Content = content.Read(t.Context(), target)
	name, id := identity.Of(found, nodeName)
	return found, name, id
}

// add asks for one slice more, and returns its path on this machine.
func (a *asked) add() string {
	n := len(a.request.Slices)
	a.request.Slices = append(a.request.Slices, v1alpha1.DiskSlice{
		UUID: uuid.NewString(), OSD: int32(n), Role: v1alpha1.OSDRoleData, Offset: mib + int64(n)*50*mib, Size: 50 * mib,
	})
	return fmt.Sprintf("%sp%d", a.Path, n+1)
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (a *asked) cut(t *testing.T) {
	t.Helper()
	if err := agent().Partition(t.Context(), a.name, a.request); err != nil {
		t.Fatal(err)
	}
}

// refused wants a refusal that says something, and a disk that is as it was.
func (a *asked) refused(t *testing.T, says string) {
	t.Helper()
	before := a.Disk.Digest(t)
	err := agent().Partition(t.Context(), a.name, a.request)
	var r *refusal.Error
	if !errors.As(err, &r) || r.Passing || r.Refusal.Reason != handover.ReasonDiskChanged || r.Refusal.Remedy == "" || !strings.Contains(err.Error(), says) {
		t.Errorf("%v; want a refusal with %q", err, says)
	}
	if a.Disk.Digest(t) != before {
		t.Error("the disk was written to")
	}
}

// blkid of util-linux reads what is on the disk as it was asked for, and the kernel has the slices.
func (a *asked) check(t *testing.T) {
	t.Helper()
	out, err := exec.Command(program(t, "blkid"), "-p", "-o", "export", a.Path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PTTYPE=gpt") || !strings.Contains(string(out), "PTUUID="+a.request.Table) {
		t.Errorf("blkid: %v: %s", err, out)
	}
	for i, s := range a.request.Slices {
		device := fmt.Sprintf("%sp%d", a.Path, i+1)
		out, err := exec.Command(program(t, "blkid"), "-p", "-o", "export", device).CombinedOutput()
		for _, want := range []string{
			"PART_ENTRY_UUID=" + s.UUID, fmt.Sprintf("PART_ENTRY_OFFSET=%d", s.Offset/512), fmt.Sprintf("PART_ENTRY_SIZE=%d", s.Size/512),
		} {
			if !strings.Contains(string(out), want) {
				t.Errorf("blkid says of %s: %v: %s; want %s", device, err, out, want)
			}
		}
	}
}

// A blank disk is cut, and cutting it again changes nothing.
func TestBlankDisk(t *testing.T) {
	a := ask(t, 2)
	a.cut(t)
	a.check(t)
	before := a.Disk.Digest(t)
	a.cut(t)
	if a.Disk.Digest(t) != before {
		t.Error("the second time it changes the disk")
	}
}

// A slice is added while another one is in use, and what is on that stays.
func TestAddedWhileInUse(t *testing.T) {
	a := ask(t, 1)
	a.cut(t)
	holder, err := os.OpenFile(a.Path+"p1", os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.WriteAt([]byte("data"), 4096); err != nil {
		t.Fatal(err)
	}
	a.add()
	a.cut(t)
	a.check(t)
	got := make([]byte, 4)
	if _, err := holder.ReadAt(got, 4096); err != nil || string(got) != "data" {
		t.Errorf("got %q, %v", got, err)
	}
}

func put(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{'x'}, offset)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// A disk that changed after it was judged is refused (D4), also where nobody looks.
func TestChangedDisk(t *testing.T) {
	for name, c := range map[string]struct {
		offset int64
		says   string
	}{
		"in the boot sector":   {7, "holds something else"},
		"in the middle":        {diskSize/2 + 12345, "changed"},
		"in the last sector":   {diskSize - 3, "holds something else"},
		"where partitions lie": {mib + 3, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, 1)
			put(t, a.Path, c.offset)
			a.refused(t, c.says)
		})
	}
}

// A table of another program, and one of another cluster or disk, are refused.
func TestForeignTable(t *testing.T) {
	for name, guid := range map[string]string{"anybody's": uuid.NewString(), "another disk's": handover.TableID(fsid, "wwn-1")} {
		t.Run(name, func(t *testing.T) {
			d := loopdev.New(t, diskSize)
			a := askWith(t, d, 1)
			if out, err := exec.Command(program(t, "sgdisk"), "-U", guid, "-n", "1:2048:+8M", d.Path).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			a.refused(t, "partition table")
		})
	}
}

// A slice whose place holds something is refused, and the slices that are there stay.
func TestOccupiedPlace(t *testing.T) {
	a := ask(t, 1)
	a.cut(t)
	put(t, a.Path, mib+50*mib+5)
	a.add()
	a.refused(t, "is not empty")
}

// A disk that something holds is tried again later, and done when it is free.
func TestHeldDisk(t *testing.T) {
	a := ask(t, 1)
	holder, err := os.OpenFile(a.Path, os.O_RDONLY|unix.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	var r *refusal.Error
	if err := agent().Partition(t.Context(), a.name, a.request); !errors.As(err, &r) || !r.Passing || r.Refusal.Reason != handover.ReasonDiskBusy {
		t.Errorf("a disk that is held: %v", err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	a.cut(t)
	a.check(t)
}

// childEnv makes this program a process that does one request, to be killed.
const childEnv = "SEAMOUNT_TEST_REQUEST"

// Killed at any moment, the next try ends with the same table (S3). The moments are spread over the whole of it; the last one is
// right behind the first write, wherever that falls on a busy machine.
func TestKilled(t *testing.T) {
	began := time.Now()
	if err := <-start(t, ask(t, 2)).ended; err != nil {
		t.Fatal(err)
	}
	whole := time.Since(began)
	blank := loopdev.New(t, diskSize).Digest(t)
	const rounds = 6
	found := map[bool]int{}
	for round := range rounds + 1 {
		a := ask(t, 2)
		c := start(t, a)
		moment := time.After(whole * time.Duration(round) / rounds)
		if round == rounds {
			moment = a.written(t)
		}
		c.kill(t, moment)
		found[a.Disk.Digest(t) == blank]++
		a.cut(t)
		a.check(t)
	}
	t.Logf("it takes %s; killed when the disk was blank %d times, and later %d times", whole.Round(time.Millisecond), found[true], found[false])
	if found[true] > rounds {
		t.Error("nothing was ever written before it was killed")
	}
}

// written tells when something has been written to the disk, as its counters have it.
func (a *asked) written(t *testing.T) <-chan time.Time {
	t.Helper()
	before, told := a.writes(t), make(chan time.Time, 1)
	tick := time.NewTicker(time.Millisecond)
	go func() {
		defer tick.Stop()
		for now := range tick.C {
			if a.writes(t) != before || t.Context().Err() != nil {
				told <- now
				return
			}
		}
	}()
	return told
}

// writes counts the writes to the disk: https://docs.kernel.org/block/stat.html.
func (a *asked) writes(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/sys/block/" + a.Name + "/stat")
	if err != nil && t.Context().Err() == nil {
		t.Error(err)
	}
	if fields := strings.Fields(string(b)); len(fields) > 4 {
		return fields[4]
	}
	return ""
}

// process is a child, and how it ended: its channel is closed behind the error.
type process struct {
	cmd   *exec.Cmd
	ended chan error
}

func start(t *testing.T, a *asked) process {
	t.Helper()
	p := process{exec.Command("/proc/self/exe", "-test.run=^TestChild$"), make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), childEnv+"="+a.encode(t))
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait(); close(p.ended) }()
	return p
}

// kill ends it at that moment, if it has not ended by itself.
func (p process) kill(t *testing.T, moment <-chan time.Time) {
	t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-moment:
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-p.ended //nolint:errcheck // it was killed
}
