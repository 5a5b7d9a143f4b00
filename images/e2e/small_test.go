//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/images/builder"
)

// TestBuildIsReproducible builds an image twice, the second time without the
// first one's archive, and wants the same digest.
func TestBuildIsReproducible(t *testing.T) {
	b := newBuilder(t, privateCache(t), "")
	first, err := b.Build(t.Context(), "pause")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.Archive); err != nil {
		t.Fatal(err)
	}
	second, err := b.Build(t.Context(), "pause")
	if err != nil {
		t.Fatal(err)
	}
	if second.Cached {
		t.Error("the second build built nothing")
	}
	third, err := b.Build(t.Context(), "pause")
	if err != nil {
		t.Fatal(err)
	}
	if !third.Cached {
		t.Error("the third build built again")
	}
	second.Cached, first.Cached, third.Cached = false, false, false
	if diff := cmp.Diff([]builder.Image{first, first}, []builder.Image{second, third}); diff != "" {
		t.Errorf("(-first +later):\n%s", diff)
	}
}

// TestPause wants the pod's first process to stay and to end when told to.
func TestPause(t *testing.T) {
	r := unpack(t, newBuilder(t, privateCache(t), ""), "pause")
	cmd := r.command(context.Background(), "/pause", "-P")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "pause runs", func() (string, bool) {
		exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "exe"))
		return exe, err == nil && strings.HasSuffix(exe, "/catatonit")
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // by which signal it says it ended does not matter
}

// TestWorkload runs fio and PostgreSQL as the image's user. Whether they run is looked at, not what a power failure leaves of
// them: PostgreSQL is spared the waits for the disk, which may be busy with other things.
func TestWorkload(t *testing.T) {
	r := unpack(t, newBuilder(t, privateCache(t), ""), "workload")
	r.user = "1000:1000"
	r.run("fio", "--name=w", "--filename=/home/workload/f", "--size=4M", "--rw=randwrite", "--verify=crc32c", "--ioengine=psync")
	r.run("/usr/lib/postgresql/18/bin/initdb", "-D", "/home/workload/db", "--auth", "trust", "--no-sync")
	out := r.run("sh", "-c", `export PATH=/usr/lib/postgresql/18/bin:$PATH PGCTLTIMEOUT=240
		pg_ctl -D /home/workload/db -o "-c fsync=off -c listen_addresses='' -k /tmp" -w start >/dev/null &&
		pgbench -h /tmp -i -q -s 1 postgres 2>/dev/null >/dev/null && pgbench -h /tmp -t 50 postgres
		code=$?; pg_ctl -D /home/workload/db -m fast stop >/dev/null; exit $code`)
	if !strings.Contains(out, "number of transactions actually processed: 50/50") {
		t.Errorf("pgbench said:\n%s", out)
	}
}

// TestBundleRuns lays the bundle of seamount-node and runs its programs: on this
// machine, whose libraries are others, and where there is nothing else at all.
func TestBundleRuns(t *testing.T) {
	bin := t.TempDir()
	for program, cgo := range map[string]string{"seamount-node": "0", "seamount-block": "1"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-tags=pacific,netgo,osusergo", "-o", filepath.Join(bin, program), "./cmd/"+program)
		build.Dir = "../.."
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOFLAGS=-buildvcs=false -trimpath -gcflags=all=-dwarf=false")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", program, err, out)
		}
	}
	r := unpack(t, newBuilder(t, privateCache(t), bin), "seamount-node")
	host := t.TempDir()
	lay := func() string {
		out, err := exec.CommandContext(t.Context(), filepath.Join(r.dir, "usr/bin/seamount-node"), "bundle", "lay", "--from", filepath.Join(r.dir, "bundle"), "--to", host).CombinedOutput()
		if err != nil {
			t.Fatalf("lay: %v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	dir := lay()
	if again := lay(); again != dir {
		t.Errorf("laid twice: %s and %s", dir, again)
	}
	for program, check := range map[string]struct{ args, want string }{
		"ceph-fuse": {"--version", "ceph version"}, "rbd-nbd": {"--version", "ceph version"}, "mkfs.xfs": {"-V", "mkfs.xfs version"},
		"mkfs.ext4": {"-V", "mke2fs"}, "e2fsck": {"-V", "e2fsck"}, "resize2fs": {"", "resize2fs"}, "blkid": {"-V", "blkid from"},
		"xfs_growfs": {"-V", "xfs_growfs version"}, "xfs_repair": {"-V", "xfs_repair version"}, "smartctl": {"--version", "smartctl"},
		"seamount-block": {"version", "seamount-block "},
	} {
		args := []string{"/ld-linux-x86-64.so.2", "--library-path", "/lib", "--argv0", program, "/bin/" + program}
		args = append(args, strings.Fields(check.args)...)
		here := make([]string, len(args))
		for i, a := range args {
			here[i] = a
			if strings.HasPrefix(a, "/") {
				here[i] = dir + a
			}
		}
		for place, cmd := range map[string]*exec.Cmd{
			"on this machine":  exec.CommandContext(t.Context(), here[0], here[1:]...),
			"where nothing is": exec.CommandContext(t.Context(), "chroot", append([]string{dir}, args...)...),
		} {
			out, _ := cmd.CombinedOutput() // a program asked for its usage may fail
			if !strings.Contains(string(out), check.want) {
				t.Errorf("%s %s: want %q, got: %s", program, place, check.want, out)
			}
		}
	}
}

// TestSeamountLinks builds the image of the operator, if its program has been
// built, and runs it with the libraries of the image.
func TestSeamountLinks(t *testing.T) {
	if _, err := os.Stat("../../bin/seamount"); err != nil {
		t.Skip("bin/seamount has not been built: make build")
	}
	r := unpack(t, newBuilder(t, privateCache(t), "../../bin"), "seamount")
	if out := r.run("/usr/bin/seamount", "version"); out == "" {
		t.Error("seamount version printed nothing")
	}
}
