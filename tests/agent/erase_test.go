//go:build e2e

package agent

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/erase"
	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// erasedSize has room for an OSD and for a copy of its label.
const erasedSize = 3 << 30

func eraser() erase.Node {
	a := agent()
	return erase.Node{Disks: a.Disks, Kernel: a.Kernel}
}

// layout puts something on a disk, and says what of it may be erased.
type layout func(t *testing.T, d *loopdev.Disk) v1alpha1.DiskErase

func layouts() map[string]layout {
	return map[string]layout{
		"ext4": func(t *testing.T, d *loopdev.Disk) v1alpha1.DiskErase {
			run(t, "mkfs.ext4", "-q", "-F", d.Path)
			return v1alpha1.DiskErase{}
		},
		"GPT": func(t *testing.T, d *loopdev.Disk) v1alpha1.DiskErase {
			run(t, "sgdisk", "-n", "1:2048:+8M", "-n", "2:0:0", d.Path)
			return v1alpha1.DiskErase{}
		},
		"LVM": func(t *testing.T, d *loopdev.Disk) v1alpha1.DiskErase {
			write(t, d.Path, map[int64][]byte{512: []byte("LABELONE"), 512 + 24: []byte("LVM2 001")})
			return v1alpha1.DiskErase{}
		},
		"BlueStore": labelled,
	}
}

// labelled gives a disk the labels of an OSD.
func labelled(t *testing.T, d *loopdev.Disk) v1alpha1.DiskErase {
	t.Helper()
	block, err := os.ReadFile("../../discover/bluestore/testdata/ceph-20-main.label")
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.Path, map[int64][]byte{0: block, 1 << 30: block, 2 << 30: []byte("data")})
	label, _ := bluestore.Parse(block)
	return v1alpha1.DiskErase{FSID: label.FSID, OSDs: []string{label.OSDUUID}}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func write(t *testing.T, path string, parts map[int64][]byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for offset, data := range parts {
		_, failed := f.WriteAt(data, offset)
		err = errors.Join(err, failed)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// occupied makes a disk that holds something, judges it, and asks to have that erased.
func occupied(t *testing.T, lay layout, discards bool) *asked {
	t.Helper()
	d := loopdev.New(t, erasedSize)
	if !discards {
		limit := fmt.Sprintf("/sys/block/%s/queue/discard_max_bytes", d.Name)
		if err := os.WriteFile(limit, []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	return occupiedOn(t, d, lay)
}

// occupiedOn is occupied for a disk that is there.
func occupiedOn(t *testing.T, d *loopdev.Disk, lay layout) *asked {
	t.Helper()
	what := lay(t, d)
	what.Mode = v1alpha1.EraseSignatures
	found, name, id := discover(t, d)
	return &asked{Disk: d, name: name, request: v1alpha1.DiskRequest{
		ID: "1", Action: v1alpha1.DiskActionErase, Node: nodeName, Seal: seal.Of(found, id), Erase: &what,
	}}
}

func (a *asked) judged(t *testing.T) verdict.Judgement {
	t.Helper()
	found, name, _ := discover(t, a.Disk)
	return verdict.Judge(found, verdict.Context{Node: nodeName, Disk: name})
}

func (a *asked) erase(t *testing.T) {
	t.Helper()
	erased, err := eraser().Erase(t.Context(), a.name, a.request)
	if err != nil || erased == 0 {
		t.Fatalf("%d bytes erased: %v", erased, err)
	}
	if j := a.judged(t); j.Result != v1alpha1.VerdictUsable {
		t.Errorf("erased, it is %s: %+v", j.Result, j.Reasons)
	}
}

// Whatever was on a disk, it is Usable afterwards, whether it discards or not (D5), and erasing it again changes nothing.
func TestErased(t *testing.T) {
	for name, lay := range layouts() {
		for _, discards := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, discard %t", name, discards), func(t *testing.T) {
				a := occupied(t, lay, discards)
				if j := a.judged(t); j.Result == v1alpha1.VerdictUsable {
					t.Fatal("it is Usable as it is")
				}
				a.erase(t)
				before := a.Disk.Digest(t)
				a.erase(t)
				if a.Disk.Digest(t) != before {
					t.Error("the second time it changes the disk")
				}
			})
		}
	}
}

// A disk in slices is erased with them: the kernel has none left, and the disk can be cut in the same way again.
func TestErasedSlices(t *testing.T) {
	d := loopdev.New(t, erasedSize)
	a := askWith(t, d, 2)
	a.cut(t)
	write(t, d.Path, map[int64][]byte{mib + 4096: []byte("data"), 51*mib + 25*mib: []byte("data")})
	found, _, id := discover(t, d)
	a.request.Action, a.request.Seal = v1alpha1.DiskActionErase, seal.Of(found, id)
	a.request.Erase = &v1alpha1.DiskErase{Mode: v1alpha1.EraseFull}
	a.erase(t)
	if found, _, _ := discover(t, d); len(found.Partitions) > 0 || found.Content.Table != nil {
		t.Errorf("left: %+v, %+v", found.Partitions, found.Content.Table)
	}
	again := askWith(t, d, 2)
	again.cut(t)
	again.check(t)
}

// A disk that changed after it was judged, and one with an OSD that the request does not name, stay as they are.
func TestEraseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		lay    layout
		spoil  func(t *testing.T, a *asked)
		reason string
	}{
		"a byte": {layouts()["ext4"], func(t *testing.T, a *asked) { put(t, a.Path, erasedSize/2) }, handover.ReasonDiskChanged},
		"another OSD": {labelled, func(_ *testing.T, a *asked) {
			a.request.Erase.OSDs = []string{"8b1c2d3e-0000-4000-8000-000000000001"}
		}, handover.ReasonForeignOSD},
		"another cluster": {labelled, func(_ *testing.T, a *asked) { a.request.Erase.FSID = fsid }, handover.ReasonForeignOSD},
		"no OSD named": {labelled, func(_ *testing.T, a *asked) {
			a.request.Erase = &v1alpha1.DiskErase{Mode: v1alpha1.EraseFull}
		}, handover.ReasonForeignOSD},
		"another seal": {labelled, func(_ *testing.T, a *asked) { a.request.Seal = "sha256:0" }, handover.ReasonDiskChanged},
	} {
		t.Run(name, func(t *testing.T) {
			a := occupied(t, c.lay, true)
			c.spoil(t, a)
			before := a.Disk.Digest(t)
			_, err := eraser().Erase(t.Context(), a.name, a.request)
			var r *refusal.Error
			if !errors.As(err, &r) || r.Passing || r.Refusal.Reason != c.reason || r.Refusal.Remedy == "" {
				t.Errorf("%v; want %s", err, c.reason)
			}
			if a.Disk.Digest(t) != before {
				t.Error("the disk was written to")
			}
		})
	}
}

