package boot

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// action is what a step does.
type action string

const (
	makeDir    action = "dir"
	makeLink   action = "link"
	makeFile   action = "file"
	makeDevice action = "device"
	mountFS    action = "mount"
	setSysctl  action = "sysctl"
)

// step is one step of building a node's filesystem. Paths in the node are
// relative to its root.
type step struct {
	Do     action
	Target string
	// Source is what is mounted, or what a link points to.
	Source string
	// Type, Flags and Options are those of mount(2).
	Type    string
	Flags   uintptr
	Options string
	// Mode and Content are those of a directory, file or device.
	Mode    fs.FileMode
	Content string
	Device  Device
	// Optional: the kernel may lack the target; then the step is left out.
	Optional bool
}

// sharedDirs are the machine's directories that a node sees, with its own changes
// on top. Nothing else of the machine is visible, and nothing is writable.
var sharedDirs = []string{"usr", "etc", "opt"}

// systemDirs are links into /usr on a merged-usr machine and directories otherwise.
var systemDirs = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// machineDirs tells what of systemDirs the machine has: the target of a link, or
// "" for a directory.
type machineDirs map[string]string

// plan is the whole filesystem of a node, in order.
func plan(s Spec, machine machineDirs) []step {
	var steps []step
	for _, part := range [][]step{
		skeleton(), sharedSteps(s, machine), kernelSteps(s), deviceSteps(s), runSteps(), bindSteps(s), fileSteps(s), maskSteps(s), sysctlSteps(s),
	} {
		steps = append(steps, part...)
	}
	return steps
}

func dir(target string, mode fs.FileMode) step { return step{Do: makeDir, Target: target, Mode: mode} }

func link(target, to string) step { return step{Do: makeLink, Target: target, Source: to} }

func mount(target, source, fstype, options string, flags uintptr) step {
	return step{Do: mountFS, Target: target, Source: source, Type: fstype, Options: options, Flags: flags}
}

func skeleton() []step {
	const sticky = 0o777 | fs.ModeSticky
	steps := []step{dir("root", 0o700), dir("tmp", sticky)}
	for _, d := range strings.Fields("proc sys dev run home srv mnt media var var/lib var/log var/cache var/spool usr etc opt") {
		steps = append(steps, dir(d, 0o755))
	}
	return append(steps, dir("var/tmp", sticky), link("var/run", "/run"), link("var/lock", "/run/lock"))
}

func sharedSteps(s Spec, machine machineDirs) []step {
	var steps []step
	for _, d := range sharedDirs {
		steps = append(steps, overlay(s, d))
	}
	for _, d := range systemDirs {
		to, exists := machine[d]
		switch {
		case exists && to != "":
			steps = append(steps, link(d, to))
		case exists:
			steps = append(steps, dir(d, 0o755), overlay(s, d))
		}
	}
	return steps
}

