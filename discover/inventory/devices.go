package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

// device is a disk or a partition, as sysfs has it.
type device struct {
	name       string
	dir        string // in sysfs
	location   string // in the kernel's device tree, empty for partitions
	number     disk.Number
	whole      *device // that a partition is of; nil for disks
	partitions []*device
	holders    []string // names of devices that stand on it
	slaves     []string // names of devices that it stands on
	backing    backing  // of a loop device
	uses       []disk.Use
	problems   []disk.Problem
}

// lacks records a fact of the device that could not be read.
func (d *device) lacks(fact string, err error) { d.problems = note(d.problems, fact, err) }

// note adds what is not there yet.
func note(problems []disk.Problem, fact string, err error) []disk.Problem {
	problem := disk.Problem{Fact: fact, Text: words(err)}
	if slices.Contains(problems, problem) {
		return problems
	}
	return append(problems, problem)
}

// words says which file could not be read by the name that it has on the node.
func words(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return fmt.Sprintf("%s /%s: %v", failed.Op, strings.TrimPrefix(failed.Path, "/"), failed.Err)
	}
	return err.Error()
}

func (d *device) hold(kind disk.UseKind, by string) {
	if use := (disk.Use{Kind: kind, Device: d.name, By: by}); !slices.Contains(d.uses, use) {
		d.uses = append(d.uses, use)
	}
}

// list finds the disks and their partitions.
func (s *scan) list() error {
	entries, err := s.tree.dir("sys/block")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		d := &device{name: entry.Name(), dir: path.Join("sys/block", entry.Name())}
		location, err := s.tree.follow(d.dir)
		if err != nil {
			if !gone(err) {
				d.lacks(identity.FactLocation, err)
			}
			location = ""
		}
		d.location = location
		s.add(d)
		s.partitions(d)
	}
	return nil
}

func (s *scan) add(d *device) {
	s.devices[d.name] = d
	s.names = append(s.names, d.name)
	d.holders, d.slaves = s.neighbours(d, "holders"), s.neighbours(d, "slaves")
	if cache, err := s.tree.exists(path.Join(d.dir, "bcache")); err != nil {
		d.lacks("holders", err)
	} else if cache {
		d.hold(disk.UseHolder, "bcache") // a cache is no holder of what it caches on
	}
	text, err := s.tree.text(path.Join(d.dir, "dev"))
	if err == nil {
		d.number, err = disk.ParseNumber(text)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.lacks("number", err)
		}
		return // a hidden device has none
	}
	s.numbers[d.number] = d
}

// neighbours are the devices above or below d. A partition has none below.
func (s *scan) neighbours(d *device, side string) []string {
	entries, err := s.tree.dir(path.Join(d.dir, side))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || side == "holders" {
			d.lacks(side, err)
		}
		return nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (s *scan) partitions(d *device) {
	entries, err := s.tree.dir(d.dir)
	if err != nil {
		d.lacks("partitions", err)
	}
	for _, entry := range entries {
		dir := path.Join(d.dir, entry.Name())
		if !strings.HasPrefix(entry.Name(), d.name) {
			continue
		}
		if part, err := s.tree.exists(path.Join(dir, "partition")); err != nil {
			d.lacks("partitions", err)
			continue
		} else if !part {
			continue
		}
		p := &device{name: entry.Name(), dir: dir, whole: d}
		s.add(p)
		d.partitions = append(d.partitions, p)
	}
}

// present says whether the device has its device node in this node's /dev: containers of one machine that play nodes all
// see the machine's devices in sysfs.
func (s *scan) present(d *device) bool {
	number, block, err := s.tree.block("dev/" + strings.ReplaceAll(d.name, "!", "/"))
	switch {
	case err == nil:
		return block && (number == d.number || d.number == disk.Number{})
	case errors.Is(err, fs.ErrNotExist):
		return false
	}
	d.lacks("device node", err)
	return true
}

// kindPrefixes tell by its name which driver serves a device; the first that fits counts.
var kindPrefixes = []struct {
	prefix string
	kind   disk.Kind
}{
	{"loop", disk.KindLoop}, {"dm-", disk.KindMapped}, {"md", disk.KindMD}, {"bcache", disk.KindBcache},
	{"rbd", disk.KindRBD}, {"nbd", disk.KindNBD}, {"drbd", disk.KindDRBD}, {"zram", disk.KindZRAM}, {"ram", disk.KindRAM},
	{"sr", disk.KindOptical}, {"fd", disk.KindFloppy}, {"ublkb", disk.KindUBlk},
	{"sd", disk.KindPlain}, {"nvme", disk.KindPlain}, {"vd", disk.KindPlain}, {"xvd", disk.KindPlain},
	{"mmcblk", disk.KindPlain}, {"hd", disk.KindPlain}, {"dasd", disk.KindPlain}, {"cciss!", disk.KindPlain},
}

// kind of d. The driver of device-mapper says itself what a device of it is for.
func (s *scan) kind(d *device) disk.Kind {
	kind := disk.KindOther
	for _, known := range kindPrefixes {
		if strings.HasPrefix(d.name, known.prefix) {
			kind = known.kind
			break
		}
	}
	if kind != disk.KindMapped {
		return kind
	}
	uuid, err := s.tree.text(path.Join(d.dir, "dm/uuid"))
	if err != nil {
		d.lacks("device-mapper", err)
	}
	if strings.HasPrefix(uuid, "mpath-") {
		return disk.KindMultipath
	}
	return kind
}
