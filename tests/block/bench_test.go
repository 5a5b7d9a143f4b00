//go:build e2e

package block

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// How long images stall when their worker is killed, by the number of images.
func BenchmarkTakeover(b *testing.B) {
	cluster := cephtest.Shared(b)
	b.Run("1", func(b *testing.B) {
		n := newNode(b, cluster, "bench-one")
		c := admin(b, cluster)
		device(b, n.mapImage(newImage(b, c, pool(b, cluster, c), "volume", 1<<30), block.SingleNode))
		n.benchTakeover(b)
	})
	b.Run(fmt.Sprint(many), func(b *testing.B) {
		n := newNode(b, cluster, "bench-many")
		for _, m := range manyMapped(b, n) {
			device(b, m)
		}
		n.benchTakeover(b)
	})
}

func (n *node) benchTakeover(b *testing.B) {
	var sum, longest time.Duration
	for b.Loop() {
		stall := n.killWorker()
		sum, longest = sum+stall, max(longest, stall)
	}
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "stall-ms")
	b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
	b.ReportMetric(float64(resident(b, n.keeper.Process.Pid)), "keeper-MB")
	b.ReportMetric(float64(resident(b, n.status().Worker.PID)), "worker-MB")
}

// What the device is worth, beside librbd in fio itself on the same image, and the loop device without direct I/O.
func BenchmarkDevice(b *testing.B) {
	cluster := cephtest.Shared(b)
	c := admin(b, cluster)
	n := newNode(b, cluster, "bench-device")
	image := newImage(b, c, pool(b, cluster, c), "volume", 1<<30)
	m := n.mapImage(image, block.SingleNode)
	disk := device(b, m)
	run(b, "dd", "if=/dev/urandom", "of="+disk.Path, "bs=1M", "count=1024", "oflag=direct", "status=none")
	for _, w := range workloads {
		b.Run("device/"+w.name, func(b *testing.B) { w.run(b, "--filename="+disk.Path, "--direct=1", "--ioengine=libaio") })
	}
	do(b, disk.Detach())
	b.Run("file/"+workloads[0].name, func(b *testing.B) {
		buffered := loopdev.Attach(b, m.Path, loopdev.Options{})
		workloads[0].run(b, "--filename="+buffered.Path, "--direct=1", "--ioengine=libaio")
	})
	n.unmap(image)
	for _, w := range workloads {
		b.Run("librbd/"+w.name, func(b *testing.B) { w.rbdBench(b, cluster, image) })
	}
}

// workload is what is measured.
type workload struct {
	name, rw, pattern, size string
	depth                   int
}

var workloads = []workload{
	{"4k-random-write", "randwrite", "rand", "4k", 16},
	{"4k-random-read", "randread", "rand", "4k", 16},
	{"1M-write", "write", "seq", "1M", 8},
	{"1M-read", "read", "seq", "1M", 8},
}

const benchTime = "8"

func (w workload) run(b *testing.B, args ...string) {
	for b.Loop() {
		f := startFio(b, append([]string{"--rw=" + w.rw, "--bs=" + w.size, fmt.Sprintf("--iodepth=%d", w.depth), "--size=1G",
			"--time_based", "--runtime=" + benchTime}, args...)...)
		r, err := f.wait()
		do(b, err)
		j := r.Jobs[0]
		b.ReportMetric(j.Read.IOPS+j.Write.IOPS, "iops")
		b.ReportMetric(float64(j.Read.Bandwidth+j.Write.Bandwidth)/(1<<20), "MiB/s")
	}
}

// rbdBench is Ceph's own measurement through librbd in one process, with its cache off as the worker has it.
func (w workload) rbdBench(b *testing.B, cluster *cephtest.Cluster, image block.Image) {
	kind := map[string]string{"randwrite": "write", "write": "write", "randread": "read", "read": "read"}[w.rw]
	for b.Loop() {
		out, err := cluster.Tool(within(b, 5*time.Minute), "rbd", "-c", cluster.Dir()+"/client.conf", "--rbd_cache=false", "bench", image.String(),
			"--io-type", kind, "--io-pattern", w.pattern, "--io-size", strings.ToUpper(w.size), "--io-threads", fmt.Sprint(w.depth), "--io-total", w.total()).CombinedOutput()
		if err != nil {
			b.Fatalf("rbd bench: %v: %s", err, out)
		}
		iops, bytes := benchResult(b, string(out))
		b.ReportMetric(iops, "iops")
		b.ReportMetric(bytes/(1<<20), "MiB/s")
	}
}

func (w workload) total() string {
	if w.size == "4k" {
		return "32M"
	}
	return "1G"
}

// benchResult reads the last line of rbd bench: "elapsed: 3  ops: 8192  ops/sec: 2312.3  bytes/sec: 9.0 MiB/s".
func benchResult(b *testing.B, out string) (iops, bytes float64) {
	b.Helper()
	var elapsed float64
	var ops, unit string
	lines := strings.Split(strings.TrimSpace(out), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) < 9 {
		b.Fatalf("rbd bench printed %q", lines[len(lines)-1])
	}
	_, err := fmt.Sscan(strings.Join([]string{fields[1], fields[3], fields[5], fields[7], fields[8]}, " "), &elapsed, &ops, &iops, &bytes, &unit)
	do(b, err)
	scale := map[string]float64{"KiB/s": 1 << 10, "MiB/s": 1 << 20, "GiB/s": 1 << 30}
	return iops, bytes * scale[unit]
}
