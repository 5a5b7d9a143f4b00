package trial

import (
	"path/filepath"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// Namespace that Seamount runs in.
const Namespace = "seamount"

// Checkout is where Seamount is built from, and to.
type Checkout struct {
	// Root is the directory of the repository.
	Root string
	// Cache is the directory of everything that is built once: images lie in it.
	Cache string
	// Logs is the directory for what the tools say.
	Logs string
	// Report shows each step.
	Report *progress.Reporter
}

func (c Checkout) images() string { return filepath.Join(c.Cache, "images") }

func (c Checkout) log(name string) string { return filepath.Join(c.Logs, "trial-"+name+".log") }

// Titles of steps whose duration is told before they were ever done.
const (
	titlePackages = "install the packages that Seamount is compiled with"
	titlePrograms = "compile Seamount and Helm"
	titleBuilder  = "compile the builder of images"
	titleUpstream = "build the images of Ceph and of the workload"
	titleOwn      = "build Seamount's images"
	titleCluster  = "bring up the StorageCluster"
	titlePool     = "make the StoragePool"
	titleDemo     = "start PostgreSQL on a volume"

	titleFilesystem = "make the StorageFilesystem"
	titleWriters    = "share a volume among pods on three nodes"
)

// FirstTime is about how long steps take on two cores when nothing is in any cache.
func FirstTime() map[string]time.Duration {
	return map[string]time.Duration{
		titlePackages:        time.Minute,
		"compile kubernetes": 20 * time.Minute,
		"compile containerd": 3 * time.Minute,
		"compile runc":       30 * time.Second,
		"compile coredns":    30 * time.Second,
		"compile cni":        10 * time.Second,
		titleBuilder:         20 * time.Second,
		titleUpstream:        3 * time.Minute,
		titlePrograms:        4 * time.Minute,
		titleOwn:             30 * time.Second,
		"image store":        20 * time.Second,
		titleCluster:         30 * time.Second,
		titlePool:            10 * time.Second,
		titleFilesystem:      20 * time.Second,
		titleDemo:            30 * time.Second,
		titleWriters:         20 * time.Second,
	}
}
