//go:build e2e

package cluster

import (
	"strings"
	"testing"
)

// Disk is a disk of a node: a sparse file behind a loop device that only its node's /dev has.
type Disk struct {
	// ID by which the cluster knows it, and the node that it is in.
	ID, Node string
	// Device is the kernel's name, such as loop1000, and Path its device file in the node.
	Device, Path string
}

// AddDisk plugs a new empty disk into a node. It goes with the test.
func (c *Cluster) AddDisk(t testing.TB, node, size string) Disk {
	t.Helper()
	return c.addDisk(t, node, "--size", size)
}

// AddFile plugs a file into a node as a disk. The disk goes with the test, and the file stays.
func (c *Cluster) AddFile(t testing.TB, node, file string) Disk {
	t.Helper()
	return c.addDisk(t, node, "--file", file)
}

func (c *Cluster) addDisk(t testing.TB, node string, args ...string) Disk {
	t.Helper()
	d := parseDisk(t, c.stdout(t, append([]string{"disk", "add", node}, args...)...))
	t.Cleanup(func() { c.Try("disk", "remove", d.ID) }) //nolint:errcheck // a test may have removed it
	return d
}

// PullDisk pulls a disk out of its node and keeps it.
func (c *Cluster) PullDisk(t testing.TB, d Disk) {
	t.Helper()
	c.Local(t, "disk", "remove", "--keep", d.ID)
}

// InsertDisk plugs a disk that was pulled into a node.
func (c *Cluster) InsertDisk(t testing.TB, node string, d Disk) Disk {
	t.Helper()
	return parseDisk(t, c.stdout(t, "disk", "insert", node, d.ID))
}

func parseDisk(t testing.TB, line string) Disk {
	t.Helper()
	fields := strings.Fields(line)
	if len(fields) != 3 || !strings.HasPrefix(fields[2], "/dev/") {
		t.Fatalf("want the disk's ID, node and device, got %q", line)
	}
	return Disk{ID: fields[0], Node: fields[1], Device: strings.TrimPrefix(fields[2], "/dev/"), Path: fields[2]}
}
