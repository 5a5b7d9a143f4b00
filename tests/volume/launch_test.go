//go:build e2e

package volume

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
)

// A process in namespaces of its own stands in for the first process of a node. A helper that is launched there is in all of
// them, in cgroups of its own, and has nothing of who launched it.
func TestHelperLeavesThePod(t *testing.T) {
	first := exec.Command("unshare", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "1000")
	do(t, first.Start())
	t.Cleanup(func() {
		_ = first.Process.Kill() // it may have ended
		_ = first.Wait()         // it was killed
	})
	pid := 0
	NewWithT(t).Eventually(func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first.Process.Pid, first.Process.Pid))
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && string(comm) != "sleep\n" {
			err = fmt.Errorf("it is %q yet", comm)
		}
		return err
	}, patience, "20ms").Should(Succeed())
	dir := t.TempDir()
	name := "test-" + strconv.Itoa(os.Getpid())
	open, err := os.Open(os.DevNull) // inherited by nobody
	do(t, err)
	defer open.Close()
	l := launch.Launcher{Node: host.Node{PID: pid}, Become: []string{"/proc/self/exe", "become"}}
	do(t, l.Start(within(t), launch.Helper{
		Name: name, Command: []string{"/bin/sh", "-c", "echo started; exec sleep 1001"}, Env: []string{"A=b"}, Log: filepath.Join(dir, "log"),
	}))
	t.Cleanup(func() { removeCgroups(t, name) })
	helper := 0
	NewWithT(t).Eventually(func() int { helper = sleeper("1001"); return helper }, patience, "20ms").ShouldNot(BeZero())
	t.Cleanup(func() {
		do(t, unix.Kill(helper, unix.SIGKILL))
		NewWithT(t).Eventually(func() int { return sleeper("1001") }, patience).Should(BeZero())
	})
	for _, space := range []string{"mnt", "uts", "ipc", "net", "cgroup", "pid"} {
		if want, got := link(t, pid, "ns/"+space), link(t, helper, "ns/"+space); got != want {
			t.Errorf("namespace %s is %s, want %s", space, got, want)
		}
	}
	wantOwn(t, helper, name)
	if text, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || string(text) != "started\n" {
		t.Errorf("its log: %q, %v", text, err)
	}
}

// wantOwn fails unless the process has cgroups, session, environment and files of its own.
func wantOwn(t *testing.T, helper int, name string) {
	t.Helper()
	groups := read(t, helper, "cgroup")
	for line := range strings.Lines(groups) {
		if !strings.HasSuffix(strings.TrimSpace(line), "/seamount/"+name) {
			t.Errorf("cgroup %s", line)
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", helper))
	do(t, err)
	if len(files) != 3 {
		t.Errorf("it has %d files open", len(files))
	}
	if env := read(t, helper, "environ"); !strings.Contains(env, "A=b") || strings.Contains(env, "HOME=") {
		t.Errorf("environment %q", env)
	}
	if score := strings.TrimSpace(read(t, helper, "oom_score_adj")); score != "-998" && score != "0" {
		t.Errorf("oom_score_adj %s", score)
	}
	if session, err := unix.Getsid(helper); err != nil || session != helper {
		t.Errorf("session %d, %v", session, err)
	}
}

func read(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	do(t, err)
	return string(text)
}

func link(t *testing.T, pid int, name string) string {
	t.Helper()
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	do(t, err)
	return target
}

// sleeper is the process "sleep" with that argument, 0 if there is none.
func sleeper(seconds string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a constant
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && string(text) == "sleep\x00"+seconds+"\x00" {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	return 0
}

// removeCgroups removes the empty cgroups of a helper that ended.
func removeCgroups(t *testing.T, name string) {
	t.Helper()
	dirs, err := filepath.Glob("/sys/fs/cgroup/*/seamount/" + name)
	do(t, err)
	for _, dir := range append(dirs, "/sys/fs/cgroup/seamount/"+name) {
		// The kernel takes a process out of its cgroup a moment after it ended.
		NewWithT(t).Eventually(func() error { return unix.Rmdir(dir) }, patience, "20ms").Should(Or(Succeed(), MatchError(unix.ENOENT)), dir)
	}
}
