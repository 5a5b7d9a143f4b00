package node

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/pki"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Names of a node's services, and of their logs.
const (
	containerd = "containerd"
	kubelet    = "kubelet"
	kubeProxy  = "kube-proxy"
)

var serviceNames = []string{containerd, kubelet, kubeProxy}

// Paths in a node.
const (
	configDir        = "/etc/kubernetes"
	containerdConfig = "/etc/containerd/config.toml"
	containerdSocket = "/run/containerd/containerd.sock"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*"))

// values are what differs between the configurations of nodes.
type values struct {
	Name           string
	Address        netip.Addr
	DNS            netip.Addr
	Pods, PodRange netip.Prefix
	Config, Socket string
	Pause          string
	BinDir, CNIDir string
}

func newValues(w state.Network, n int) values {
	return values{
		Name: state.NodeName(n), Address: w.NodeAddr(n), DNS: w.DNS(),
		Pods: w.Pods, PodRange: w.PodRange(n),
		Config: configDir, Socket: containerdSocket, Pause: build.PauseImage,
		BinDir: boot.BinDir, CNIDir: boot.CNIDir,
	}
}

func render(name string, v values) (string, error) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("configure the node: %w", err)
	}
	return b.String(), nil
}

// spec is what the PID 1 of node n needs to know for this start.
func (m *Manager) spec(n int, hierarchies []cgroup.Hierarchy, disks []disk.Disk) (boot.Spec, error) {
	files, err := m.files(n)
	if err != nil {
		return boot.Spec{}, err
	}
	masks, err := m.masks(n)
	if err != nil {
		return boot.Spec{}, err
	}
	devices, err := diskDevices(disks)
	if err != nil {
		return boot.Spec{}, err
	}
	return boot.Spec{
		Name:        state.NodeName(n),
		Root:        m.rootDir(n),
		Overlay:     m.overlayDir(n),
		Hierarchies: hierarchies,
		Binds:       []boot.Bind{{Source: m.bin.BinDir, Target: boot.BinDir}, {Source: m.bin.CNIDir, Target: boot.CNIDir}},
		Files:       files,
		Masks:       masks,
		Sysctls:     map[string]string{"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/default/rp_filter": "0"},
		Disks:       devices,
		LoopShift:   loopShift(),
		Services:    services(m.cfg.Network, n),
		LoopLog:     m.loopLog(n),
		Report:      m.reportFile(n),
	}, nil
}

// files are the node's configuration: what is computed, and its credentials.
func (m *Manager) files(n int) ([]boot.File, error) {
	v, p := newValues(m.cfg.Network, n), pki.PathsIn(m.dir)
	files := []boot.File{
		{Path: "/etc/hostname", Mode: 0o644, Content: v.Name + "\n"},
		{Path: "/etc/hosts", Mode: 0o644, Content: fmt.Sprintf("127.0.0.1 localhost\n%s %s\n", v.Address, v.Name)},
		{Path: "/etc/resolv.conf", Mode: 0o644, Content: noResolver},
		{Path: configDir + "/resolv.conf", Mode: 0o644, Content: noResolver},
	}
	id, err := m.machineID(n)
	if err != nil {
		return nil, err
	}
	files = append(files, boot.File{Path: "/etc/machine-id", Mode: 0o444, Content: id + "\n"})
	for path, name := range map[string]string{
		"/var/lib/kubelet/config.yaml":    "kubelet.yaml",
		configDir + "/kube-proxy.yaml":    "kube-proxy.yaml",
		containerdConfig:                  "containerd.toml",
		"/etc/cni/net.d/10-pods.conflist": "cni.conflist",
	} {
		content, err := render(name, v)
		if err != nil {
			return nil, err
		}
		files = append(files, boot.File{Path: path, Mode: 0o644, Content: content})
	}
	for path, source := range map[string]string{
		"/ca.crt":                p.CA(),
		"/kubelet.crt":           p.Cert(v.Name),
		"/kubelet.key":           p.Key(v.Name),
		"/kubelet.kubeconfig":    p.Kubeconfig(v.Name),
		"/kube-proxy.kubeconfig": p.Kubeconfig(kubeProxy),
	} {
		content, err := os.ReadFile(source)
		if err != nil {
			return nil, fmt.Errorf("read the node's credentials: %w", err)
		}
		files = append(files, boot.File{Path: configDir + path, Mode: 0o600, Content: string(content)})
	}
	return files, nil
}

