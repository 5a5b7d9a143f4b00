package inventory

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jaypipes/ghw"
	"github.com/jaypipes/ghw/pkg/block"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
)

// disks puts together what was read.
func (s *scan) disks() []disk.Disk {
	catalogue := s.catalogue()
	var disks []disk.Disk
	for _, name := range s.names {
		d := s.devices[name]
		if d.whole != nil || d.backing.detached || s.isPath(d) || !s.present(d) || s.pulled(d) {
			continue
		}
		disks = append(disks, s.disk(d, catalogue[name]))
	}
	slices.SortFunc(disks, func(a, b disk.Disk) int { return strings.Compare(a.Name, b.Name) })
	findTwins(disks)
	return disks
}

// isPath says whether d is a path of a multipath LUN.
func (s *scan) isPath(d *device) bool {
	return slices.ContainsFunc(d.holders, func(name string) bool {
		holder := s.devices[name]
		return holder != nil && s.kind(holder) == disk.KindMultipath
	})
}

// pulled says whether d went away while it was being read.
func (s *scan) pulled(d *device) bool {
	here, err := s.tree.exists(d.dir)
	return err == nil && !here
}

func (s *scan) disk(d *device, card *block.Disk) disk.Disk {
	out := disk.Disk{
		Name: d.name, Number: d.number, Kind: s.kind(d), BootID: s.bootID, Sequence: s.sequence(d),
		ReadOnly: s.flag(d, "read-only", "ro"), Removable: s.flag(d, "removable", "removable"),
		Hidden: s.hidden(d), Zoned: s.maybe(d, "zones", "queue/zoned"), Counters: s.counters(d),
		BackingFile: d.backing.file, BackingFilesystem: d.backing.filesystem, BackingDevice: d.backing.device,
		Partitions: s.describePartitions(d),
	}
	var paths []*device
	if out.Kind == disk.KindMultipath {
		paths = s.paths(d)
	}
	for _, p := range paths {
		out.Paths = append(out.Paths, p.name)
	}
	out.Hardware = s.hardware(d, paths)
	show(&out.Hardware, card)
	out.Uses = s.uses(d, paths)
	out.Problems = s.problems(d, paths)
	return out
}

func (s *scan) paths(d *device) []*device {
	var paths []*device
	for _, name := range d.slaves {
		if p := s.devices[name]; p != nil {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		d.lacks("paths", fmt.Errorf("%s has none", d.name))
	}
	return paths
}

func (s *scan) sequence(d *device) uint64 {
	text := s.maybe(d, "sequence", "diskseq")
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		d.lacks("sequence", fmt.Errorf("%q is no sequence number", text))
	}
	return n
}

func (s *scan) hidden(d *device) bool {
	text := s.maybe(d, "hidden", "hidden")
	return text != "" && text != "0"
}

func (s *scan) counters(d *device) disk.Counters {
	text := s.fact(d, "counters", "stat")
	if text == "" {
		return disk.Counters{}
	}
	counters, err := parseCounters(text)
	if err != nil {
		d.lacks("counters", err)
	}
	return counters
}

// parseCounters reads /sys/block/X/stat: 11 numbers, 15 since the kernel counts discards, 17 since it counts flushes.
func parseCounters(text string) (disk.Counters, error) {
	const writes, written, discards, discarded = 4, 6, 11, 13
	var numbers []uint64
	for _, field := range strings.Fields(text) {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return disk.Counters{}, fmt.Errorf("unexpected statistics %q", text)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 11 {
		return disk.Counters{}, fmt.Errorf("unexpected statistics %q", text)
	}
	counters := disk.Counters{Writes: numbers[writes], WrittenSectors: numbers[written]}
	if len(numbers) > discarded {
		counters.Discards, counters.DiscardedSectors = numbers[discards], numbers[discarded]
	}
	return counters, nil
}

func (s *scan) describePartitions(d *device) []disk.Partition {
	var parts []disk.Partition
	for _, p := range d.partitions {
		parts = append(parts, disk.Partition{
			Name: p.name, Number: p.number, UUID: s.partitionUUID(p),
			Start: s.bytes(p, "partitions", "start"), Size: s.bytes(p, "partitions", "size"),
		})
	}
	slices.SortFunc(parts, func(a, b disk.Partition) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	return parts
}

// uses are all that holds the disk, its partitions, its paths, and what stands on them.
func (s *scan) uses(d *device, paths []*device) []disk.Use {
	w := walk{scan: s, seen: map[*device]bool{}}
	w.visit(d)
	for _, p := range paths {
		w.visit(p)
	}
	return w.uses
}

// walk goes from a disk upwards, to each device once.
type walk struct {
	*scan
	seen map[*device]bool
	uses []disk.Use
}

func (w *walk) visit(d *device) {
	if d == nil || w.seen[d] {
		return
	}
	w.seen[d] = true
	w.uses = append(w.uses, d.uses...)
	for _, name := range d.holders {
		holder := w.devices[name]
		if holder == nil || !w.seen[holder] { // the LUN itself holds its paths
			w.uses = append(w.uses, disk.Use{Kind: disk.UseHolder, Device: d.name, By: w.title(name)})
		}
		w.visit(holder)
	}
	for _, p := range d.partitions {
		w.visit(p)
	}
}

// title of a device for people, such as "dm-3 (vg-data)".
func (s *scan) title(name string) string {
	if text, err := s.tree.text(path.Join("sys/block", name, "dm/name")); err == nil && text != "" {
		return name + " (" + text + ")"
	}
	return name
}

// problems of the disk, of what it consists of, and of the node.
func (s *scan) problems(d *device, paths []*device) []disk.Problem {
	all := slices.Clone(d.problems)
	for _, p := range slices.Concat(d.partitions, paths) {
		for _, problem := range p.problems {
			all = append(all, disk.Problem{Fact: problem.Fact + " of " + p.name, Text: problem.Text})
		}
	}
	return append(all, s.everywhere...)
}

// catalogue is what ghw knows of the hardware, by kernel name.
func (s *scan) catalogue() map[string]*block.Disk {
	info, err := ghw.Block(ghw.WithChroot(s.root), ghw.WithDisableWarnings())
	if err != nil {
		s.lacks("hardware", err)
		return nil
	}
	cards := map[string]*block.Disk{}
	for _, card := range info.Disks {
		cards[card.Name] = card
	}
	return cards
}

// show adds what people want to see and nothing depends on.
func show(h *disk.Hardware, card *block.Disk) {
	if card == nil {
		return
	}
	if h.Vendor == "" && !strings.HasPrefix(card.Vendor, "0x") {
		h.Vendor = known(card.Vendor)
	}
	if slot := known(card.BusPath); slot != "" {
		h.Path = slot
	}
}

func known(text string) string {
	if text == "unknown" {
		return ""
	}
	return printable(text)
}

// findTwins marks disks that have the same identity. The paths of a LUN are not among them.
func findTwins(disks []disk.Disk) {
	same := map[string][]string{}
	name := func(d disk.Disk) string {
		name, _ := identity.Of(d, "")
		return name
	}
	for _, d := range disks {
		same[name(d)] = append(same[name(d)], d.Name)
	}
	delete(same, "")
	for i, d := range disks {
		for _, twin := range same[name(d)] {
			if twin != d.Name {
				disks[i].Twins = append(disks[i].Twins, twin)
			}
		}
	}
}