func overlay(s Spec, d string) step {
	upper, work := path.Join(s.Overlay, d, "upper"), path.Join(s.Overlay, d, "work")
	return mount(d, "overlay", "overlay", fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s", d, upper, work), 0)
}

// kernelSteps mount the kernel's filesystems, seen from the node's namespaces.
func kernelSteps(s Spec) []step {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	steps := []step{
		mount("proc", "proc", "proc", "", safe),
		mount("sys", "sysfs", "sysfs", "", safe),
	}
	fuse := mount("sys/fs/fuse/connections", "fusectl", "fusectl", "", safe)
	fuse.Optional = true
	steps = append(steps, fuse)
	if len(s.Hierarchies) == 1 && s.Hierarchies[0].Unified {
		return append(steps, mount("sys/fs/cgroup", "cgroup2", "cgroup2", "", safe))
	}
	steps = append(steps, mount("sys/fs/cgroup", "tmpfs", "tmpfs", "mode=755", safe))
	for _, h := range s.Hierarchies {
		target := path.Join("sys/fs/cgroup", path.Base(h.Mount))
		steps = append(steps, dir(target, 0o755), mount(target, "cgroup", h.MountType(), h.MountOptions(), safe))
	}
	return steps
}

// ordinaryDevices are in every node, with the numbers that the kernel's
// devices.txt fixes.
var ordinaryDevices = []Device{
	{Name: "null", Major: 1, Minor: 3, Mode: 0o666},
	{Name: "zero", Major: 1, Minor: 5, Mode: 0o666},
	{Name: "full", Major: 1, Minor: 7, Mode: 0o666},
	{Name: "random", Major: 1, Minor: 8, Mode: 0o666},
	{Name: "urandom", Major: 1, Minor: 9, Mode: 0o666},
	{Name: "kmsg", Major: 1, Minor: 11, Mode: 0o600},
	{Name: "tty", Major: 5, Minor: 0, Mode: 0o666},
	{Name: "fuse", Major: 10, Minor: 229, Mode: 0o666},
	{Name: "net/tun", Major: 10, Minor: 200, Mode: 0o666},
	{Name: "loop-control", Major: 10, Minor: 237, Mode: 0o600},
}

// Loop devices that every node has, whether they exist yet or not: the kubelet
// runs `losetup -f` for each raw block volume, which gets the lowest free number
// on the machine and then needs the file.
const (
	loopMajor   = 7
	commonLoops = 128
)

func deviceSteps(s Spec) []step {
	steps := []step{mount("dev", "tmpfs", "tmpfs", "mode=755,size=1m", unix.MS_NOSUID)}
	for _, d := range []string{"net", "pts", "shm", "mqueue", "mapper", "disk"} {
		steps = append(steps, dir("dev/"+d, 0o755))
	}
	devices := slices.Clone(ordinaryDevices)
	for n := range uint32(commonLoops) {
		devices = append(devices, Device{Name: fmt.Sprintf("loop%d", n), Block: true, Major: loopMajor, Minor: n << s.LoopShift, Mode: 0o660})
	}
	for _, d := range append(devices, s.Disks...) {
		steps = append(steps, step{Do: makeDevice, Target: "dev/" + d.Name, Device: d})
	}
	return append(steps,
		mount("dev/pts", "devpts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", unix.MS_NOSUID|unix.MS_NOEXEC),
		mount("dev/shm", "tmpfs", "tmpfs", "mode=1777", unix.MS_NOSUID|unix.MS_NODEV),
		mount("dev/mqueue", "mqueue", "mqueue", "", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC),
		link("dev/ptmx", "pts/ptmx"),
		link("dev/fd", "/proc/self/fd"),
		link("dev/stdin", "/proc/self/fd/0"),
		link("dev/stdout", "/proc/self/fd/1"),
		link("dev/stderr", "/proc/self/fd/2"),
	)
}

func runSteps() []step {
	return []step{
		mount("run", "tmpfs", "tmpfs", "mode=755", unix.MS_NOSUID|unix.MS_NODEV),
		dir("run/lock", 0o755), dir(runDir[1:], 0o700), dir(maskDir, 0o755),
	}
}

// bindSteps: a bind mount becomes read-only with a second call only, mount(2).
func bindSteps(s Spec) []step {
	var steps []step
	for _, b := range s.Binds {
		target := b.Target[1:]
		steps = append(steps, dir(target, 0o755),
			mount(target, b.Source, "", "", unix.MS_BIND),
			mount(target, "", "", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY))
	}
	return steps
}

func fileSteps(s Spec) []step {
	var steps []step
	for _, f := range s.Files {
		steps = append(steps, dir(path.Dir(f.Path[1:]), 0o755), fileStep(f.Path[1:], f))
	}
	return steps
}

func fileStep(target string, f File) step {
	return step{Do: makeFile, Target: target, Mode: f.Mode, Content: f.Content}
}

const maskDir = "run/seamount-local-masks"

func maskSteps(s Spec) []step {
	var steps []step
	for i, f := range s.Masks {
		source := fmt.Sprintf("%s/%d", maskDir, i)
		over := mount(f.Path[1:], path.Join(s.Root, source), "", "", unix.MS_BIND)
		over.Optional = true
		steps = append(steps, fileStep(source, f), over)
	}
	return steps
}

func sysctlSteps(s Spec) []step {
	var steps []step
	for _, name := range sortedKeys(s.Sysctls) {
		steps = append(steps, step{Do: setSysctl, Target: "proc/sys/" + name, Content: s.Sysctls[name], Optional: true})
	}
	return steps
}
