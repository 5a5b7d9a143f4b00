package preflight

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
)

// Facts are what Gather found out about the machine.
type Facts struct {
	// Running is set if the cluster runs: it has the memory, the disk and the
	// ports that it needs.
	Running bool

	UID         int
	Filesystems []string // that the kernel knows, see /proc/filesystems
	Namespaces  []string // kinds, see /proc/self/ns
	Cgroups     error    // why the control groups are of no use
	LoopControl bool     // /dev/loop-control is there
	FUSE        bool     // /dev/fuse is there

	MemAvailable uint64 // bytes
	StateDir     Space
	CacheDir     Space

	Programs []string // of those in Tools, the ones that are installed
	SeccompA bool     // libseccomp can be linked statically
	Apt      bool     // packages can be installed with apt-get
	Go       error    // why the Go toolchain is of no use

	// Listening are the TCP addresses that somebody else listens on.
	Listening []netip.AddrPort
	// Network are the conflicts of the address plan with the machine's network.
	Network error
	// Interrupted is what an earlier run left behind, in words; empty if nothing.
	Interrupted string
}

// Space is the room in a directory.
type Space struct {
	Path       string
	FreeBytes  uint64
	FreeInodes uint64
}

// Need is what the cluster that is asked for wants of the machine.
type Need struct {
	Nodes   int
	Listen  []netip.AddrPort
	Compile []string // components that are not in the cache yet
}

// Tool is a program that must be installed on the machine.
type Tool struct {
	Program, Package, Purpose string
	// Compile marks what only compiling needs.
	Compile bool
}

// Tools are all programs that are started and do not come with the cluster.
var Tools = []Tool{
	{Program: "nft", Package: "nftables", Purpose: "kube-proxy makes Services work with it"},
	{Program: "mount", Package: "mount", Purpose: "kubelet mounts volumes with it"},
	{Program: "losetup", Package: "mount", Purpose: "kubelet maps raw block volumes with it"},
	{Program: "nsenter", Package: "util-linux", Purpose: "kubelet enters a pod's namespaces with it"},
	{Program: "mkfs.ext4", Package: "e2fsprogs", Purpose: "volumes are formatted with it"},
	{Program: "gcc", Package: "gcc", Purpose: "runc and pause are compiled with it", Compile: true},
	{Program: "pkg-config", Package: "pkg-config", Purpose: "runc's build finds libseccomp with it", Compile: true},
}

const (
	gib = 1 << 30
	mib = 1 << 20

	// compileSpace is what go's module and build caches and the programs grow by.
	compileSpace = 12 * gib
	// clusterSpace is for etcd, logs, the image store and some images.
	clusterSpace = 3 * gib
	// nodeMemory is a node with its kubelet, containerd and kube-proxy; the
	// control plane needs planeMemory.
	nodeMemory  = 150 * mib
	planeMemory = 700 * mib
)

// Evaluate judges facts by what is needed. It always reports every check, so that
// one look tells everything there is to do.
func Evaluate(f Facts, n Need) []Finding {
	var all []Finding
	all = append(all, root(f), kernel(f), cgroups(f), devices(f))
	if !f.Running {
		all = append(all, memory(f, n), space(f.StateDir, clusterSpace, "the cluster"))
	}
	if len(n.Compile) > 0 {
		all = append(all, space(f.CacheDir, compileSpace, "compiling"), goToolchain(f))
	}
	all = append(all, programs(f, n)...)
	all = append(all, network(f, n), earlier(f))
	return all
}

func root(f Facts) Finding {
	if f.UID != 0 {
		return Finding{Problem, "user", fmt.Sprintf("user id %d may not make namespaces and mounts", f.UID), "run it as root, for example with sudo -E", nil}
	}
	return Finding{Check: "user", What: "root"}
}

// kernel checks what can be a module that is not loaded yet.
func kernel(f Facts) Finding {
	var missing []string
	for _, fs := range []string{"overlay", "tmpfs", "proc", "sysfs", "devpts"} {
		if !slices.Contains(f.Filesystems, fs) {
			missing = append(missing, "filesystem "+fs)
		}
	}
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		if !slices.Contains(f.Namespaces, ns) {
			missing = append(missing, ns+" namespaces")
		}
	}
	if len(missing) > 0 {
		return Finding{Problem, "kernel", "the kernel lacks " + strings.Join(missing, ", "), "load the module (`modprobe overlay`) or use a kernel that has it", nil}
	}
	return Finding{Check: "kernel", What: "namespaces and overlayfs"}
}

func cgroups(f Facts) Finding {
	if f.Cgroups != nil {
		return Finding{Problem, "cgroups", f.Cgroups.Error(), "mount the control groups as the distribution does", nil}
	}
	return Finding{Check: "cgroups", What: "usable"}
}

