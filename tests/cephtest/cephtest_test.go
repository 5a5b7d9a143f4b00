//go:build e2e && linux

package cephtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
)

const patience = 2 * time.Minute

// victim makes the test binary run a cluster until it is killed.
const victim = "SEAMOUNT_CEPHTEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		if err := beVictim(); err != nil {
			panic(err)
		}
	}
	os.Exit(Main(m))
}

// belongings are what must be gone after a cluster's process was killed.
type belongings struct {
	Pids []int
	Dir  string
	Loop string
}

func beVictim() error {
	c, err := New(context.Background(), Options{OSDs: 1, MDS: 1, Disk: LoopDisk})
	if err != nil {
		return err
	}
	b := belongings{Dir: c.Dir(), Loop: c.disks[0].link}
	for _, d := range c.Daemons() {
		b.Pids = append(b.Pids, c.Pid(d))
	}
	if err := json.NewEncoder(os.Stdout).Encode(b); err != nil {
		return err
	}
	select {}
}

// Whatever kills a test binary, nothing of its clusters stays.
func TestNothingOutlivesTheTestBinary(t *testing.T) {
	g := NewWithT(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cmd.Start()).To(Succeed())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	g.Expect(err).NotTo(HaveOccurred())
	var b belongings
	g.Expect(json.Unmarshal(line, &b)).To(Succeed())
	g.Expect(b.Pids).To(HaveLen(4))
	g.Expect(b.Pids).To(HaveEach(Satisfy(alive)))
	g.Expect(backing(b.Loop)).To(HavePrefix(b.Dir))

	g.Expect(cmd.Process.Kill()).To(Succeed())
	_ = cmd.Wait() // it was killed
	g.Eventually(func() []int { return b.Pids }, patience).Should(HaveEach(Not(Satisfy(alive))))
	g.Eventually(func() string { return backing(b.Loop) }, patience).ShouldNot(HavePrefix(b.Dir))
	// Whoever starts a cluster meanwhile removes it too, and then this process does not.
	g.Eventually(func() (string, error) { return b.Dir, removeLeftovers() }, patience).ShouldNot(BeADirectory())
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// backing is the file behind a loop device, empty if it has none.
func backing(loop string) string {
	b, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(loop), "loop/backing_file"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestDaemons(t *testing.T) {
	g := NewWithT(t)
	c := Start(t, Options{Mons: 3, Mgrs: 2, OSDs: 2})
	g.Expect(c.Daemons()).To(Equal([]string{"mgr.a", "mgr.b", "mon.a", "mon.b", "mon.c", "osd.0", "osd.1"}))
	g.Expect(c.MonHosts()).To(HaveLen(3))

	g.Expect(c.Start("osd.1")).To(MatchError("osd.1 runs already"))
	g.Expect(c.Kill("osd.9")).To(MatchError(ContainSubstring(`no daemon "osd.9": there are mgr.a, mgr.b`)))
	before := c.Pid("osd.1")
	g.Expect(c.Kill("osd.1")).To(Succeed())
	g.Expect(c.Kill("osd.1")).To(Succeed(), "one that does not run")
	g.Expect(c.Pid("osd.1")).To(BeZero())
	g.Expect(c.Pause("osd.1")).To(MatchError("osd.1 does not run"))
	g.Expect(c.Start("osd.1")).To(Succeed())
	g.Expect(c.Pid("osd.1")).NotTo(Or(BeZero(), Equal(before)))

	g.Expect(c.Pause("mon.c")).To(Succeed())
	g.Eventually(func() string { return state(c.Pid("mon.c")) }, patience).Should(Equal("T"))
	g.Expect(c.Terminate("mon.c")).To(Succeed(), "one that is stopped")
	g.Expect(c.Restart("mon.c")).To(Succeed(), "one that does not run")
	g.Expect(c.WaitHealthy(within(t))).To(Succeed())
}

// state is the process's state letter, such as T for stopped.
func state(pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

// An OSD joins after "osd new", in a cluster that runs its daemons in a chroot
// (of the host itself here), with a loop device for a disk.
func TestAddOSD(t *testing.T) {
	g := NewWithT(t)
	c := Start(t, Options{OSDs: 1, Rootfs: "/", Disk: LoopDisk, DiskSize: 1 << 30})
	o := OSD{UUID: newUUID(), Key: NewKey(), Host: "node7"}
	secret := filepath.Join(c.Dir(), "secret.json")
	g.Expect(os.WriteFile(secret, []byte(`{"cephx_secret":"`+o.Key.Reveal()+`"}`), 0o600)).To(Succeed())
	id, err := c.Ceph(within(t), "osd", "new", o.UUID, "-i", c.inside("secret.json"))
	g.Expect(err).NotTo(HaveOccurred())
	o.ID = strings.TrimSpace(string(id))
	g.Expect(c.AddOSD(within(t), o)).To(Succeed())
	g.Expect(c.WaitHealthy(within(t))).To(Succeed())
	tree, err := c.Ceph(within(t), "osd", "tree")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(tree)).To(MatchRegexp(`host node7\s+1 .*osd.1 +up`))
}

func TestSharedIsOne(t *testing.T) {
	first := Shared(t)
	if Shared(t) != first {
		t.Error("two calls got two clusters")
	}
}

// A start that fails tells the daemons' words, and leaves nothing behind. It fails by its time, of which what comes before the first
// daemon is a part.
func TestStartThatFailsSaysWhy(t *testing.T) {
	before := directories(t)
	_, err := New(t.Context(), Options{Config: map[string]string{"public_addr": "192.0.2.1"}, ReadyTimeout: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "--- mon.a (running: ") {
		t.Errorf("error = %v, want the log of mon.a", err)
	}
	if diff := cmp.Diff(before, directories(t)); diff != "" {
		t.Errorf("directories (-before +after):\n%s", diff)
	}
}

// directories are those that this process holds: others' come and go.
func directories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{}
	for _, f := range files {
		if target, err := os.Readlink(f); err == nil && strings.Contains(target, directoryPrefix) {
			dirs = append(dirs, target)
		}
	}
	return dirs
}
