//go:build e2e

package volume

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// V3: Unstage succeeds when all is gone, and otherwise names who keeps it.
func TestUnstageNamesWhoPins(t *testing.T) {
	cluster := cephtest.Shared(t)
	n := newNode(t, cluster)
	v := newVolume(t, n, admin(t, cluster), "xfs")
	for name, args := range map[string][]string{
		"working directory":        {"sh", "-c", "cd " + v.staging() + " && exec sleep 1000"},
		"mount namespace of a pod": {"unshare", "--mount", "--propagation", "private", "sleep", "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			v.stage()
			pin := exec.Command(args[0], args[1:]...)
			do(t, pin.Start())
			NewWithT(t).Eventually(func() string {
				text, _ := os.ReadFile("/proc/" + strconv.Itoa(pin.Process.Pid) + "/comm")
				return string(text)
			}, patience).
				Should(Equal("sleep\n"))
			err := v.tryUnstage(within(t))
			refused(t, err, codes.FailedPrecondition, "sleep (pid "+strconv.Itoa(pin.Process.Pid)+")")
			do(t, pin.Process.Kill())
			_ = pin.Wait() // it was killed
			do(t, v.tryUnstage(within(t)))
			v.wantGone()
		})
	}
}

// V3 for a raw device: a process that has it open is named.
func TestUnstageNamesWhoHasTheDevice(t *testing.T) {
	cluster := cephtest.Shared(t)
	n := newNode(t, cluster)
	v := newVolume(t, n, admin(t, cluster), "")
	device := v.stage().GetDevice()
	pin := exec.Command("sleep", "1000")
	file, err := os.Open(device)
	do(t, err)
	pin.ExtraFiles = []*os.File{file}
	do(t, pin.Start())
	do(t, file.Close())
	refused(t, v.tryUnstage(within(t)), codes.FailedPrecondition, device, "sleep (pid "+strconv.Itoa(pin.Process.Pid)+")")
	do(t, pin.Process.Kill())
	_ = pin.Wait() // it was killed
	do(t, v.tryUnstage(within(t)))
	v.wantGone()
}

// A volume with content of somebody else is refused, is not changed by a byte, and is given back.
func TestForeignContentIsNotFormatted(t *testing.T) {
	cluster := cephtest.Shared(t)
	n := newNode(t, cluster)
	for name, c := range map[string]struct {
		fill func(t *testing.T, device string)
		says string
	}{
		"another filesystem": {func(t *testing.T, d string) {
			out, err := exec.Command("mkfs.ext4", "-q", d).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}, "holds ext4"},
		"a few bytes at the end": {func(t *testing.T, d string) {
			f, err := os.OpenFile(d, os.O_WRONLY, 0)
			do(t, err)
			_, err = f.WriteAt([]byte("x"), size-100)
			do(t, err)
			do(t, f.Sync())
			do(t, f.Close())
		}, "something at byte"},
		// Between the places that are sampled; only Ceph knows of it.
		"a few bytes in between": {func(t *testing.T, d string) {
			f, err := os.OpenFile(d, os.O_WRONLY, 0)
			do(t, err)
			_, err = f.WriteAt([]byte("x"), 3*mib+512)
			do(t, err)
			do(t, f.Sync())
			do(t, f.Close())
		}, "It is not formatted"},
		"zeros that were written": {func(t *testing.T, d string) { write(t, d, make([]byte, 8*mib)) }, "Ceph holds data of it"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t, n, admin(t, cluster), "")
			v.t = t
			c.fill(t, v.stage().GetDevice())
			before := v.digest()
			do(t, v.tryUnstage(within(t)))
			v.filesystem = "xfs"
			_, err := v.tryStage(within(t))
			refused(t, err, codes.FailedPrecondition, c.says, "ot formatted")
			v.wantGone() // for another node, or for whoever looks at it
			v.filesystem = ""
			v.stage()
			if after := v.digest(); !bytes.Equal(after, before) {
				t.Error("it was changed")
			}
			do(t, v.tryUnstage(within(t)))
		})
	}
}

// digest is the content of the whole device.
func (v *volume) digest() []byte {
	v.t.Helper()
	out, err := exec.Command("sha256sum", v.stage().GetDevice()).Output()
	do(v.t, err)
	return bytes.Fields(out)[0]
}

// V4: a mkfs that was cut short in the middle is done again. The mark on the image alone says so: the same content without
// it is refused.
func TestInterruptedFormatting(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster)
	for _, filesystem := range []string{"xfs", "ext4"} {
		v := newVolume(t, n, c, filesystem)
		v.killedBefore("Stage: take the mark away")
		metadata, err := c.ImageMetadata(within(t), v.ref())
		do(t, err)
		if metadata[ceph.ImageKeyFormatting] != filesystem {
			t.Fatalf("the mark is %q", metadata[ceph.ImageKeyFormatting])
		}
		v.spoil()
		v.Restart()
		v.stage()
		do(t, v.tryPublish(within(t), "writer", false))
		write(t, v.file("writer"), content)
		do(t, v.tryUnpublish(within(t), "writer"))
		do(t, v.tryUnstage(within(t)))
		if metadata, err = c.ImageMetadata(within(t), v.ref()); err != nil || metadata[ceph.ImageKeyFormatting] != "" {
			t.Errorf("the mark is left: %v, %v", metadata, err)
		}
	}
}

// killedBefore stages with an agent that is killed before a step.
func (v *volume) killedBefore(step string) {
	v.t.Helper()
	v.Kill()
	v.Order.KillStep = step
	v.Start(0)
	if _, err := v.tryStage(within(v.t)); err == nil {
		v.t.Fatalf("there is no step %q", step)
	}
	v.Order.KillStep = ""
}

