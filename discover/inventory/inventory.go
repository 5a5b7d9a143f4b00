// Package inventory reads which whole block devices this node has, what they say of themselves and what holds them. It
// never opens a device and never looks at what a disk holds.
//
// What a disk is known by is read from sysfs alone: udev learns of a disk later than we do, or does not run at all, and
// an identity must not change when it does. Hardware that only people look at comes from ghw.
package inventory

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
)

// Reader reads the block devices of one node. Its zero value reads the node that it runs on. It needs the process ids of
// the node: /proc/1 is taken for the node's first process.
type Reader struct {
	// Root is the directory that holds the node's /sys, /proc, /dev and /run; "/" when empty.
	Root string
	// FS is the same tree, for trees that are no directory; that of Root when nil. It must read links.
	FS fs.FS
	// Kubelet is kubelet's directory as the node's first process sees it; /var/lib/kubelet when empty.
	Kubelet string
	// Answers of devices that have to be asked for their serial number, kept from one scan to the next; nil for none.
	Answers *Answers
}

// Read returns all whole block devices that have a device node in this node's /dev, sorted by name: everything of them
// but Content and Health. The paths of a multipath LUN are part of the LUN, and loop devices without a file are left out.
// What cannot be read of a disk is a Problem of that disk; the error is of a node whose devices cannot be listed at all.
func (r Reader) Read(ctx context.Context) ([]disk.Disk, error) {
	s := r.scan()
	if err := s.list(); err != nil {
		return nil, fmt.Errorf("list the block devices: %w", err)
	}
	s.readNode()
	for _, read := range []func(){
		s.readMounts, s.readFilesystems, s.readSwaps, s.readVolumes, s.readLoops, s.readTargets,
		func() { s.readProcesses(ctx) },
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read()
	}
	return s.disks(), nil
}

func (r Reader) scan() *scan {
	s := &scan{
		root: r.Root, tree: tree{r.FS}, kubelet: strings.TrimPrefix(path.Clean(r.Kubelet), "/"),
		devices: map[string]*device{}, numbers: map[disk.Number]*device{},
	}
	if r.Root == "" {
		s.root = "/"
	}
	if r.FS == nil {
		s.tree = tree{os.DirFS(s.root)}
	}
	if r.Kubelet == "" {
		s.kubelet = "var/lib/kubelet"
	}
	if s.answers = r.Answers; s.answers == nil {
		s.answers = &Answers{}
	}
	return s
}

// scan is one reading of a node. Every table is read once, however many disks there are.
type scan struct {
	root    string // for ghw, which reads a directory
	tree    tree
	kubelet string // without the slash in front
	answers *Answers

	bootID     string
	names      []string                // of disks and partitions, in the order of sysfs
	devices    map[string]*device      // the same by name
	numbers    map[disk.Number]*device // and by number
	pids       []string                // of all processes
	spaces     []namespace             // mount namespaces, the first process's first
	bound      map[string]disk.Number  // block devices that are mounted as files, by mount point
	everywhere []disk.Problem          // what could not be read of the node, and so of any disk
}

// lacks records a fact of the node that could not be read: it may concern any disk.
func (s *scan) lacks(fact string, err error) {
	s.everywhere = note(s.everywhere, fact, err)
}

func (s *scan) readNode() {
	id, err := s.tree.text("proc/sys/kernel/random/boot_id")
	if err != nil {
		s.lacks("boot id", err)
	}
	s.bootID = id
}
