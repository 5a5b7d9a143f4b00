//go:build e2e

package discover

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// BenchmarkScan measures one look at a node with so many empty disks, and the reading of all of them, four at a time, as
// discover does it. Empty disks take longest: only of them all samples are read.
func BenchmarkScan(b *testing.B) {
	for _, count := range []int{1, 24, 100} {
		b.Run(fmt.Sprintf("disks=%d", count), func(b *testing.B) { scanDisks(b, count) })
	}
}

func scanDisks(b *testing.B, count int) {
	disks := make([]*loopdev.Disk, count)
	for i := range disks {
		disks[i] = loopdev.New(b, 8<<40)
	}
	c := newChain(b)
	look := time.Duration(0)
	for b.Loop() {
		start := time.Now()
		if _, err := c.inventory.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
		look += time.Since(start)
		for _, j := range c.scan(b, disks...) {
			if j.Result != v1alpha1.VerdictUsable {
				b.Fatalf("%s is %s: %+v", j.Name, j.Result, j.Reasons)
			}
		}
	}
	b.ReportMetric(float64(look.Milliseconds())/float64(b.N), "ms/look")
	memory, cpu := reading(b, c, disks[0])
	b.ReportMetric(memory, "MiB/reader")
	b.ReportMetric(cpu, "CPU-ms/disk")
}

// reading is what the process that reads one disk takes, with blkid: memory in MiB and CPU time in milliseconds.
func reading(b *testing.B, c *chain, d *loopdev.Disk) (memory, cpu float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), c.reader.Exe, "discover", "read", "--device", d.Path, "--size", strconv.Itoa(8<<40), "--blkid", c.reader.Blkid)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the kernel says nothing of what a process used")
	}
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return float64(usage.Maxrss) / 1024, float64(spent.Microseconds()) / 1000
}

// BenchmarkJudge is the part that is pure.
func BenchmarkJudge(b *testing.B) {
	d := loopdev.New(b, diskSize)
	c := newChain(b)
	j := c.scan(b, d)[d.Name]
	for b.Loop() {
		verdict.Judge(j.Disk, c.context)
	}
}
