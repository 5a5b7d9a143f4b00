package trial

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var testImages = Images{
	imageSeamount: "example.org/seamount:1", imageNode: "example.org/node:2", imageCeph: "example.org/ceph:3", imageWorkload: "example.org/workload:4",
}

// Helm is told of the images that the nodes have, and of the cluster that the trial is in.
func TestHelmArguments(t *testing.T) {
	t.Parallel()
	argv, err := Trial{Kubectl: Kubectl{Kubeconfig: "/state/admin.kubeconfig"}, Images: testImages}.helmArguments()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(argv, " ")
	for _, want := range []string{
		"bin/helm upgrade seamount deploy/helm/seamount --install --kubeconfig /state/admin.kubeconfig --namespace seamount ",
		"images.seamount.repository=example.org/seamount,images.seamount.tag=1", "images.node.repository=example.org/node,images.node.tag=2",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\ndoes not have %q", text, want)
		}
	}
	if _, err := (Trial{Images: Images{imageSeamount: "example.org:5000/seamount", imageNode: "n:1"}}).helmArguments(); err == nil {
		t.Error("an image without a tag is no error")
	}
}

// A revision that was interrupted is forgotten before the next one, and no other.
func TestForgetInterrupted(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"delete": ""})
	if err := (Trial{Kubectl: k}).forgetInterrupted(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked := k.kept(t, "asked"); !strings.Contains(asked, "delete secrets -l owner=helm,name=seamount,status in (pending-") {
		t.Errorf("asked %q", asked)
	}
}

// Nothing in the demo is left open, and its pods may run in a namespace with the strictest Pod Security.
func TestDemoText(t *testing.T) {
	t.Parallel()
	text := demoText(testImages) + "\n---\n" + writersText(testImages)
	for _, place := range []string{"IMAGE", "SCALE"} {
		if strings.Contains(text, place) {
			t.Errorf("%s is left", place)
		}
	}
	for _, want := range []string{"image: example.org/workload:4", "enforce: restricted", "--scale=3 ", "storageClassName: " + poolName, "storageClassName: " + filesystemName} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %q", want)
		}
	}
	for document := range strings.SplitSeq(text, "\n---\n") {
		if err := yaml.Unmarshal([]byte(document), &Object{}); err != nil {
			t.Errorf("%v:\n%s", err, document)
		}
	}
}

func TestParseIndex(t *testing.T) {
	t.Parallel()
	const whole = `[{"name": "ceph-20", "names": ["c:20.2.4", "c:20"], "archive": "/c.tar"}, {"name": "seamount", "names": ["s"], "archive": "/s.tar"},
		{"name": "seamount-node", "names": ["n"], "archive": "/n.tar"}, {"name": "workload", "names": ["w"], "archive": "/w.tar"},
		{"name": "ceph-18", "names": ["o"], "archive": "/o.tar"}]`
	images, archives, err := parseIndex([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/n.tar", "/s.tar", "/c.tar", "/w.tar"}, archives); diff != "" {
		t.Errorf("archives (-want +got):\n%s", diff)
	}
	if images[imageCeph] != "c:20.2.4" {
		t.Errorf("images %v, want the most exact name", images)
	}
	for name, text := range map[string]string{"damaged": "{", "lacks one": strings.Replace(whole, "workload", "other", 1), "empty": "[]"} {
		if _, _, err := parseIndex([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := Facts{
		Nodes: 3, Disks: 6, DiskSize: "10 GiB", Ceph: "20.2.4", Health: "OK", OSDs: "6/6", Layout: "3 replicas", Volume: "pvc-1", Size: "1Gi",
		Node: "node2", Rows: demoRows, MDS: "1/1 +1", Shared: "pvc-2", SharedSize: "2Gi", Kubeconfig: "/state/admin.kubeconfig", Programs: "/cache/bin", Took: "1m2s", Checkout: "/checkout",
	}.Print(&out)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.txt", out.String())
}

// What the summary tells is read from the objects.
func TestLook(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"get": `{"spec": {"volumeName": "pvc-1", "nodeName": "node3"}, "status": {"capacity": {"storage": "1Gi"},
		"summary": {"health": "OK", "version": "20.2.4", "osds": "6/6", "layout": "3 replicas", "mds": "1/1 +1"}}}`})
	got, err := Trial{Kubectl: k}.Look(t.Context(), Facts{Nodes: 3})
	want := Facts{Nodes: 3, Ceph: "20.2.4", Health: "OK", OSDs: "6/6", Layout: "3 replicas", Volume: "pvc-1", Size: "1Gi", Node: "node3",
		MDS: "1/1 +1", Shared: "pvc-1", SharedSize: "1Gi", Kubeconfig: k.Kubeconfig}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	gone := answering(t, map[string]string{"get": ""})
	if _, err := (Trial{Kubectl: gone}).Look(t.Context(), Facts{}); err == nil || !strings.Contains(err.Error(), "storagecluster/main") {
		t.Errorf("error %v, want one that names what is gone", err)
	}
}