// spoil overwrites the beginning of the filesystem, as a mkfs that was killed leaves it: not blank, and no filesystem.
func (v *volume) spoil() {
	v.t.Helper()
	devices := v.devices()
	if len(devices) != 1 {
		v.t.Fatalf("devices: %v", devices)
	}
	name := strings.Split(devices[0], "/")[3]
	write(v.t, "/dev/"+name, bytes.Repeat([]byte{0x5a}, 64<<10))
}

// A restored volume is mounted beside its source, also by readers alone while its log still holds what was written last.
func TestRestoreBesideItsSource(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster)
	for _, filesystem := range []string{"xfs", "ext4"} {
		source := newVolume(t, n, c, filesystem)
		source.stage()
		do(t, source.tryPublish(within(t), "writer", false))
		write(t, source.file("writer"), content)
		snapshot := ceph.SnapshotRef{ImageRef: source.ref(), Snapshot: "s"}
		do(t, c.CreateSnapshot(within(t), snapshot)) // while it is mounted: the log is not played back
		for access, writes := range map[agentv1.Access]bool{
			agentv1.Access_ACCESS_SINGLE_NODE: true, agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY: false,
		} {
			v := newVolume(t, n, c, filesystem)
			do(t, c.RemoveImage(within(t), v.ref()))
			do(t, c.CloneImage(within(t), snapshot, ceph.ImageSpec{ImageRef: v.ref()}))
			v.access = access
			v.stage()
			do(t, v.tryPublish(within(t), "writer", false))
			wantContent(t, v.file("writer"), content)
			if err := os.WriteFile(v.target("writer")+"/new", nil, 0o600); (err == nil) != writes {
				t.Errorf("%s: written: %v", access, err)
			}
			do(t, v.tryUnpublish(within(t), "writer"))
			do(t, v.tryUnstage(within(t)))
			v.wantGone()
		}
		do(t, source.tryUnpublish(within(t), "writer"))
		do(t, source.tryUnstage(within(t)))
	}
}

// A volume whose helpers were both killed is abnormal, and it is said what to do. That helps.
func TestLost(t *testing.T) {
	v := newPublished(t)
	n := v.node
	write(t, v.file("writer"), content)
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	stream, err := n.Watch(ctx, &agentv1.WatchRequest{})
	do(t, err)
	keeper, worker := n.helpers()
	do(t, unix.Kill(keeper, unix.SIGKILL))
	do(t, unix.Kill(worker, unix.SIGKILL))
	news := told(t, stream, func(c *agentv1.Condition) bool { return strings.Contains(c.GetMessage(), "Delete the pods") })
	if !news.GetCondition().GetAbnormal() || news.GetVolumeId() != v.id() || len(news.GetPods()) != 1 || news.GetPods()[0].GetName() != "writer" {
		t.Errorf("told: %v", news)
	}
	if got := v.stats().GetCondition(); !got.GetAbnormal() {
		t.Errorf("stats: %v", got)
	}
	do(t, v.tryUnpublish(within(t), "writer"))
	do(t, v.tryUnstage(within(t)))
	v.wantGone()
	told(t, stream, func(c *agentv1.Condition) bool { return !c.GetAbnormal() })
	v.stage()
	do(t, v.tryPublish(within(t), "writer", false))
	wantContent(t, v.file("writer"), content)
	do(t, v.tryUnpublish(within(t), "writer"))
	do(t, v.tryUnstage(within(t)))
}

// told waits for news of that kind. Others may come before: of trouble that may mend itself, and of pods that are gone.
func told(t *testing.T, stream grpc.ServerStreamingClient[agentv1.WatchResponse], wanted func(*agentv1.Condition) bool) *agentv1.WatchResponse {
	t.Helper()
	for {
		news, err := stream.Recv()
		do(t, err)
		t.Logf("told: %v", news)
		if wanted(news.GetCondition()) {
			return news
		}
	}
}

// What cannot be done is refused with what to do.
func TestRefusals(t *testing.T) {
	cluster := cephtest.Shared(t)
	n := newNode(t, cluster)
	c := admin(t, cluster)
	v := newVolume(t, n, c, "xfs")
	v.mapper = agentv1.Mapper_MAPPER_KRBD
	if _, err := os.Stat("/sys/bus/rbd"); err != nil {
		_, err := v.tryStage(within(t))
		refused(t, err, codes.FailedPrecondition, "KRBD", "Auto")
	}
	v.mapper = agentv1.Mapper_MAPPER_NBD
	_, err := v.tryStage(within(t))
	refused(t, err, codes.FailedPrecondition, "NBD", "Auto")
	v.mapper = agentv1.Mapper_MAPPER_UNSPECIFIED
	do(t, c.RemoveImage(within(t), v.ref()))
	_, err = v.tryStage(within(t))
	refused(t, err, codes.NotFound, v.image)
	do(t, c.CreateImage(within(t), ceph.ImageSpec{ImageRef: v.ref(), Size: 100 * mib}))
	_, err = v.tryStage(within(t))
	refused(t, err, codes.FailedPrecondition, "at least 300 MiB")
	v.wantGone()
	sealed := n.attached.GetSealedKey()
	n.attached.SealedKey = []byte("sealed for somebody else")
	_, err = v.tryStage(within(t))
	refused(t, err, codes.FailedPrecondition, "attach it again")
	n.attached.SealedKey = sealed
	refused(t, v.tryPublish(within(t), "writer", false), codes.FailedPrecondition, "not staged")
	do(t, v.tryUnstage(within(t)))
	do(t, v.tryUnpublish(within(t), "writer"))
}
