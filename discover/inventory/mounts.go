package inventory

import (
	"errors"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// namespace is a mount namespace, seen through one process that is in it.
type namespace struct {
	id     string
	pid    string
	mounts []mountinfo.Mount
	others []string // processes that are in it, too
}

// file is the name in the tree of a path as the namespace has it.
func (n namespace) file(path string) string {
	return strings.TrimSuffix("proc/"+n.pid+"/root"+path, "/")
}

// maxMounts is how many mount points are told of one device; one is enough to refuse it.
const maxMounts = 8

// readMounts finds what is mounted, in whatever mount namespace: a container's mounts need not be in the node's own.
func (s *scan) readMounts() {
	seen := map[string]int{}
	for _, pid := range s.processes() {
		id, err := s.tree.link("proc/" + pid + "/ns/mnt")
		if at, known := seen[id]; err == nil && known {
			s.spaces[at].others = append(s.spaces[at].others, pid)
			continue
		}
		var text string
		if err == nil {
			text, err = s.tree.text("proc/" + pid + "/mountinfo")
		}
		if err != nil {
			if pid == "1" || !gone(err) && !errors.Is(err, unix.EINVAL) { // EINVAL: a process that has just ended
				s.lacks("mounts", err)
				break // the rest is refused likewise
			}
			continue
		}
		mounts, err := mountinfo.Parse(text)
		if err != nil {
			s.lacks("mounts", err)
		}
		seen[id] = len(s.spaces)
		s.spaces = append(s.spaces, namespace{id: id, pid: pid, mounts: mounts})
	}
	for i, space := range s.spaces {
		s.holdMounts(space, i == 0)
	}
}

// holdMounts records the devices that are mounted. Pods bind many files of the node's own disks: of those that the node
// itself has mounted the others are not told.
func (s *scan) holdMounts(space namespace, own bool) {
	for _, m := range space.mounts {
		d := s.numbers[m.Number]
		if m.Number.Major == 0 && strings.HasPrefix(m.Source, "/dev/") {
			d = s.named(m.Source)
		}
		if d == nil || !own && d.held(disk.UseMount) > 0 || d.held(disk.UseMount) >= maxMounts {
			continue
		}
		by := m.Point
		if !own {
			by += " (pid " + space.pid + ")"
		}
		d.hold(disk.UseMount, by)
	}
}

func (d *device) held(kind disk.UseKind) int {
	count := 0
	for _, use := range d.uses {
		if use.Kind == kind {
			count++
		}
	}
	return count
}

// filesystems that have a directory for every device they serve, however and wherever it is mounted, also when no process
// has the mount in sight any more.
var filesystems = []string{"erofs", "ext4", "f2fs", "nilfs2", "xfs"}

// readFilesystems asks the filesystems themselves which devices they serve.
func (s *scan) readFilesystems() {
	for _, name := range filesystems {
		for _, entry := range s.optionalDir("filesystems", "sys/fs/"+name) {
			if d := s.devices[entry]; d != nil && d.held(disk.UseMount) == 0 {
				d.hold(disk.UseMount, "a place that no process shows ("+name+")")
			}
		}
	}
	for _, id := range s.optionalDir("filesystems", "sys/fs/btrfs") {
		for _, member := range s.optionalDir("filesystems", "sys/fs/btrfs/"+id+"/devices") {
			if d := s.devices[member]; d != nil {
				d.hold(disk.UseMount, "the mount point of btrfs "+id)
			}
		}
	}
	s.readBcachefs()
}

func (s *scan) readBcachefs() {
	for _, id := range s.optionalDir("filesystems", "sys/fs/bcachefs") {
		for _, member := range s.optionalDir("filesystems", "sys/fs/bcachefs/"+id) {
			to, err := s.tree.link("sys/fs/bcachefs/" + id + "/" + member + "/block")
			if err != nil {
				continue // not a member, or one that is offline
			}
			if d := s.devices[path.Base(to)]; d != nil {
				d.hold(disk.UseMount, "the mount point of bcachefs "+id)
			}
		}
	}
}

// optionalDir lists names in a directory that need not be there. Any other failure is a fact that is missing.
func (s *scan) optionalDir(fact, name string) []string {
	entries, err := s.tree.dir(name)
	if err != nil && !gone(err) && !errors.Is(err, unix.ENOTDIR) {
		s.lacks(fact, err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// named is the device that a path speaks of, in the node's /dev or, if it is not there, by its last name.
func (s *scan) named(name string) *device {
	if number, block, err := s.tree.block(strings.TrimPrefix(path.Clean(name), "/")); err == nil {
		if !block {
			return nil
		}
		return s.numbers[number]
	}
	return s.devices[path.Base(name)]
}

// readSwaps finds what the kernel swaps to.
func (s *scan) readSwaps() {
	text, err := s.tree.text("proc/swaps")
	if err != nil {
		s.lacks("swap", err)
		return
	}
	swaps, err := parseSwaps(text)
	if err != nil {
		s.lacks("swap", err)
	}
	for _, name := range swaps {
		if d := s.named(name); d != nil {
			d.hold(disk.UseSwap, name)
			continue
		}
		s.lacks("swap", errors.New("the kernel swaps to "+strconv.Quote(name)+", which is no device that is known here"))
	}
}