// A disk that something holds is untouched, and erased when it is free.
func TestEraseHeldDisk(t *testing.T) {
	a := occupied(t, labelled, true)
	before := a.Disk.Digest(t)
	holder, err := os.OpenFile(a.Path, os.O_RDONLY|unix.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	var r *refusal.Error
	if _, err := eraser().Erase(t.Context(), a.name, a.request); !errors.As(err, &r) || !r.Passing || r.Refusal.Reason != handover.ReasonDiskBusy {
		t.Errorf("a disk that is held: %v", err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if a.Disk.Digest(t) != before {
		t.Error("the disk was written to")
	}
	a.erase(t)
}

// Killed at any moment, the disk is never Usable before it is erased, and the same request ends it (S3). The last moment is right
// behind the first write, as in TestKilled.
func TestEraseKilled(t *testing.T) {
	began := time.Now()
	if err := <-start(t, occupied(t, labelled, false)).ended; err != nil {
		t.Fatal(err)
	}
	whole := time.Since(began)
	const rounds = 8
	changed := 0
	for round := range rounds + 1 {
		a := occupied(t, labelled, round%2 == 0)
		before := a.Disk.Digest(t)
		c := start(t, a)
		moment := time.After(whole * time.Duration(round+1) / rounds)
		if round == rounds {
			moment = a.written(t)
		}
		c.kill(t, moment)
		if a.Disk.Digest(t) != before {
			changed++
		}
		a.erase(t)
	}
	if changed == 0 {
		t.Error("nothing was ever written before it was killed")
	}
}
