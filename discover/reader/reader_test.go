package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/discover/disk"
)

// The test binary stands in for seamount-node, which has the child as a command.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "discover" && os.Args[2] == "read" {
		if err := Child(context.Background(), os.Args[3:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var sda = disk.Number{Major: 8}

func TestReadThroughAChild(t *testing.T) {
	t.Parallel()
	blkid := "/usr/sbin/blkid"
	if _, err := os.Stat(blkid); err != nil {
		t.Skip("blkid of util-linux is not installed")
	}
	dev := t.TempDir()
	path := filepath.Join(dev, "cciss", "c0d0")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, make([]byte, 1<<20), 0o600)); err != nil {
		t.Fatal(err)
	}
	r := Reader{Pool: NewPool(2, 2), Exe: os.Args[0], Blkid: blkid, Dev: dev, Deadline: time.Minute}
	got := r.Read(t.Context(), disk.Disk{Name: "cciss!c0d0", Hardware: disk.Hardware{Size: 1 << 20}})
	if got.Outcome != disk.OutcomeRead || got.Samples.Bytes != 1<<20 || got.Samples.NonZero != 0 || len(got.Sources) != 2 {
		t.Errorf("%+v", got)
	}
	got = r.Read(t.Context(), disk.Disk{Name: "cciss!c0d0", Hardware: disk.Hardware{Size: 1 << 21}})
	if got.Outcome != disk.OutcomeFailed || !strings.Contains(got.Text, "1048576 bytes") {
		t.Errorf("another size: %+v", got)
	}
}

func TestReadOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script string
		want   disk.Outcome
		text   string
	}{
		"no answer":        {"true", disk.OutcomeFailed, "answer of the reader"},
		"no JSON":          {"echo empty", disk.OutcomeFailed, "answer of the reader"},
		"no outcome":       {"echo {}", disk.OutcomeFailed, "no outcome"},
		"an error":         {"echo broken >&2; exit 3", disk.OutcomeFailed, "exit code 3: broken"},
		"killed":           {"kill -9 $$", disk.OutcomeFailed, "exit code -1"},
		"an answer":        {`echo '{"Outcome":"unreadable","Text":"sda: bad"}'`, disk.OutcomeUnreadable, "sda: bad"},
		"nothing, forever": {"exec sleep 1000", disk.OutcomeTimeout, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadline := time.Minute // for a script that ends, on a machine that has much else to do
			if tt.want == disk.OutcomeTimeout {
				deadline = 2 * time.Second
			}
			r := Reader{Pool: NewPool(1, 1), Exe: script(t, tt.script), Blkid: "blkid", Deadline: deadline}
			got := r.Read(t.Context(), disk.Disk{Name: "sda", Number: sda})
			if got.Outcome != tt.want || !strings.Contains(got.Text, tt.text) {
				t.Errorf("%s %q, want %s %q", got.Outcome, got.Text, tt.want, tt.text)
			}
		})
	}
	if got := (Reader{Pool: NewPool(1, 1), Exe: "/nonexistent"}).Read(t.Context(), disk.Disk{}); got.Outcome != disk.OutcomeFailed {
		t.Errorf("no program: %+v", got)
	}
}

