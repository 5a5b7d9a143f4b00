package boot

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
)

// Spec is all that a node's PID 1 needs to know.
type Spec struct {
	// Name is the node's host name.
	Name string `json:"name"`
	// Root is the directory on the machine that becomes the node's /.
	Root string `json:"root"`
	// Overlay is the directory on the machine for what the node changes in the
	// directories that it shares with the machine.
	Overlay string `json:"overlay"`
	// Hierarchies are the control groups to mount.
	Hierarchies []cgroup.Hierarchy `json:"hierarchies"`
	// Binds are directories of the machine that the node sees read-only.
	Binds []Bind `json:"binds"`
	// Files are written into the node's filesystem.
	Files []File `json:"files"`
	// Masks are mounted over files of the kernel, where the node must see, or be
	// able to write, something other than the machine.
	Masks []File `json:"masks"`
	// Sysctls are set in the node's own namespaces, by path below /proc/sys.
	Sysctls map[string]string `json:"sysctls"`
	// Disks are the block devices of the node, besides the ordinary devices.
	Disks []Device `json:"disks"`
	// LoopShift is how far the number of a loop device is shifted in its minor number.
	LoopShift uint `json:"loopShift"`
	// Services are started in this order.
	Services []Service `json:"services"`
	// LoopLog is the file on the machine that records loop devices made in the node.
	LoopLog string `json:"loopLog"`
	// Report is the socket on the machine where the starting command listens.
	Report string `json:"report"`
}

// Bind is a directory of the machine at a place in the node.
type Bind struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// File is a file of the node.
type File struct {
	Path    string      `json:"path"`
	Mode    fs.FileMode `json:"mode"`
	Content string      `json:"content"`
}

// Device is a device file below /dev.
type Device struct {
	Name  string `json:"name"`
	Block bool   `json:"block,omitempty"`
	Major uint32 `json:"major"`
	Minor uint32 `json:"minor"`
	// Mode are its permissions.
	Mode fs.FileMode `json:"mode"`
}

// Service is a daemon of the node.
type Service struct {
	// Name is that of its log file too.
	Name string `json:"name"`
	// Argv is its program, absolute, and its arguments.
	Argv []string `json:"argv"`
	// After is a unix socket that must accept connections before it starts.
	After string `json:"after,omitempty"`
}

// Environment is what every process that is started in a node gets.
func Environment() []string {
	return []string{
		"PATH=" + BinDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"LANG=C.UTF-8",
	}
}

// Paths in every node.
const (
	// BinDir holds the Kubernetes components and containerd.
	BinDir = "/opt/seamount-local/bin"
	// CNIDir holds the CNI plugins.
	CNIDir = "/opt/cni/bin"
	// LogDir holds the logs of the node's services.
	LogDir = "/var/log"
	// runDir is the init's own.
	runDir = "/run/seamount-local"
	// ControlSocket is where PID 1 takes requests.
	ControlSocket = runDir + "/init.sock"
)

// ReadSpec reads a Spec from a file.
func ReadSpec(file string) (Spec, error) {
	var s Spec
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the node's specification: %w", err)
	}
	return s, nil
}