func devices(f Facts) Finding {
	switch {
	case !f.LoopControl:
		return Finding{Problem, "devices", "/dev/loop-control is missing, so nodes can have no disks", "load the module: modprobe loop", nil}
	case !f.FUSE:
		return Finding{Warning, "devices", "/dev/fuse is missing, so volumes that need FUSE will not mount", "load the module: modprobe fuse", nil}
	}
	return Finding{Check: "devices", What: "loop and FUSE"}
}

func memory(f Facts, n Need) Finding {
	want := uint64(planeMemory + n.Nodes*nodeMemory)
	if len(n.Compile) > 0 {
		want = max(want, 4*gib) // linking the Kubernetes binary alone takes 3.3 GB
	}
	if f.MemAvailable < want {
		return Finding{Problem, "memory", fmt.Sprintf("%s of memory are available and %s are needed", size(f.MemAvailable), size(want)), "stop other programs or ask for fewer nodes", nil}
	}
	return Finding{Check: "memory", What: size(f.MemAvailable) + " available"}
}

func space(s Space, want uint64, purpose string) Finding {
	check := "disk for " + purpose
	if s.FreeBytes < want {
		return Finding{Problem, check, fmt.Sprintf("%s are free in %s and %s needs %s", size(s.FreeBytes), s.Path, purpose, size(want)), "free some space, or move it with " + mover(purpose), nil}
	}
	const inodes = 100_000
	if s.FreeInodes > 0 && s.FreeInodes < inodes {
		return Finding{Problem, check, fmt.Sprintf("%d inodes are free in %s and %s needs %d", s.FreeInodes, s.Path, purpose, inodes), "delete files, or move it with " + mover(purpose), nil}
	}
	return Finding{Check: check, What: fmt.Sprintf("%s free in %s", size(s.FreeBytes), s.Path)}
}

func mover(purpose string) string {
	if purpose == "compiling" {
		return build.CacheEnv + ", GOCACHE and GOMODCACHE"
	}
	return "SEAMOUNT_LOCAL_DIR"
}

func goToolchain(f Facts) Finding {
	if f.Go != nil {
		return Finding{Problem, "go", f.Go.Error(), "install the Go release that go.mod names, from go.dev/dl", nil}
	}
	return Finding{Check: "go", What: "recent enough"}
}

// programs reports every missing tool, or one line if there is none.
func programs(f Facts, n Need) []Finding {
	var all []Finding
	for _, t := range Tools {
		if (!t.Compile || len(n.Compile) > 0) && !slices.Contains(f.Programs, t.Program) {
			all = append(all, f.missing(t.Program, t.Program+" is not installed ("+t.Purpose+")", t.Package))
		}
	}
	if slices.Contains(n.Compile, "runc") && !f.SeccompA {
		all = append(all, f.missing("libseccomp", "the static libseccomp is not installed (runc is linked with it)", "libseccomp-dev"))
	}
	if len(all) == 0 {
		return []Finding{{Check: "programs", What: "all installed"}}
	}
	return all
}

func (f Facts) missing(check, what, pkg string) Finding {
	if !f.Apt {
		return Finding{Problem, check, what, "install it with the distribution's package manager (Debian's package is " + pkg + ")", nil}
	}
	return Finding{Installable, check, what, "`up` installs the package " + pkg, []string{pkg}}
}

func network(f Facts, n Need) Finding {
	var taken []string
	for _, want := range n.Listen {
		for _, have := range f.Listening {
			if have.Port() == want.Port() && (have.Addr().Unmap() == want.Addr() || have.Addr().IsUnspecified()) {
				taken = append(taken, fmt.Sprintf("port %d (somebody listens on %s)", want.Port(), have))
			}
		}
	}
	switch {
	case f.Network != nil:
		return Finding{Problem, "network", strings.ReplaceAll(f.Network.Error(), "\n", "; "), "remove it, or choose other ranges with --network, --pod-network and --service-network", nil}
	case len(taken) > 0:
		return Finding{Problem, "network", "taken: " + strings.Join(taken, ", "), "stop that program, or have it listen on its own address only", nil}
	}
	return Finding{Check: "network", What: "addresses and ports are free"}
}

func earlier(f Facts) Finding {
	if f.Interrupted != "" {
		return Finding{Warning, "earlier run", f.Interrupted, "`up` completes it, `down` removes it", nil}
	}
	return Finding{Check: "earlier run", What: "nothing left half-made"}
}

func size(bytes uint64) string {
	if bytes < gib {
		return fmt.Sprintf("%d MiB", bytes/mib)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
}