// noResolver: nodes and pods reach nothing outside of the cluster.
const noResolver = "nameserver 127.0.0.1\n"

// machineID is made once in the life of a node, as by its installation.
func (m *Manager) machineID(n int) (string, error) {
	file := filepath.Join(m.dir.Node(n), "machine-id")
	id, err := os.ReadFile(file)
	if err == nil {
		return string(id), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the node's machine id: %w", err)
	}
	made := hex.EncodeToString(randomBytes())
	return made, state.WriteFile(file, []byte(made), 0o600)
}

func randomBytes() []byte {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return b
}

// bootID is a new one at each start, in the form of the kernel's: Kubernetes and
// what runs on it tell by it that a node was restarted.
func bootID() string {
	b := randomBytes()
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// masks are what a node sees instead of the kernel's own files, which belong to
// the machine. The kubelet sets the kernel parameters at its start unless they
// have these values, see setupKernelTunables in its container manager.
func (m *Manager) masks(n int) ([]boot.File, error) {
	id, err := m.machineID(n)
	if err != nil {
		return nil, err
	}
	masks := []boot.File{
		{Path: "/proc/sys/kernel/random/boot_id", Mode: 0o444, Content: bootID() + "\n"},
		{Path: "/sys/class/dmi/id/product_uuid", Mode: 0o400, Content: id + "\n"},
	}
	for _, p := range []struct{ key, value string }{
		{"vm/overcommit_memory", "1"},
		{"vm/panic_on_oom", "0"},
		{"kernel/panic", "10"},
		{"kernel/panic_on_oops", "1"},
		{"kernel/keys/root_maxkeys", "1000000"},
		{"kernel/keys/root_maxbytes", "25000000"},
	} {
		masks = append(masks, boot.File{Path: "/proc/sys/" + p.key, Mode: 0o644, Content: p.value + "\n"})
	}
	return masks, nil
}

// services are started in this order.
func services(w state.Network, n int) []boot.Service {
	program := func(name string) string { return boot.BinDir + "/" + name }
	labels := strings.Join([]string{
		"topology.kubernetes.io/region=local",
		"topology.kubernetes.io/zone=" + state.Zone(n),
		"topology.seamount.dev/rack=" + state.Rack(n),
	}, ",")
	return []boot.Service{
		{Name: containerd, Argv: []string{program(containerd), "--config", containerdConfig}},
		{Name: kubelet, After: containerdSocket, Argv: []string{
			program(kubelet), "--config=/var/lib/kubelet/config.yaml", "--kubeconfig=" + configDir + "/kubelet.kubeconfig",
			"--hostname-override=" + state.NodeName(n), "--node-ip=" + w.NodeAddr(n).String(),
			"--node-labels=" + labels, "--cert-dir=/var/lib/kubelet/pki", "--v=2",
		}},
		{Name: kubeProxy, After: containerdSocket, Argv: []string{program(kubeProxy), "--config=" + configDir + "/kube-proxy.yaml"}},
	}
}

func diskDevices(disks []disk.Disk) ([]boot.Device, error) {
	var devices []boot.Device
	for _, d := range disks {
		found, err := loop.Read(os.DirFS("/sys"), d.Number)
		if err != nil {
			return nil, err
		}
		devices = append(devices, boot.Device{Name: loop.Name(d.Number), Block: true, Major: found.Major, Minor: found.Minor, Mode: 0o660})
	}
	return devices, nil
}

// loopShift follows from the kernel's parameter max_part: a loop device has
// room for that many partitions in its minor numbers.
func loopShift() uint {
	text, err := os.ReadFile("/sys/module/loop/parameters/max_part")
	if err != nil {
		return 0
	}
	parts, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 8)
	if err != nil {
		return 0
	}
	return uint(bits.Len64(parts))
}
