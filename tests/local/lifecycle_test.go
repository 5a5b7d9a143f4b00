//go:build e2e

package local

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// second is a cluster beside the shared one, not started, on an isolated machine.
func second(t *testing.T) *cluster.Cluster {
	t.Helper()
	c := cluster.New(t, cluster.Second)
	c.Isolate(t)
	t.Cleanup(func() {
		if out, err := c.Try("down"); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return c
}

// TestDownLeavesNothing uses everything that makes something, and then compares
// the machine with what it was before.
func TestDownLeavesNothing(t *testing.T) {
	c := second(t)
	attachForeign(t) // and it must stay attached
	before := takeSnapshot(t, c)
	for name, hurt := range map[string]func(*testing.T){
		"in order": func(*testing.T) {},
		"after kill -9 of all": func(t *testing.T) {
			for _, pid := range pidsOf(t, c) {
				kill(t, pid)
			}
		},
		"while a node is frozen and cut off": func(t *testing.T) {
			c.Local(t, "node", "partition", "node1")
			c.Local(t, "node", "freeze", "node1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.Local(t, c.UpArgs(1)...)
			c.PullDisk(t, c.AddDisk(t, "node1", "1G"))
			device := c.AddDisk(t, "node1", "1G").Device
			c.Exec(t, "node1", "sh", "-c", "mkfs.ext4 -q /dev/"+device+" && mkdir -p /mnt/d && mount /dev/"+device+" /mnt/d && truncate -s 8M /mnt/d/v && losetup -f /mnt/d/v")
			hurt(t)
			c.Local(t, "down")
			checkNothingLeft(t, c, before)
			c.Local(t, "down") // there is nothing: not an error
		})
	}
}

// TestUpAfterKill kills `up` at several moments of a first start. The next one
// must come to a working cluster, and `down` must still find everything.
func TestUpAfterKill(t *testing.T) {
	c := second(t)
	before := takeSnapshot(t, c)
	for _, after := range []time.Duration{50, 400, 1200, 2500, 5000, 9000} {
		cmd := c.Command(t.Context(), c.UpArgs(1)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after*time.Millisecond, func() { cmd.Process.Kill() }) //nolint:errcheck // it ended before
		cmd.Wait()                                                                     //nolint:errcheck // it was killed
		timer.Stop()
	}
	c.Local(t, c.UpArgs(1)...)
	c.AwaitNode(t, "node1", true)
	c.Local(t, "down")
	checkNothingLeft(t, c, before)
	// Killed in the middle, and never completed.
	cmd := c.Command(t.Context(), c.UpArgs(1)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.Eventually(t, "a node of the unfinished cluster", func() error {
		_, err := os.Stat(c.Dir + "/nodes/node1/root/run")
		return err
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() //nolint:errcheck // it was killed
	c.Local(t, "down")
	checkNothingLeft(t, c, before)
}

// refused checks that a command fails with one clear sentence.
func refused(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("%v succeeded: %s", cmd.Args[1:], out)
		return
	}
	if !strings.Contains(string(out), want) || strings.Contains(string(out), "goroutine ") {
		t.Errorf("%v says %q, want something with %q", cmd.Args[1:], out, want)
	}
}

func TestBadInput(t *testing.T) {
	c := up(t)
	for want, args := range map[string][]string{
		`no node "node9"`:         {"node", "stop", "node9"},
		`no node "7"`:             {"disk", "add", "7"},
		`no node "../x"`:          {"exec", "../x", "--", "true"},
		`"lots" is not a size`:    {"disk", "add", "node1", "--size", "lots"},
		`"1M" is too small`:       {"disk", "add", "node1", "--size", "1M"},
		`no disk "disk-1"`:        {"disk", "remove", "disk-1"},
		"cannot shrink":           {"up", "--nodes=1"},
		"choose 1 to 5":           {"up", "--nodes=6"},
		"unknown command":         {"nonsense"},
		"cannot change":           {"up", "--network=10.9.9.1/24"},
		"no such file":            {"load", "/nonexistent.tar"},
		"is not an image archive": {"load", "/etc/passwd"},
	} {
		refused(t, c.Command(t.Context(), args...), want)
	}
	awaitRunning(t, c, 1) // after all that
}

func TestNotRoot(t *testing.T) {
	c := cluster.New(t, cluster.Second)
	for _, args := range [][]string{c.UpArgs(1), {"down"}, {"node", "stop", "node1"}} {
		cmd := c.Command(t.Context(), args...)
		nobody := exec.Command("setpriv", append([]string{"--reuid=65534", "--regid=65534", "--clear-groups"}, cmd.Args...)...)
		nobody.Env = cmd.Env
		refused(t, nobody, "root")
	}
}

func TestTakenByOthers(t *testing.T) {
	c := second(t)
	before := takeSnapshot(t, c)
	t.Run("address", func(t *testing.T) {
		onMachine(t, c, "ip", "addr", "add", "10.238.0.1/32", "dev", "lo")
		defer onMachine(t, c, "ip", "addr", "del", "10.238.0.1/32", "dev", "lo")
		refused(t, c.Command(t.Context(), c.UpArgs(1)...), "10.238.0.0/24 is taken")
	})
	t.Run("port", func(t *testing.T) {
		server := c.Listen(t, "6443")
		refused(t, c.Command(t.Context(), c.UpArgs(1)...), "6443")
		server()
	})
	t.Run("link", func(t *testing.T) {
		onMachine(t, c, "ip", "link", "add", c.Bridge, "type", "bridge")
		defer onMachine(t, c, "ip", "link", "del", c.Bridge)
		refused(t, c.Command(t.Context(), c.UpArgs(1)...), "that is not this cluster's")
		c.Local(t, "down")
		if _, err := c.OnMachine("ip", "link", "show", c.Bridge); err != nil {
			t.Error("the foreign link was removed")
		}
	})
	t.Run("program", func(t *testing.T) {
		// On the isolated machine alone, nft is a file that cannot be executed.
		nft := onMachine(t, c, "sh", "-c", "command -v nft")[0]
		onMachine(t, c, "mount", "--bind", "/dev/null", nft)
		defer onMachine(t, c, "umount", nft)
		refused(t, c.Command(t.Context(), append(c.UpArgs(1), "--no-install")...), "nft")
	})
	checkNothingLeft(t, c, before)
}
