package build

// Names of the images that every node starts from.
const (
	PauseImage   = "seamount.local/pause:1"
	CoreDNSImage = "seamount.local/coredns:v1.14.6"
)

// component is one thing to compile: some packages of one module under
// components, with one set of flags.
type component struct {
	Name string
	// Module is the directory under components.
	Module string
	// Packages are compiled by `go build`; if there are none, Source is
	// compiled by the C compiler.
	Packages []string
	Source   string
	// Out is where the programs go in Artifacts, and Links are further names of
	// the one program.
	Out   string
	Links []string

	CGO bool
	// Tags are further ones: see flags.
	Tags string
	// LDFlags may hold {module path}, which becomes its version.
	LDFlags string
}

// What the recipes below mean, for cached results: raise it when compile.go
// comes to treat the same recipe in another way.
const recipeVersion = 2

const (
	binDir   = "bin"
	cniDir   = "cni"
	imageDir = "images"
	// partDir holds what goes into images and is no program of the machine.
	partDir = "parts"
)

const (
	cniPlugins    = "github.com/containernetworking/plugins/plugins/"
	containerdCmd = "github.com/containerd/containerd/v2/cmd/"
)

// kubernetesNames are the programs that the one binary acts as.
var kubernetesNames = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet",
}

// components are compiled in this order: the cheap ones that find a missing
// compiler or library first.
var components = []component{
	{
		Name: "pause", Module: "pause", Source: "pause.c", Out: partDir,
	},
	{
		Name: "runc", Module: "containerd", Out: binDir,
		Packages: []string{"github.com/opencontainers/runc"},
		// containerd asks for a seccomp profile in every container, and runc
		// refuses it without this tag. Static, so that it also runs where
		// libseccomp is another version or missing.
		CGO: true, Tags: "seccomp",
		LDFlags: "-s -w -linkmode external -extldflags -static -X main.version={github.com/opencontainers/runc}",
	},
	{
		Name: "cni", Module: "containerd", Out: cniDir,
		Packages: []string{
			cniPlugins + "ipam/host-local", cniPlugins + "main/bridge", cniPlugins + "main/loopback", cniPlugins + "meta/portmap",
		},
		LDFlags: "-s -w",
	},
	{
		Name: "containerd", Module: "containerd", Out: binDir,
		Packages: []string{containerdCmd + "containerd", containerdCmd + "containerd-shim-runc-v2", containerdCmd + "ctr"},
		Tags:     "no_btrfs,no_devmapper,no_zfs",
		LDFlags:  "-s -w -X github.com/containerd/containerd/v2/version.Version={github.com/containerd/containerd/v2}",
	},
	{
		Name: "kubernetes", Module: "kubernetes", Out: binDir,
		Packages: []string{"."}, Links: kubernetesNames, LDFlags: "-s -w" + kubernetesVersions,
	},
	{
		Name: "kubectl", Module: "kubernetes", Out: binDir,
		Packages: []string{"./kubectl"}, LDFlags: "-s -w" + kubernetesVersions,
	},
	{
		// The CoreDNS that kubeadm installs with this Kubernetes. It needs nothing
		// newer than Kubernetes does, so it shares its module, and with it all
		// compiled libraries.
		Name: "coredns", Module: "kubernetes", Out: partDir,
		Packages: []string{"./coredns"},
		LDFlags:  "-s -w",
	},
}

// kubernetesVersions are what the programs of Kubernetes say of themselves.
// Without a version kubelet and kube-apiserver call themselves v0.0.0, and
// clients that compare versions go astray. gitCommit is not known here.
var kubernetesVersions = kubernetesVersion("k8s.io/component-base/version") + kubernetesVersion("k8s.io/client-go/pkg/version")

func kubernetesVersion(pkg string) string {
	return " -X " + pkg + ".gitVersion={k8s.io/kubernetes}" +
		" -X " + pkg + ".gitMajor={k8s.io/kubernetes#major}" +
		" -X " + pkg + ".gitMinor={k8s.io/kubernetes#minor}" +
		" -X " + pkg + ".gitTreeState=clean" +
		" -X " + pkg + ".gitCommit=" +
		" -X " + pkg + ".buildDate=1970-01-01T00:00:00Z"
}

// ComponentNames are the names of everything that is compiled.
func ComponentNames() []string {
	var names []string
	for _, c := range components {
		names = append(names, c.Name)
	}
	return names
}
