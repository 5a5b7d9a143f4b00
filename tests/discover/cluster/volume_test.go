//go:build e2e

package cluster

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

func key(name string) client.ObjectKey { return client.ObjectKey{Name: name} }

const volumeManifests = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: raw-block}
spec:
  capacity: {storage: 4Gi}
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  persistentVolumeReclaimPolicy: Retain
  storageClassName: raw-block
  local: {path: %s}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [%s]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: raw-block}
spec:
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: raw-block
  resources: {requests: {storage: 4Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: raw, persistentVolumeClaim: {claimName: raw-block}}]
  containers:
  - name: probe
    image: %s
    args: [serve]
    volumeDevices: [{name: raw, devicePath: /dev/raw-block}]
`

// rawBlock (D2): a raw block volume of a pod is all zeros, not mounted, and yet nobody's to take: neither the device
// behind it nor the loop device that kubelet makes for it, which every node of this machine sees.
func rawBlock(t *testing.T, p *product.Product) {
	p.LoadProbe(t)
	d := p.AddDisk(t, "node1", "4G")
	p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	stop := watchVolumes(t, p)
	defer stop()
	ns := p.Namespace(t)
	t.Cleanup(func() { p.Kubectl(t, "delete", "pv", "raw-block", "--wait=false") })
	p.Apply(t, ns, fmt.Sprintf(volumeManifests, d.Path, d.Node, cluster.ProbeImage))
	p.Kubectl(t, "-n", ns, "wait", "--for=condition=Ready", "--timeout=120s", "pod/user")
	loop := kubeletLoop(t, p, d.Node)
	t.Logf("kubelet serves %s through %s: %s", d.Device, loop, p.Exec(t, d.Node, "cat", "/sys/block/"+loop+"/loop/backing_file"))

	rejected := p.AwaitVerdict(t, d, v1alpha1.VerdictRejected, v1alpha1.ReasonHolder)
	t.Logf("%s: %s", d.Device, rejected.Status.Verdict.Reasons[0].Message)
	for _, node := range []string{"node1", "node2", "node3"} {
		scanned := scanIn(t, p, node)
		if !regexp.MustCompile(`(?m)^\S+ +` + loop + ` +Rejected +Holder `).MatchString(scanned) {
			t.Errorf("a scan of %s does not reject %s:\n%s", node, loop, scanned)
		}
	}
	for _, s := range p.StorageDisks(t) {
		if s.Status.Device != nil && s.Status.Device.Name == loop {
			t.Errorf("a volume that comes and goes with its pod has a StorageDisk: %s of %s", s.Name, s.Status.Node)
		}
	}
	p.Kubectl(t, "-n", ns, "delete", "pod", "user")
	p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
}

// scanIn is what a scan in discover's container on a node prints, which is of volumes too.
func scanIn(t *testing.T, p *product.Product, node string) string {
	t.Helper()
	pod := p.Kubectl(t, "-n", product.Namespace, "get", "pods", "-l", "app.kubernetes.io/component=discover",
		"--field-selector=spec.nodeName="+node, "-o", "name")
	return p.Kubectl(t, "-n", product.Namespace, "exec", strings.TrimSpace(pod), "--", "seamount-node", "discover", "scan", "--node", node)
}

// kubeletLoop is the loop device below the numbers of disks that kubelet attached for the volume.
func kubeletLoop(t *testing.T, p *product.Product, node string) string {
	t.Helper()
	out := p.Exec(t, node, "sh", "-c", "grep -l volumeDevices /sys/block/loop*/loop/backing_file || true")
	for file := range strings.FieldsSeq(out) {
		return strings.Split(file, "/")[3]
	}
	t.Fatalf("kubelet has no loop device: %s", p.Exec(t, node, "sh", "-c", "grep . /sys/block/loop*/loop/backing_file"))
	return ""
}

// watchVolumes reports an error as soon as any node calls a loop device Usable that is none of the disks for tests, until
// the returned function is called.
func watchVolumes(t *testing.T, p *product.Product) (stop func()) {
	t.Helper()
	w, err := p.Client.Watch(t.Context(), &v1alpha1.StorageDiskList{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range w.ResultChan() {
			s, ok := e.Object.(*v1alpha1.StorageDisk)
			if ok && usableVolume(*s) {
				t.Errorf("%s of %s is Usable: %+v", s.Status.Device.Name, s.Status.Node, s.Status)
			}
		}
	}()
	return func() {
		w.Stop()
		<-done
	}
}

// usableVolume tells a device with a number of kubelet's that is Usable.
func usableVolume(s v1alpha1.StorageDisk) bool {
	if s.Status.Device == nil || s.Status.Verdict == nil || s.Status.Verdict.Result != v1alpha1.VerdictUsable {
		return false
	}
	number, err := strconv.Atoi(strings.TrimPrefix(s.Status.Device.Name, "loop"))
	return err == nil && number < firstDisk
}

// firstDisk is the lowest number of a loop device that is a disk for tests.
const firstDisk = 1000
