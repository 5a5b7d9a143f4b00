//go:build e2e

package local

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

func nodeHas(c *cluster.Cluster, node, device string) bool {
	_, err := c.Try("exec", node, "--", "test", "-b", "/dev/"+device)
	return err == nil
}

func TestHotPlug(t *testing.T) {
	c := up(t)
	ns := c.Namespace(t)
	// A pod that runs before the disk comes sees it too: hostPath /dev.
	c.Apply(t, ns, probePod("watcher", "node2", "volumes: [{name: dev, hostPath: {path: /dev}}]",
		"securityContext: {privileged: true}\n    volumeMounts: [{name: dev, mountPath: /host-dev}]"))
	awaitPods(t, c, ns, "watcher")
	devices := mustInPod(t, c, ns, "watcher", "ls", "/host-dev")
	if !has(devices, "loop-control") || !has(devices, "null") {
		t.Errorf("hostPath /dev shows %q", devices)
	}
	disk := c.AddDisk(t, "node2", "1G")
	device := disk.Device
	if devices = mustInPod(t, c, ns, "watcher", "ls", "/host-dev"); !has(devices, device) {
		t.Errorf("the running pod does not see %s in %q", device, devices)
	}
	for _, node := range nodes {
		if got, want := nodeHas(c, node, device), node == "node2"; got != want {
			t.Errorf("%s has %s: %v", node, device, got)
		}
	}
	if got := c.Exec(t, "node2", "blockdev", "--getsize64", "/dev/"+device); got != fmt.Sprint(1<<30) {
		t.Errorf("its size is %s bytes, want 1G", got)
	}
	t.Run("survives restarts", func(t *testing.T) { diskSurvives(t, c, device) })
	t.Run("moves", func(t *testing.T) { diskMoves(t, c, disk) })
}

func diskSurvives(t *testing.T, c *cluster.Cluster, device string) {
	c.Exec(t, "node2", "sh", "-c", "printf content | dd of=/dev/"+device+" conv=fsync status=none")
	for _, verb := range []string{"kill", "stop"} {
		c.Local(t, "node", verb, "node2")
		c.Local(t, "node", "start", "node2")
		if got := c.Exec(t, "node2", "head", "-c", "7", "/dev/"+device); got != "content" {
			t.Errorf("after %s and start the disk holds %q", verb, got)
		}
	}
	c.AwaitNode(t, "node2", true)
}

func diskMoves(t *testing.T, c *cluster.Cluster, disk cluster.Disk) {
	c.PullDisk(t, disk)
	if nodeHas(c, "node2", disk.Device) {
		t.Errorf("node2 still has %s", disk.Device)
	}
	moved := c.InsertDisk(t, "node3", disk)
	if got := c.Exec(t, "node3", "head", "-c", "7", moved.Path); got != "content" {
		t.Errorf("in node3 the disk holds %q", got)
	}
	c.Local(t, "disk", "remove", disk.ID)
	if out := c.Local(t, "disk", "list"); strings.Contains(out, disk.ID) {
		t.Errorf("the deleted disk is still listed:\n%s", out)
	}
	if file, attached := backing(moved.Path); attached && strings.HasPrefix(file, c.Dir+"/") {
		t.Errorf("%s is left attached to %s", moved.Device, file)
	}
	c.Eventually(t, "the device of a removed disk is gone", func() error { return gone(c, moved) })
}

// backing is the file that a loop device is attached to, as the kernel names it.
func backing(device string) (file string, attached bool) {
	text, err := os.ReadFile("/sys/block/" + strings.TrimPrefix(device, "/dev/") + "/loop/backing_file")
	return strings.TrimSpace(string(text)), err == nil
}

// gone is an error as long as there is the device of a disk. Another cluster on the machine may take its number at once: then it is
// attached to a file of that one, but for the moment in which it is made.
func gone(c *cluster.Cluster, disk cluster.Disk) error {
	if _, err := os.Stat("/sys/block/" + disk.Device); os.IsNotExist(err) {
		return nil
	}
	file, attached := backing(disk.Path)
	if attached && !strings.HasPrefix(file, c.Dir+"/") {
		return nil
	}
	return fmt.Errorf("%s is left on the machine, attached to %q", disk.Device, file)
}

// TestPulledDiskFails: a pod that has the disk open gets errors.
func TestPulledDiskFails(t *testing.T) {
	c := up(t)
	disk := c.AddDisk(t, "node1", "1G")
	id, device := disk.ID, disk.Device
	c.Exec(t, "node1", "sh", "-c", "exec 3<>/dev/"+device+"; sleep 300 <&3 >/dev/null 2>&1 & echo $! > /run/holder")
	c.Exec(t, "node1", "sh", "-c", "dd if=/dev/zero of=/proc/$(cat /run/holder)/fd/3 bs=4096 count=1 oflag=direct status=none")
	c.Local(t, "disk", "remove", id)
	if out, err := c.Try("exec", "node1", "--", "sh", "-c", "dd if=/dev/zero of=/proc/$(cat /run/holder)/fd/3 bs=4096 count=1 oflag=direct"); err == nil {
		t.Errorf("a write to the pulled disk succeeded: %s", out)
	}
	if nodeHas(c, "node1", device) {
		t.Errorf("node1 still has %s", device)
	}
	c.Exec(t, "node1", "sh", "-c", "kill $(cat /run/holder)")
}

// TestLoopDevicesGoWithTheNode: a loop device that was attached in a node is the
// machine's, but goes when the node does; one that the machine attached stays.
func TestLoopDevicesGoWithTheNode(t *testing.T) {
	c := up(t)
	healAfter(t, c)
	// The kernel names the file by a path of the node, or what is left of that: no other file has this name.
	const volume = "goes-with-its-node.img"
	ours := c.Exec(t, "node1", "sh", "-c", "cd /var/lib && truncate -s 8M "+volume+" && losetup -f --show $PWD/"+volume)
	foreign := attachForeign(t)
	c.Eventually(t, "the node has recorded its loop device", func() error {
		log, err := os.ReadFile(c.Dir + "/nodes/node1/loops")
		if err == nil && !strings.Contains(string(log), "\n"+strings.TrimPrefix(ours, "/dev/loop")+" ") {
			err = fmt.Errorf("%s is not in %q", ours, log)
		}
		return err
	})
	c.Local(t, "node", "kill", "node1")
	if file, attached := backing(ours); attached && strings.Contains(file, volume) {
		t.Errorf("%s of the killed node is still attached to %s", ours, file)
	}
	if _, attached := backing(foreign); !attached {
		t.Errorf("%s, which the machine attached, was detached", foreign)
	}
}
