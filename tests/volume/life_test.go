//go:build e2e

package volume

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// Everything that kubelet asks for, from the first mount to the last.
func TestWholeLife(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster)
	for _, filesystem := range []string{"xfs", "ext4", ""} {
		t.Run("filesystem="+filesystem, func(t *testing.T) {
			v := newVolume(t, n, c, filesystem)
			v.t = t
			began := time.Now()
			staged := v.stage()
			t.Logf("staged in %s as %s", time.Since(began).Round(time.Millisecond), staged.GetDevice())
			if staged.GetMapper() != agentv1.Mapper_MAPPER_SEAMOUNT {
				t.Errorf("mapped by %s", staged.GetMapper())
			}
			if again := v.stage(); again.GetDevice() != staged.GetDevice() {
				t.Errorf("staged again as %s", again.GetDevice())
			}
			v.use()
			v.grow()
			v.trim()
			v.giveBack()
			v.comesBack()
		})
	}
}

var content = bytes.Repeat([]byte("seamount"), 64<<10)

// use publishes for a pod that writes and one that reads.
func (v *volume) use() {
	v.t.Helper()
	for range 2 {
		do(v.t, v.tryPublish(within(v.t), "writer", false))
		do(v.t, v.tryPublish(within(v.t), "reader", true))
	}
	refused(v.t, v.tryPublish(within(v.t), "reader", false), codes.AlreadyExists, "read-only true")
	write(v.t, v.file("writer"), content)
	wantContent(v.t, v.file("reader"), content)
	if v.filesystem != "" {
		if err := os.WriteFile(v.target("reader")+"/no", nil, 0o600); !errors.Is(err, unix.EROFS) {
			v.t.Errorf("the reader wrote: %v", err)
		}
	}
	refused(v.t, v.tryUnstage(within(v.t)), codes.FailedPrecondition, "default/writer", "default/reader")
}

func (v *volume) stats() *agentv1.StatsResponse {
	v.t.Helper()
	r, err := v.Stats(within(v.t), &agentv1.StatsRequest{VolumeId: v.id(), VolumePath: v.target("writer")})
	do(v.t, err)
	return r
}

// grow makes the image larger, and then all that is on it.
func (v *volume) grow() {
	v.t.Helper()
	const larger = size + 128*mib
	before := v.stats()
	do(v.t, v.admin.ResizeImage(within(v.t), v.ref(), larger))
	r, err := v.Expand(within(v.t), &agentv1.ExpandRequest{VolumeId: v.id(), VolumePath: v.target("writer")})
	if v.filesystem == "ext4" && err != nil {
		// The kernel decides by a capability that machines of tests may lack.
		refused(v.t, err, codes.FailedPrecondition, "CAP_SYS_RESOURCE", "Delete the volume's pods")
		return
	}
	do(v.t, err)
	after := v.stats()
	if grown := after.GetBytes().GetTotal() - before.GetBytes().GetTotal(); r.GetBytes() != larger || grown < 100*mib {
		v.t.Errorf("the device has %d bytes, the filesystem grew by %d", r.GetBytes(), grown)
	}
	if (after.GetInodes() != nil) != (v.filesystem != "") || after.GetCondition().GetAbnormal() {
		v.t.Errorf("stats: %v", after)
	}
	_, err = v.Stats(within(v.t), &agentv1.StatsRequest{VolumeId: v.id(), VolumePath: "/nowhere"})
	refused(v.t, err, codes.NotFound, "/nowhere")
}

// trim gives space back to Ceph.
func (v *volume) trim() {
	v.t.Helper()
	if v.filesystem == "" {
		_, err := v.Trim(within(v.t), &agentv1.TrimRequest{VolumeId: v.id()})
		refused(v.t, err, codes.FailedPrecondition, "discard")
		return
	}
	big := v.target("writer") + "/big"
	write(v.t, big, bytes.Repeat([]byte{0xa5}, 64*mib))
	v.sync()
	before, err := v.admin.ImageUsage(within(v.t), v.ref())
	do(v.t, err)
	full := v.stats().GetBytes().GetAvailable()
	do(v.t, os.Remove(big))
	// xfs frees what a deleted file had in the background, and discards it only after that is in its log.
	NewWithT(v.t).Eventually(func() int64 { return v.stats().GetBytes().GetAvailable() }).
		WithTimeout(time.Minute).Should(BeNumerically(">", full+60*mib))
	v.sync()
	r, err := v.Trim(within(v.t), &agentv1.TrimRequest{VolumeId: v.id()})
	do(v.t, err)
	after, err := v.admin.ImageUsage(within(v.t), v.ref())
	do(v.t, err)
	v.t.Logf("trimmed %d MiB; Ceph held %d MiB and holds %d", r.GetBytes()/mib, before/mib, after/mib)
	if before-after < 32*mib {
		v.t.Errorf("Ceph held %d bytes and holds %d", before, after)
	}
}

// sync brings all that was written to the image.
func (v *volume) sync() {
	v.t.Helper()
	dir, err := os.Open(v.target("writer"))
	do(v.t, err)
	do(v.t, unix.Syncfs(int(dir.Fd())))
	do(v.t, dir.Close())
}

// giveBack undoes all, twice.
func (v *volume) giveBack() {
	v.t.Helper()
	for range 2 {
		do(v.t, v.tryUnpublish(within(v.t), "writer"))
		do(v.t, v.tryUnpublish(within(v.t), "reader"))
	}
	if _, err := os.Stat(v.target("writer")); !errors.Is(err, os.ErrNotExist) {
		v.t.Errorf("the target is left: %v", err)
	}
	began := time.Now()
	for range 2 {
		do(v.t, v.tryUnstage(within(v.t)))
	}
	v.t.Logf("unstaged in %s", time.Since(began).Round(time.Millisecond))
	v.wantGone()
}

// comesBack stages anew: the content is there, and all that was not grown online is as large as the image.
func (v *volume) comesBack() {
	v.t.Helper()
	v.stage()
	do(v.t, v.tryPublish(within(v.t), "writer", false))
	wantContent(v.t, v.file("writer"), content)
	if total := v.stats().GetBytes().GetTotal(); total < size+60*mib {
		v.t.Errorf("it has %d bytes", total)
	}
	do(v.t, v.tryUnpublish(within(v.t), "writer"))
	do(v.t, v.tryUnstage(within(v.t)))
	v.wantGone()
}
