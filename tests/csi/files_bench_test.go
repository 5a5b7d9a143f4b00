//go:build e2e

package csi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/figures"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// BenchmarkFiles prints what file volumes cost beside what they are compared with, all with one filesystem.
func BenchmarkFiles(b *testing.B) {
	s := newSuite(b, filesystem)
	b.Run("Create", s.benchSubvolumes)
	b.Run("Claims", s.benchFileClaims)
	b.Run("Throughput", s.benchThroughput)
	b.Run("Memory", s.benchFileMemory)
}

// rawSubvolumes has Ceph make subvolumes one after the other in one session, as the CSI controller has one, and prints the
// milliseconds of each.
const rawSubvolumes = `cat >/tmp/raw.py <<'END'
import json, rados, time
cluster = rados.Rados(conffile="/etc/ceph/ceph.conf", conf={"keyfile": "/tmp/admin"})
cluster.connect()
def ask(prefix, **more):
    code, _, text = cluster.mgr_command(json.dumps(dict(more, prefix="fs subvolume " + prefix, vol_name="%[1]s", group_name="%[2]s")), b"")
    assert code == 0, text
for i in range(%[3]d):
    began = time.time()
    ask("create", sub_name="raw-%%d" %% i, size=1 << 30)
    print(1000 * (time.time() - began))
for i in range(%[3]d):
    ask("rm", sub_name="raw-%%d" %% i)
END
python3 /tmp/raw.py`

// oneByOne is how many volumes are made one after the other.
const oneByOne = 10

// benchSubvolumes is about the call CreateVolume beside the command of Ceph that makes a subvolume.
func (s *suite) benchSubvolumes(b *testing.B) {
	var raw, calls []float64
	for b.Loop() {
		for _, text := range lines(s.ask(b, fmt.Sprintf(rawSubvolumes, filesystemName, classFiles, oneByOne))) {
			took, err := strconv.ParseFloat(text, 64)
			if err != nil {
				b.Fatal(err)
			}
			raw = append(raw, took)
		}
		calls = append(calls, s.createVolumeTakes(b))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(figures.Median(raw), "raw-ms")
	b.ReportMetric(figures.Median(calls), "CreateVolume-ms")
	b.ReportMetric(figures.Median(calls)/figures.Median(raw), "ratio")
}

// createVolumeTakes makes claims one after the other, and returns how many milliseconds a call took by the controller's own
// account. Then it deletes them.
func (s *suite) createVolumeTakes(b *testing.B) float64 {
	b.Helper()
	sumBefore, countBefore := s.createVolumeCalls(b)
	for i := range oneByOne {
		name := fmt.Sprintf("one-%d", i)
		s.claims(b, sharedClaim(name))
		s.Kubectl(b, "-n", s.namespace, "wait", "--for=jsonpath={.status.phase}=Bound", "--timeout=150s", "pvc/"+name)
	}
	sum, count := s.createVolumeCalls(b)
	s.gone(b, "pvc", "--all")
	if count == countBefore {
		b.Fatal("the CSI controller counts no call CreateVolume")
	}
	return 1000 * (sum - sumBefore) / (count - countBefore)
}

// createVolumeCalls are the seconds that calls took in all, and how many there were, of every replica of the CSI controller.
func (s *suite) createVolumeCalls(b *testing.B) (seconds, calls float64) {
	b.Helper()
	pods := s.Kubectl(b, "-n", product.Namespace, "get", "pods", "-l", "app.kubernetes.io/component=csi-controller", "-o", "jsonpath={.items[*].metadata.name}")
	for _, name := range lines(pods) {
		metrics := s.Kubectl(b, "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", product.Namespace, name))
		for line := range strings.Lines(metrics) {
			if !strings.Contains(line, `driver="cephfs.csi.seamount.dev"`) || !strings.Contains(line, `method="CreateVolume"`) {
				continue
			}
			value, err := strconv.ParseFloat(lines(line)[len(lines(line))-1], 64)
			switch {
			case err != nil:
				b.Fatal(err)
			case strings.HasPrefix(line, "seamount_csi_call_seconds_sum"):
				seconds += value
			case strings.HasPrefix(line, "seamount_csi_call_seconds_count"):
				calls += value
			}
		}
	}
	return seconds, calls
}

