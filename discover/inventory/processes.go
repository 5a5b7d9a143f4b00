package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// maxDescriptors bounds how many open files of all processes are looked at in one scan.
const maxDescriptors = 1 << 20

// processes are the ids of the node's processes, the first process first.
func (s *scan) processes() []string {
	if s.pids != nil {
		return s.pids
	}
	entries, err := s.tree.dir("proc")
	if err != nil {
		s.lacks("processes", err)
	}
	var ids []int
	for _, entry := range entries {
		if id, err := strconv.Atoi(entry.Name()); err == nil && id != 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // a container's oldest process is likely to stay
	s.pids = []string{"1"}
	for _, id := range ids {
		s.pids = append(s.pids, strconv.Itoa(id))
	}
	return s.pids
}

// readProcesses finds the devices that a process has open, and those that a container has a device node of.
func (s *scan) readProcesses(ctx context.Context) {
	self, err := s.tree.link("proc/self")
	if err != nil {
		s.lacks("processes", err)
	}
	if first, err := s.tree.text("proc/1/comm"); err == nil && first == "pause" || self == "1" {
		s.lacks("processes", errors.New("only those of this pod are seen: it needs hostPID"))
	}
	o := openings{scan: s, self: self, types: s.mountTypes(), left: maxDescriptors}
	for _, pid := range s.processes() {
		if err := ctx.Err(); err != nil {
			s.lacks("open files", err)
			break
		}
		if err := o.readProcess(pid); err != nil {
			s.lacks("open files", err)
			break // the rest is refused likewise
		}
	}
	s.readContainers()
}

// mountTypes are the mounts of all namespaces by their id, which is unique on the machine.
func (s *scan) mountTypes() map[int]mountinfo.Mount {
	types := map[int]mountinfo.Mount{}
	for _, space := range s.spaces {
		for _, m := range space.mounts {
			types[m.ID] = m
		}
	}
	return types
}

// openings looks for block devices among the open files of processes.
type openings struct {
	*scan
	self  string
	types map[int]mountinfo.Mount
	left  int
}

func (o *openings) readProcess(pid string) error {
	descriptors, err := o.tree.dir("proc/" + pid + "/fd")
	if err != nil {
		if gone(err) {
			return nil
		}
		return err
	}
	if o.left -= len(descriptors); o.left < 0 {
		return fmt.Errorf("more than %d files are open", maxDescriptors)
	}
	for _, entry := range descriptors {
		if err := o.readDescriptor(pid, entry.Name()); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

func (o *openings) readDescriptor(pid, number string) error {
	name := "proc/" + pid + "/fd/" + number
	target, err := o.tree.link(name)
	if err != nil || !strings.HasPrefix(target, "/") || ordinary(target) {
		return err // sockets, pipes and the like have no path
	}
	text, err := o.tree.text("proc/" + pid + "/fdinfo/" + number)
	if err != nil {
		return err
	}
	info, err := parseDescriptor(text)
	if err != nil || info.flags&unix.O_PATH != 0 {
		return err
	}
	if m, known := o.types[info.mount]; !within(target, "/dev") && (!known || remote(m)) {
		return nil // a server may hang; a device node lies on a local filesystem
	}
	device, block, err := o.tree.block(name)
	if err != nil || !block {
		return err
	}
	return o.holdOpen(pid, device, info.flags&unix.O_ACCMODE == unix.O_RDONLY)
}

// ordinary says whether the name is that of a device that is no disk and that many processes have open.
func ordinary(name string) bool {
	return name == "/dev/null" || name == "/dev/urandom" || strings.HasPrefix(name, "/dev/pts/") ||
		strings.HasPrefix(name, "/dev/shm/") || strings.HasPrefix(name, "/memfd:")
}

// holdOpen records the process, unless it is a child that reads the disk for us, or udev, which looks at every device that
// appears.
func (o *openings) holdOpen(pid string, number disk.Number, reads bool) error {
	d := o.numbers[number]
	if d == nil || d.held(disk.UseProcess) >= maxMounts {
		return nil
	}
	ours, err := o.ours(pid)
	if err != nil || ours {
		return err
	}
	name, err := o.tree.text("proc/" + pid + "/comm")
	if err != nil {
		return err
	}
	if reads && (name == "systemd-udevd" || name == "(udev-worker)") {
		return nil
	}
	d.hold(disk.UseProcess, fmt.Sprintf("%s (pid %s)", name, pid))
	return nil
}

// ours says whether the process comes from this one, which reads disks in children and opens none itself.
func (o *openings) ours(pid string) (bool, error) {
	const depth = 64
	for range depth {
		if pid == o.self || pid == "1" || pid == "0" {
			return false, nil
		}
		text, err := o.tree.text("proc/" + pid + "/stat")
		if gone(err) {
			return false, nil // whose parent ended, is not ours
		}
		if err != nil {
			return false, err
		}
		if pid, err = parseParent(text); err != nil || pid == o.self {
			return err == nil, err
		}
	}
	return false, nil
}

// descriptor is what fdinfo says of an open file.
type descriptor struct{ flags, mount int }

func parseDescriptor(text string) (descriptor, error) {
	d := descriptor{flags: -1, mount: -1}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch key {
		case "flags":
			d.flags, err = parseFlags(value)
		case "mnt_id":
			d.mount, err = strconv.Atoi(value)
		}
		if err != nil {
			return descriptor{}, fmt.Errorf("unexpected line %q of fdinfo: %w", line, err)
		}
	}
	if d.flags < 0 || d.mount < 0 {
		return descriptor{}, errors.New("fdinfo says neither flags nor mount")
	}
	return d, nil
}

func parseFlags(octal string) (int, error) {
	flags, err := strconv.ParseUint(octal, 8, 31)
	return int(flags), err
}

// parseParent reads the parent out of /proc/N/stat, such as "812 (a name) S 1 812 ...": the name may hold anything.
func parseParent(text string) (string, error) {
	end := strings.LastIndex(text, ")")
	if fields := strings.Fields(text[end+1:]); end >= 0 && len(fields) >= 2 {
		if _, err := strconv.ParseUint(fields[1], 10, 31); err == nil {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("unexpected state %q of a process", text)
}

// readContainers finds the device nodes that containers were given. A privileged container has all of the node's, which
// says nothing of any of them; it has the capabilities of the first process too.
func (s *scan) readContainers() {
	if len(s.spaces) == 0 {
		return
	}
	own := covering(s.spaces[0].mounts, "/dev").Number
	all, err := s.bounding("1")
	if err != nil {
		s.lacks("containers", err)
		return
	}
	for _, space := range s.spaces[1:] {
		if covering(space.mounts, "/dev").Number == own {
			continue // a service that has the node's /dev
		}
		if err := s.readContainer(space, all); err != nil {
			s.lacks("containers", err)
		}
	}
}

// readContainer looks at a namespace through the first of its processes that is still there.
func (s *scan) readContainer(space namespace, privileged string) error {
	for _, pid := range append([]string{space.pid}, space.others...) {
		caps, err := s.bounding(pid)
		if err == nil && caps != privileged {
			space.pid = pid
			err = s.holdNodes(space)
		}
		if !gone(err) {
			return err
		}
	}
	return nil
}

// bounding is the set of capabilities that a process can ever have.
func (s *scan) bounding(pid string) (string, error) {
	text, err := s.tree.text("proc/" + pid + "/status")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if caps, found := strings.CutPrefix(line, "CapBnd:"); found {
			return strings.TrimSpace(caps), nil
		}
	}
	return "", fmt.Errorf("the status of process %s lacks CapBnd", pid)
}

func (s *scan) holdNodes(space namespace) error {
	if remote(covering(space.mounts, "/dev")) {
		return nil
	}
	entries, err := s.tree.dir(space.file("/dev"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Type()&fs.ModeDevice == 0 || entry.Type()&fs.ModeCharDevice != 0 {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		number, _, err := blockOf(info)
		if err != nil {
			return err
		}
		if d := s.numbers[number]; d != nil {
			d.hold(disk.UseContainer, fmt.Sprintf("/dev/%s (pid %s)", entry.Name(), space.pid))
		}
	}
	return nil
}
