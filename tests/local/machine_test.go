//go:build e2e

package local

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// attachForeign attaches a loop device as somebody else on the machine would.
func attachForeign(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "foreign.img")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if err := exec.Command("losetup", "-d", device).Run(); err != nil {
			t.Error(err)
		}
	})
	return device
}

var statusLine = regexp.MustCompile(`(?m)^(\S+)\s+(?:Running|Frozen|Partitioned|Starting)\s+(\d+)`)

// pidsOf are the processes that `status` shows, by name.
func pidsOf(t *testing.T, c *cluster.Cluster) map[string]int {
	t.Helper()
	out, _ := c.Try("status") // fails if something does not run
	pids := map[string]int{}
	for _, m := range statusLine.FindAllStringSubmatch(out, -1) {
		pid, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		pids[m[1]] = pid
	}
	return pids
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no process to kill: pid %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// snapshot is what a cluster could leave on the machine, one line for each thing.
type snapshot []string

// takeSnapshot looks at the cluster's machine, and for what namespaces do not
// hold apart, at what only this cluster can have made.
func takeSnapshot(t *testing.T, c *cluster.Cluster) snapshot {
	t.Helper()
	var s snapshot
	add := func(kind string, lines []string) {
		for _, l := range lines {
			s = append(s, kind+" "+l)
		}
	}
	add("mount", mounts(t, c))
	add("link", onMachine(t, c, "ip", "-brief", "link", "show"))
	add("netns", onMachine(t, c, "ip", "netns", "list"))
	add("route", onMachine(t, c, "ip", "route", "show", "table", "all"))
	add("rule", onMachine(t, c, "nft", "list", "ruleset"))
	add("sysctl", sysctls(t, c))
	add("loop", loops(t, c.Plan))
	add("cgroup", glob(t, "/sys/fs/cgroup/*/"+c.Bridge))
	add("cgroup", glob(t, "/sys/fs/cgroup/"+c.Bridge))
	add("process", processes(t, c.Plan))
	add("file", glob(t, c.Dir))
	slices.Sort(s)
	return s
}

// mounts are mount points: numbers change.
func mounts(t *testing.T, c *cluster.Cluster) []string {
	t.Helper()
	var found []string
	for _, line := range onMachine(t, c, "cat", "/proc/self/mountinfo") {
		if f := strings.Fields(line); len(f) > 4 {
			found = append(found, f[4])
		}
	}
	return found
}

// loops are the loop devices that are attached to a file in the plan's directory
// or to one that the machine does not see (a node's), and the unattached ones that
// the kernel did not make by itself. Those of package loopdev are of tests beside.
func loops(t *testing.T, plan cluster.Plan) []string {
	t.Helper()
	var found []string
	for _, dir := range glob(t, "/sys/block/loop*") {
		if loopdev.Made(filepath.Base(dir)) {
			continue
		}
		file, attached := backing(filepath.Base(dir))
		_, statErr := os.Stat(file)
		switch {
		case !attached && len(filepath.Base(dir)) > len("loop7"):
			found = append(found, dir+" unattached")
		case attached && (statErr != nil || strings.HasPrefix(file, plan.Dir)):
			found = append(found, dir+" "+file)
		}
	}
	return found
}

// processes are those that name the plan's directory or link in their arguments
// or environment, or live in its control groups.
func processes(t *testing.T, plan cluster.Plan) []string {
	t.Helper()
	var found []string
	for _, dir := range glob(t, "/proc/[0-9]*") {
		if dir == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(dir + "/cmdline") // it may have ended
		groups, _ := os.ReadFile(dir + "/cgroup")
		if strings.Contains(string(cmdline), plan.Dir) || strings.Contains(string(groups), "/"+plan.Bridge+"/") {
			found = append(found, dir+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

// volatile are kernel values that change by themselves.
var volatile = regexp.MustCompile(`/(random|pty)/|state$|-nr$|inode|ns_last_pid|conntrack_(count|buckets)|nf_log|/kernel/(perf|sched)|/fs/(dentry|file-nr|quota)|/neigh/|/(conf|default)/|base_reachable|/net/ipv[46]/(conf|route)`)

func sysctls(t *testing.T, c *cluster.Cluster) []string {
	t.Helper()
	var found []string
	for _, line := range onMachine(t, c, "sh", "-c", "grep -rs '' /proc/sys/vm /proc/sys/kernel /proc/sys/fs /proc/sys/net || true") {
		if key, _, _ := strings.Cut(line, ":"); !volatile.MatchString(key) {
			found = append(found, line)
		}
	}
	return found
}

func onMachine(t *testing.T, c *cluster.Cluster, argv ...string) []string {
	t.Helper()
	out, err := c.OnMachine(argv...)
	if err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// without are the lines of s that other lacks.
func (s snapshot) without(other snapshot) snapshot {
	var rest snapshot
	for _, line := range s {
		if !slices.Contains(other, line) {
			rest = append(rest, line)
		}
	}
	return rest
}

// kept leaves out what others gave back: loop devices, which are known to survive when they are not the cluster's (attachForeign), and
// mount points that are no longer there.
func (s snapshot) kept() snapshot {
	return slices.DeleteFunc(s, func(line string) bool {
		if strings.HasPrefix(line, "loop ") {
			return true
		}
		dir, isMount := strings.CutPrefix(line, "mount ")
		if !isMount {
			return false
		}
		_, err := os.Lstat(dir)
		return os.IsNotExist(err)
	})
}

// sharedLimit is the one value that all local clusters of the machine raise, and
// the last one restores.
const sharedLimit = "/proc/sys/fs/inotify/max_user_instances:"

// checkNothingLeft compares the machine with what it was before. Another cluster
// may have come or gone meanwhile, with the limit that clusters share.
func checkNothingLeft(t *testing.T, c *cluster.Cluster, before snapshot) {
	t.Helper()
	others := slices.DeleteFunc(glob(t, "/var/lib/seamount-*"), func(dir string) bool { return dir == c.Dir })
	c.Eventually(t, "the machine is as before", func() error {
		now := takeSnapshot(t, c)
		changed := append(now.without(before).marked("new: "), before.without(now).kept().marked("gone: ")...)
		if len(others) > 0 {
			changed = slices.DeleteFunc(changed, func(l string) bool { return strings.Contains(l, sharedLimit) })
		}
		if len(changed) > 0 {
			return fmt.Errorf("%d differences:\n%s", len(changed), strings.Join(changed, "\n"))
		}
		return nil
	})
}

func (s snapshot) marked(mark string) []string {
	marked := make([]string, len(s))
	for i, line := range s {
		marked[i] = mark + line
	}
	return marked
}