// benchFileClaims is about how fast claims that are made at once are Bound.
func (s *suite) benchFileClaims(b *testing.B) {
	s.noopEnded = func() error { return nil }
	var took []float64
	for b.Loop() {
		took = append(took, s.bound(b, classFiles, fmt.Sprintf("files%d", len(took))))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(atOnce/figures.Median(took), "claims/s")
}

// work writes and reads a large file, and makes small ones, below the directory $1. It prints MiB a second of writing, of
// reading, and small files a second.
const work = clock + `
rate() { awk "BEGIN { print $1 * 1000 / ($(now) - $2) }"; }
began=$(now); dd if=/dev/zero of=$1/large bs=1M count=256 conv=fsync 2>/dev/null; rate 256 $began
began=$(now); dd if=$1/large of=/dev/null bs=1M iflag=direct 2>/dev/null; rate 256 $began
mkdir $1/small
began=$(now); i=0; while [ $i -lt 500 ]; do echo 0123456789 >$1/small/$i; i=$((i + 1)); done; sync -f $1/small; rate 500 $began
rm -r $1/small $1/large`

// benchThroughput is about a file volume in a pod beside ceph-fuse as a person mounts it, on the same node, in turns.
func (s *suite) benchThroughput(b *testing.B) {
	s.claims(b, sharedClaim("fast"))
	s.start(b, pod{name: "fast", node: nodes[0], claims: []string{"fast"}})
	s.hand(b, "by-hand")
	way := s.wayOf(b, "fast")
	options := s.options(b, "by-hand", user{"client.admin", s.ask(b, "cat /tmp/admin"), way["mons"]})
	if err := s.mountByHand("by-hand", options, way["path"]); err != nil {
		b.Fatal(err)
	}
	s.sh(b, "by-hand", "mkdir /tmp/files/by-hand")
	results := map[string][][]float64{}
	for b.Loop() {
		results["volume"] = append(results["volume"], s.worked(b, "fast", "/data"))
		results["by-hand"] = append(results["by-hand"], s.worked(b, "by-hand", "/tmp/files/by-hand"))
	}
	b.ReportMetric(0, "ns/op")
	for where, rounds := range results {
		for i, unit := range []string{"write-MiB/s", "read-MiB/s", "small-files/s"} {
			var column []float64
			for _, round := range rounds {
				column = append(column, round[i])
			}
			b.ReportMetric(figures.Median(column), where+"-"+unit)
		}
	}
	s.sh(b, "by-hand", "umount /tmp/files") // or its session, and what it holds, would outlive the pod by a minute
	s.gone(b, "pod/by-hand", "pod/fast", "pvc/fast")
}

// worked are the figures of the work in a pod.
func (s *suite) worked(b *testing.B, pod, dir string) []float64 {
	b.Helper()
	var values []float64
	for _, text := range lines(s.sh(b, pod, "set -- "+dir+"\n"+work)) {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			b.Fatal(err)
		}
		values = append(values, value)
	}
	if len(values) != 3 {
		b.Fatalf("%d figures: %v", len(values), values)
	}
	return values
}

// benchFileMemory is about what ceph-fuse has resident, idle and after it has moved much.
func (s *suite) benchFileMemory(b *testing.B) {
	s.claims(b, sharedClaim("memory"))
	s.start(b, pod{name: "memory", node: nodes[0], claims: []string{"memory"}})
	for b.Loop() {
		b.ReportMetric(residentBy(b)["ceph-fuse"], "idle-MiB")
		s.worked(b, "memory", "/data")
		b.ReportMetric(residentBy(b)["ceph-fuse"], "worked-MiB")
	}
	b.ReportMetric(0, "ns/op")
	s.gone(b, "pod/memory", "pvc/memory")
}
