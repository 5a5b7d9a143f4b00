//go:build e2e

package product

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// Namespace that Seamount runs in.
const Namespace = "seamount"

// BriefWarnings are lines of a StorageCluster's spec that shorten how long Ceph warns of one write or read that took the disk five
// seconds, a day by default: the disk is that of the machine, and of the tests beside.
const BriefWarnings = `config:
  - {who: osd, option: bluestore_slow_ops_warn_lifetime, value: "60"}
  - {who: osd, option: bdev_stalled_read_warn_lifetime, value: "60"}`

// Part is one part of Seamount that can be installed.
type Part struct {
	// Manifests is its directory below deploy/manifests, Workload what runs then.
	Manifests, Workload string
	// Image that it runs, and Hands an image that it hands to the pods it makes; empty: none.
	Image, Hands string
	// Needs is a part that it does not work without; nil: none.
	Needs *Part
}

// Parts of Seamount.
var (
	// Discover reports disks.
	Discover = Part{Manifests: "discover", Workload: "daemonset/seamount-discover", Image: "seamount-node"}
	// Agent does with disks what the operator asks for.
	Agent = Part{Manifests: "agent", Workload: "daemonset/seamount-agent", Image: "seamount-node"}
	// Operator makes Ceph clusters of them.
	Operator = Part{Manifests: "operator", Workload: "deployment/seamount-operator", Image: "seamount", Hands: "seamount-node", Needs: &Agent}
	// CSINode offers volumes to kubelet, and CSI makes them. They share their manifests.
	CSINode = Part{Manifests: "csi", Workload: "daemonset/seamount-csi-node", Image: "seamount-node", Needs: &Agent}
	CSI     = Part{Manifests: "csi", Workload: "deployment/seamount-csi-controller", Image: "seamount", Needs: &CSINode}
)

// Product is Seamount in the local Kubernetes that the tests of a binary share.
type Product struct {
	*cluster.Cluster
	// Client is an administrator's.
	Client client.WithWatch

	root      string
	installed map[Part]bool
	images    map[string]string // that the nodes have: name in the cluster by name of the definition
	archives  []string          // of these images
	nodes     int               // that have them
}

var shared struct {
	sync.Mutex
	product *Product
}

// Prepare is a cluster of at least that many nodes with what all parts need. If there was none before its nodes hold the images
// that have these names, which is several times faster than to load them afterwards.
func Prepare(t testing.TB, nodes int, images ...string) *Product {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	return up(t, nodes, images)
}

func up(t testing.TB, nodes int, images []string) *Product {
	t.Helper()
	var archives []string
	if shared.product == nil && len(images) > 0 {
		all := built.Some(t, images...)
		for _, name := range images {
			archives = append(archives, all[name].Archive)
		}
	}
	c := cluster.Up(t, nodes, archives...)
	if shared.product == nil {
		shared.product = prepare(t, c)
	}
	return shared.product
}

// Install installs parts of Seamount, as far as they are not there yet, in a cluster of at least that many nodes, and
// waits until they run.
func Install(t testing.TB, nodes int, parts ...Part) *Product {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	p := up(t, nodes, nil)
	p.spread(t, nodes)
	for _, part := range parts {
		p.ensure(t, part)
	}
	return p
}

// spread loads what the nodes have into those that were added since.
func (p *Product) spread(t testing.TB, nodes int) {
	t.Helper()
	if nodes > p.nodes && len(p.archives) > 0 {
		p.Local(t, append([]string{"load"}, p.archives...)...)
	}
	p.nodes = max(nodes, p.nodes)
}

// ensure installs a part after what it needs, and waits until it runs.
func (p *Product) ensure(t testing.TB, part Part) {
	t.Helper()
	if part.Needs != nil {
		p.ensure(t, *part.Needs)
	}
	if !p.installed[part] {
		p.install(t, part)
		p.installed[part] = true
	}
	p.AwaitRollout(t, part)
}

// prepare gives a cluster what all parts need.
func prepare(t testing.TB, c *cluster.Cluster) *Product {
	t.Helper()
	root, err := crdtest.Root()
	if err != nil {
		t.Fatal(err)
	}
	p := &Product{Cluster: c, Client: newClient(t, c), root: root, installed: map[Part]bool{}, images: map[string]string{}}
	p.Kubectl(t, "apply", "--server-side", "-f", p.deploy("crds"))
	p.Kubectl(t, "wait", "--for=condition=Established", "--timeout=150s", "-f", p.deploy("crds"))
	p.Kubectl(t, "apply", "--server-side", "-f", p.deploy("policies"))
	return p
}

func newClient(t testing.TB, c *cluster.Cluster) client.WithWatch {
	t.Helper()
	log.SetLogger(logr.Discard()) // the client wants one; tests report what fails themselves
	scheme := runtime.NewScheme()
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err == nil {
			err = add(scheme)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = -1, -1 // the server sets the pace
	made, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (p *Product) deploy(elem ...string) string {
	return filepath.Join(append([]string{p.root, "deploy"}, elem...)...)
}

func (p *Product) install(t testing.TB, part Part) {
	t.Helper()
	for _, name := range []string{part.Image, part.Hands} {
		if name != "" {
			p.Image(t, name)
		}
	}
	loaded := func(name string) string { return p.Image(t, name) }
	if _, err := p.TryKubectl(p.manifests(t, part, loaded), "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// Image builds an image, loads it into the nodes unless they have it, and returns its name there.
func (p *Product) Image(t testing.TB, name string) string {
	t.Helper()
	if p.images[name] == "" {
		image := built.One(t, name)
		p.Local(t, "load", image.Archive)
		p.images[name], p.archives = image.Names[0], append(p.archives, image.Archive)
	}
	return p.images[name]
}

// ourImages are the images of Seamount's own programs in its manifests, wherever they are named.
var ourImages = regexp.MustCompile(`ghcr\.io/seamount-dev/([a-z-]+)(:[^\s",\]}]+)?`)

// Manifests are those of a part, with an image in the place of those of the release.
func (p *Product) Manifests(t testing.TB, part Part, image string) string {
	t.Helper()
	return p.manifests(t, part, func(string) string { return image })
}

// manifests of a part, with what inPlace says for each image's name of ours.
func (p *Product) manifests(t testing.TB, part Part, inPlace func(string) string) string {
	t.Helper()
	files, err := filepath.Glob(p.deploy("manifests", part.Manifests, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the manifests of %s: %v, %d files", part.Manifests, err, len(files))
	}
	documents := []string{fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}\n", Namespace)}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, ourImages.ReplaceAllStringFunc(string(text), func(reference string) string {
			return inPlace(ourImages.FindStringSubmatch(reference)[1])
		}))
	}
	return strings.Join(documents, "\n---\n")
}

// AwaitRollout waits until every pod of a part is ready.
func (p *Product) AwaitRollout(t testing.TB, part Part) {
	t.Helper()
	p.Kubectl(t, "-n", Namespace, "rollout", "status", part.Workload, "--timeout=150s")
}
