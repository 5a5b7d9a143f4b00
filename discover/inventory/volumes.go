package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// volumeDevices is the directory in which kubelet keeps what it serves as raw block volumes, below each plugin's and each
// pod's directory: links to devices, and files that a device is mounted on.
const volumeDevices = "volumeDevices"

// readVolumes finds the devices that kubelet serves to pods as raw block volumes, and those that are mounted on a file.
// Such a volume is often blank, unmounted and open nowhere.
func (s *scan) readVolumes() {
	s.bound = map[string]disk.Number{}
	for _, space := range s.spaces {
		for _, m := range space.mounts {
			if s.servesDevice(m) {
				s.bind(space, m)
			}
		}
	}
	if len(s.spaces) == 0 {
		return
	}
	for _, dir := range s.volumeDirs() {
		s.walkVolumes(dir, 4)
	}
}

// servesDevice says whether m may put a block device's node somewhere: device nodes lie in devtmpfs, or in a container's tmpfs.
func (s *scan) servesDevice(m mountinfo.Mount) bool {
	if remote(m) || m.Root == "/" {
		return false
	}
	nodes := m.Type == "devtmpfs" || m.Type == "tmpfs"
	return strings.Contains(m.Point, "/"+volumeDevices+"/") || nodes && s.devices[path.Base(m.Root)] != nil
}

func (s *scan) bind(space namespace, m mountinfo.Mount) {
	number, block, err := s.tree.block(space.file(m.Point))
	d := s.numbers[number]
	switch {
	case err != nil && s.devices[path.Base(m.Root)] != nil:
		d = s.devices[path.Base(m.Root)] // the kernel names nodes like the device
	case err != nil:
		s.lacks("raw block volumes", err)
		return
	case !block || d == nil:
		return
	}
	s.bound[m.Point] = d.number
	kind := disk.UseContainer
	if s.ofKubelet(m.Point) {
		kind = disk.UseVolume
	}
	d.hold(kind, m.Point)
}

// ofKubelet says whether a path is one of kubelet's, wherever its directory is.
func (s *scan) ofKubelet(name string) bool {
	return within(name, "/"+s.kubelet) || strings.Contains(name, "/"+volumeDevices+"/")
}

// volumeDirs are kubelet's directories of raw block volumes. What lies beside them may hang, as mounts of dead servers do,
// and is not looked at.
func (s *scan) volumeDirs() []string {
	base := s.spaces[0].file("/" + s.kubelet)
	if to, err := s.tree.link(base); err == nil && path.IsAbs(to) {
		base = s.spaces[0].file(to) // a link within the node's root must not lead through ours
	}
	var dirs []string
	for _, pod := range s.optionalDir("raw block volumes", base+"/pods") {
		dirs = append(dirs, base+"/pods/"+pod+"/"+volumeDevices)
	}
	var search func(dir string, depth int)
	search = func(dir string, depth int) {
		for _, entry := range s.volumeEntries(dir) {
			switch {
			case !entry.IsDir():
			case entry.Name() == volumeDevices:
				dirs = append(dirs, dir+"/"+volumeDevices)
			case depth > 1:
				search(dir+"/"+entry.Name(), depth-1)
			}
		}
	}
	search(base+"/plugins", 3) // plugins/kubernetes.io/csi/volumeDevices is the deepest
	return dirs
}

// volumeEntries lists a directory of kubelet's, unless a server answers for it.
func (s *scan) volumeEntries(dir string) []fs.DirEntry {
	inside := strings.TrimPrefix(dir, s.spaces[0].file("/"))
	if remote(covering(s.spaces[0].mounts, inside)) {
		return nil
	}
	entries, err := s.tree.dir(dir)
	if err != nil && !gone(err) {
		s.lacks("raw block volumes", err)
	}
	return entries
}

func (s *scan) walkVolumes(dir string, depth int) {
	for _, entry := range s.volumeEntries(dir) {
		name := dir + "/" + entry.Name()
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			s.holdLink(name)
		case entry.Type()&fs.ModeDevice != 0:
			s.holdNode(name)
		case entry.IsDir() && depth > 1:
			s.walkVolumes(name, depth-1)
		}
	}
}

func (s *scan) holdNode(name string) {
	number, _, err := s.tree.block(name)
	if err != nil {
		if !gone(err) {
			s.lacks("raw block volumes", err)
		}
		return
	}
	if d := s.numbers[number]; d != nil {
		d.hold(disk.UseVolume, s.inside(name))
	}
}

// holdLink records the device that kubelet links to: below /dev, or a file in kubelet's directories that the device is mounted on.
func (s *scan) holdLink(name string) {
	to, err := s.tree.link(name)
	if err != nil {
		if !gone(err) {
			s.lacks("raw block volumes", err)
		}
		return
	}
	d := s.numbers[s.bound[to]]
	if d == nil && within(to, "/dev") {
		d = s.named(to)
	}
	if d != nil {
		d.hold(disk.UseVolume, s.inside(name))
		return
	}
	s.checkLink(name, to)
}

// checkLink tells of a link that leads to a block device that is not known, or to what cannot be looked at.
func (s *scan) checkLink(name, to string) {
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(s.inside(name)), to)
	}
	if remote(covering(s.spaces[0].mounts, to)) {
		return // a file on a server
	}
	number, block, err := s.tree.block(s.spaces[0].file(to))
	switch {
	case errors.Is(err, fs.ErrNotExist): // kubelet leaves links behind when it is interrupted
	case err != nil:
		s.lacks("raw block volumes", fmt.Errorf("%s leads to %s: %w", s.inside(name), to, err))
	case block && s.numbers[number] != nil:
		s.numbers[number].hold(disk.UseVolume, s.inside(name))
	}
}

// inside is the path of a name in the tree as the node's first process has it.
func (s *scan) inside(name string) string { return strings.TrimPrefix(name, s.spaces[0].file("/")) }