// script makes a program of shell commands.
func script(t *testing.T, commands string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "child")
	syscall.ForkLock.RLock() // a child forked meanwhile would hold the file open for writing: ETXTBSY
	err := os.WriteFile(path, []byte("#!/bin/sh\n"+commands+"\n"), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// hanging is the deadline of a program that outlives it: until then it must have started its child, which says its process id.
const hanging = 10 * time.Second

// What cannot be killed is given up and counted, does not keep others from running, and holds its device until it ends.
// A process that left the group of its parent stands in for one that hangs in the kernel.
func TestStuckChild(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	pool, sdb := NewPool(1, 1), disk.Number{Major: 8, Minor: 16}
	pidFile := filepath.Join(t.TempDir(), "pid")
	hangs := script(t, `setsid sh -c 'echo $$ >'`+pidFile+`'; exec sleep 1000' & wait`)

	_, err := pool.Run(t.Context(), sda, hanging, hangs)
	g.Expect(err).To(MatchError(ErrTimeout))
	g.Expect([]any{pool.Stuck(), pool.Timeouts()}).To(Equal([]any{1, uint64(1)}))

	_, err = pool.Run(t.Context(), sda, time.Second, "/bin/true")
	g.Expect(err).To(MatchError(ErrStuck), "the same device")
	_, err = pool.Run(t.Context(), sdb, time.Second, "/bin/true")
	g.Expect(err).To(MatchError(ErrStuck), "another device, when as many hang as may")

	g.Expect(syscall.Kill(pidIn(t, pidFile), syscall.SIGKILL)).To(Succeed())
	g.Eventually(pool.Stuck, time.Minute).Should(BeZero())
	out, err := pool.Run(t.Context(), sda, time.Minute, "/bin/echo", "back")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(out)).To(Equal("back\n"))
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil || pid < 2 {
		t.Fatalf("process id %q: %v", text, err)
	}
	return pid
}

func TestOthersRunBesideAStuckChild(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	pool := NewPool(1, 2)
	pidFile := filepath.Join(t.TempDir(), "pid")
	_, err := pool.Run(t.Context(), sda, hanging, script(t, `setsid sh -c 'echo $$ >'`+pidFile+`'; exec sleep 1000' & wait`))
	g.Expect(err).To(MatchError(ErrTimeout))
	defer func() { _ = syscall.Kill(pidIn(t, pidFile), syscall.SIGKILL) }()
	_, err = pool.Run(t.Context(), disk.Number{Major: 8, Minor: 16}, time.Minute, "/bin/true")
	g.Expect(err).NotTo(HaveOccurred())
}

func TestCancelledIsNoTimeout(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	pool := NewPool(1, 1)
	if _, err := pool.Run(ctx, sda, time.Minute, "/bin/sleep", "1000"); err == nil || errors.Is(err, ErrTimeout) {
		t.Errorf("error %v", err)
	}
	g.Expect(pool.Timeouts()).To(BeZero())
	g.Eventually(pool.Stuck, time.Minute).Should(BeZero()) // a killed program may take its time to end
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	out, err := NewPool(1, 1).Run(t.Context(), sda, time.Minute, "/bin/sh", "-c", "yes | head -c 9000000")
	if err != nil || len(out) != outputLimit {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	d := disk.Disk{
		Name: "sdb", Number: disk.Number{Major: 8, Minor: 16}, Sequence: 77, Hardware: disk.Hardware{Size: 4096},
		Partitions: []disk.Partition{{Name: "sdb1"}, {Name: "sdb2"}},
	}
	argv := Reader{Exe: "exe", Blkid: "/sbin/blkid", Deadline: time.Second}.command(d)
	target, deadline, err := parseArgs(argv[3:])
	if err != nil || deadline != time.Second {
		t.Fatalf("%v, deadline %s", err, deadline)
	}
	if diff := cmp.Diff([]any{"/dev/sdb", []string{"/dev/sdb1", "/dev/sdb2"}, int64(4096), d.Number, uint64(77), "/sbin/blkid"},
		[]any{target.Device, target.Partitions, target.Size, target.Number, target.Sequence, target.Blkid}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, args := range [][]string{nil, {"--device", "x"}, {"--device", "x", "--blkid", "y", "z"}, {"--number", "8"}, {"--other"}} {
		if _, _, err := parseArgs(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func FuzzParse(f *testing.F) {
	whole, err := json.Marshal(disk.Content{Outcome: disk.OutcomeRead, Labels: []disk.Label{{OSDID: 3}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, out []byte) {
		if content, err := Parse(out); err == nil && content.Outcome == disk.OutcomeNotRead {
			t.Errorf("%+v", content)
		}
	})
}
