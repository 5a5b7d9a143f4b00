//go:build e2e

package cluster

import (
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// isolate drops the copies of other clusters' mounts: they would go when those do.
const isolate = `ip link set lo up && awk '/ - nsfs /{print $5}' /proc/self/mountinfo | xargs -r umount -l && echo ready && exec cat`

// Isolate gives the cluster a machine that nobody else uses, as far as the kernel
// lets it: a network and a mount namespace with nothing in it but the loopback.
// What the cluster adds there, and what it leaves, can be told exactly, and other
// tests on the machine cannot get in its way. It ends with the test.
func (c *Cluster) Isolate(t testing.TB) {
	t.Helper()
	holder := exec.Command("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", isolate)
	holder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()    //nolint:errcheck // ends cat
		holder.Wait() //nolint:errcheck // it only held the namespaces
	})
	if _, err := out.Read(make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("the isolated machine: %v", err)
	}
	c.Machine = holder.Process.Pid
}

func (c *Cluster) enter() []string {
	return []string{"-t", strconv.Itoa(c.Machine), "-n", "-m", "--"}
}

// OnMachine runs a command of the machine where the cluster's commands run.
func (c *Cluster) OnMachine(argv ...string) ([]byte, error) {
	if c.Machine == 0 {
		return exec.Command(argv[0], argv[1:]...).Output()
	}
	return exec.Command("nsenter", append(c.enter(), argv...)...).Output()
}

// Listen takes a port of the machine, on all addresses, until the returned
// function is called.
func (c *Cluster) Listen(t testing.TB, port string) (stop func()) {
	t.Helper()
	program := buildIn(t, repository(t), "./tests/local/probe")
	cmd := exec.Command("nsenter", append(c.enter(), program, "listen", port)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = out.Read(make([]byte, 1)) // it says so once it listens
	}
	if err != nil {
		t.Fatalf("listen on port %s: %v", port, err)
	}
	return func() {
		cmd.Process.Kill() //nolint:errcheck // it listens
		cmd.Wait()         //nolint:errcheck // it was killed
	}
}
