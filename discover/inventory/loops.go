package inventory

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

// backing is what a loop device is attached to.
type backing struct {
	file       string
	filesystem string
	device     string // the file where it is a block device itself
	detached   bool
}

// deliberateLoop is the first number that nobody gets by asking the kernel for a free loop device, as kubelet, CSI drivers
// and losetup do: they get the lowest that is free.
const deliberateLoop = 1000

// readLoops finds what loop devices are attached to. The file itself is not looked at: a server that hangs may answer for it.
func (s *scan) readLoops() {
	for _, name := range s.names {
		d := s.devices[name]
		if d.whole != nil || s.kind(d) != disk.KindLoop {
			continue
		}
		file, err := s.tree.text(d.dir + "/loop/backing_file")
		switch {
		case err == nil && file != "":
			d.backing.file = file
			s.back(d, strings.TrimSuffix(file, " (deleted)"))
		case err == nil || gone(err):
			d.backing.detached = true
		default:
			d.lacks(identity.FactBackingFile, err)
		}
	}
}

func (s *scan) back(d *device, file string) {
	if s.ofKubelet(file) {
		d.hold(disk.UseVolume, file)
	}
	if base, is := s.backingDevice(file); is {
		d.backing.device = file
		if base != nil {
			base.hold(disk.UseLoop, d.name)
		}
	}
	if len(s.spaces) == 0 {
		return // that the mounts are not known is told already
	}
	d.backing.filesystem = s.backingFilesystem(d, file)
}

// backingDevice is the block device that the file is, and whether it is one: it may be one that this node does not have.
func (s *scan) backingDevice(file string) (*device, bool) {
	if number, bound := s.bound[file]; bound {
		return s.numbers[number], true
	}
	if !within(file, "/dev") {
		return nil, false
	}
	info, err := fs.Stat(s.tree.FS, strings.TrimPrefix(path.Clean(file), "/"))
	if err == nil && info.Mode().IsRegular() || within(file, "/dev/shm") {
		return nil, false
	}
	return s.named(file), true
}

// backingFilesystem is the type of the filesystem that the file is on. A file that the node itself does not have may be
// on a server in any container.
func (s *scan) backingFilesystem(d *device, file string) string {
	own := covering(s.spaces[0].mounts, file)
	if remote(own) {
		return own.Type
	}
	if here, err := s.tree.exists(s.spaces[0].file(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.lacks(identity.FactBackingFile, err)
		return own.Type
	} else if here {
		return own.Type
	}
	for _, space := range s.spaces[1:] {
		if m := covering(space.mounts, file); remote(m) {
			return m.Type
		}
	}
	if number, err := strconv.Atoi(strings.TrimPrefix(d.name, "loop")); err != nil || number < deliberateLoop {
		d.hold(disk.UseForeign, file)
	}
	return own.Type
}

// readTargets finds the devices that the kernel exports to other machines: nothing else shows that it has them open.
func (s *scan) readTargets() {
	for _, pattern := range []struct{ dir, file, by string }{
		{"sys/kernel/config/target/core/*/*", "udev_path", "iSCSI or FC target "},
		{"sys/kernel/config/nvmet/subsystems/*/namespaces/*", "device_path", "NVMe target "},
	} {
		dirs, err := fs.Glob(s.tree.FS, pattern.dir)
		if err != nil {
			s.lacks("targets", err)
		}
		for _, dir := range dirs {
			s.holdTarget(dir, pattern.file, pattern.by)
		}
	}
}

func (s *scan) holdTarget(dir, file, by string) {
	name, err := s.tree.text(dir + "/" + file)
	switch {
	case gone(err):
		return
	case err != nil:
		s.lacks("targets", err)
		return
	}
	if d := s.named(name); path.IsAbs(name) && d != nil {
		d.hold(disk.UseHolder, by+path.Base(dir))
	}
}
