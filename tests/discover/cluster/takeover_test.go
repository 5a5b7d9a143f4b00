//go:build e2e

package cluster

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/report"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// takeOver (D3) lets two nodes report one disk with an identity of its own, as their discover does, with their own
// tokens, to an API server that has the admission policies. The devices of this machine have no such identity.
func takeOver(t *testing.T, p *product.Product) {
	grantDiscover(t, p)
	first, second := reporterOf(t, p, "node1"), reporterOf(t, p, "node2")
	p.Eventually(t, "the API server knows what discover may do", func() error {
		return first.client.List(t.Context(), &v1alpha1.StorageDiskList{})
	})
	s := sighting()
	t.Cleanup(func() { p.Kubectl(t, "delete", "storagedisk", s.Name, "--wait=false") })
	get := func() *v1alpha1.StorageDisk {
		var d v1alpha1.StorageDisk
		if err := p.Client.Get(t.Context(), key(s.Name), &d); err != nil {
			t.Fatal(err)
		}
		return &d
	}

	first.report(t, s, true, v1alpha1.VerdictUsable)
	made := get()
	second.report(t, s, false, "")
	first.report(t, s, true, v1alpha1.VerdictRejected)
	both := get()
	if product.FirstReason(*both) != v1alpha1.ReasonSeveralNodes || !cmp.Equal(both.Status.OtherNodes, []string{"node2"}) || both.Status.Node != "node1" {
		t.Errorf("seen by two nodes: %+v", both.Status)
	}
	second.missing(t)
	first.report(t, s, true, v1alpha1.VerdictUsable)
	first.missing(t)
	if gone := get(); gone.Status.Presence != v1alpha1.PresenceMissing || gone.Status.Node != "node1" {
		t.Errorf("gone from node1: %+v", gone.Status)
	}
	second.report(t, s, true, v1alpha1.VerdictUsable)
	taken := get()
	if taken.UID != made.UID || taken.Status.Node != "node2" || taken.Status.Presence != v1alpha1.PresencePresent || taken.Labels[v1alpha1.LabelNode] != "node2" {
		t.Errorf("taken over: %+v, made as %s", taken, made.UID)
	}
	second.report(t, s, true, v1alpha1.VerdictUsable)
	if again := get(); again.ResourceVersion != taken.ResourceVersion {
		t.Errorf("reporting the same again has written: %s, then %s", taken.ResourceVersion, again.ResourceVersion)
	}
	p.Eventually(t, "a node is refused to write a disk of another", func() error { return refused(t, first, taken) })
}

// refused: a node that was broken into cannot speak of another's disk, whatever it sends. It is a dry run: until the policy takes
// effect, some time after it is stored, the disk would become this node's.
func refused(t *testing.T, r reporter, d *v1alpha1.StorageDisk) error {
	t.Helper()
	mine := client.RawPatch(types.MergePatchType, []byte(`{"status": {"node": "node1", "presence": "Present"}}`))
	err := r.client.Status().Patch(t.Context(), d.DeepCopy(), mine, client.DryRunAll)
	if err == nil || !strings.Contains(err.Error(), "this StorageDisk is in node node2") {
		return fmt.Errorf("node1 may write a disk of node2: %w", err)
	}
	return nil
}

func sighting() report.Sighting {
	return report.Sighting{
		Name:     "wwn-5000c50093282dee",
		Identity: v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5000c50093282dee"},
		Disk: disk.Disk{
			Name: "sdb", Kind: disk.KindPlain, BootID: "a", Sequence: 7, Zoned: "none",
			Number:   disk.Number{Major: 8, Minor: 16},
			Hardware: disk.Hardware{Media: v1alpha1.MediaHDD, Transport: v1alpha1.TransportSAS, WWN: "5000c50093282dee", Size: 16 << 40, LogicalBlockSize: 512},
			Content: disk.Content{
				Outcome: disk.OutcomeRead, Sources: []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid},
				Samples: disk.Samples{Count: 64, Bytes: 8 << 20, First: -1, Digest: strings.Repeat("0", 64)},
			},
		},
	}
}

// reporter is one node's discover, as far as it writes.
type reporter struct {
	*report.Reporter
	client client.Client
	node   string
}

func (r reporter) report(t *testing.T, s report.Sighting, ours bool, want v1alpha1.VerdictResult) {
	t.Helper()
	got, err := r.Report(t.Context(), s, verdict.Context{Node: r.node})
	if err != nil {
		t.Fatalf("%s reports: %v", r.node, err)
	}
	if got.Ours != ours || got.Result != want {
		t.Errorf("%s reports: ours %v, %s %+v; want ours %v, %s", r.node, got.Ours, got.Result, got.Reasons, ours, want)
	}
}

func (r reporter) missing(t *testing.T) {
	t.Helper()
	if err := r.Missing(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatalf("%s no longer sees it: %v", r.node, err)
	}
}

func reporterOf(t *testing.T, p *product.Product, node string) reporter {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = p.Kubectl(t, "-n", product.Namespace, "create", "token", v1alpha1.ServiceAccountDiscover,
		"--bound-object-kind=Node", "--bound-object-name="+node)
	c, err := client.New(config, client.Options{Scheme: p.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return reporter{report.New(c, c, node, time.Now), c, node}
}

// workload matches the documents that would run something.
var workload = regexp.MustCompile(`(?m)^kind: DaemonSet$`)

// grantDiscover applies what discover may do, and nothing that runs.
func grantDiscover(t *testing.T, p *product.Product) {
	t.Helper()
	var kept []string
	for document := range strings.SplitSeq(p.Manifests(t, product.Discover, "unused"), "\n---\n") {
		if !workload.MatchString(document) {
			kept = append(kept, document)
		}
	}
	if _, err := p.TryKubectl(strings.Join(kept, "\n---\n"), "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}
