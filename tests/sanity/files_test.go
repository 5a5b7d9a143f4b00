//go:build e2e && linux && cgo

package sanity

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
	"github.com/seamount-dev/seamount/tests/pidspace"
	"github.com/seamount-dev/seamount/tests/rounds"
)

const filesystem, group = "shared", "rwx"

func fileVolumes() kind {
	return kind{
		v1alpha1.ProvisionerCephFS, fileClass(), namespace + "/" + cluster + "/" + filesystem + "/" + group + "/",
		csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER, "", (*world).subvolumes,
	}
}

func fileClass() map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: namespace, v1alpha1.ParameterCluster: cluster, v1alpha1.ParameterFilesystem: filesystem,
		v1alpha1.ParameterSubvolumeGroup: group, v1alpha1.ParameterMounter: string(v1alpha1.MounterAuto),
	}
}

func (w *world) subvolumes() ([]string, error) {
	return w.admin.ListSubvolumes(w.t.Context(), ceph.GroupRef{Filesystem: filesystem, Group: group})
}

// makeFilesystem makes a filesystem as a StorageFilesystem does. It lasts as long as its cluster.
func (w *world) makeFilesystem() {
	w.t.Helper()
	ctx := w.t.Context()
	for _, name := range []string{filesystem + "-meta", filesystem} {
		w.ok(w.admin.CreatePool(ctx, ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 8, AutoscaleMode: "off"}))
	}
	w.ok(w.admin.CreateFilesystem(ctx, filesystem, filesystem+"-meta", filesystem))
	w.ok(w.admin.SetApplicationValue(ctx, filesystem+"-meta", "cephfs", "seamount.owner", "StorageFilesystem/"+filesystem))
	ready := func() error {
		return w.admin.CreateSubvolumeGroup(ctx, ceph.GroupRef{Filesystem: filesystem, Group: group}, "")
	}
	gomega.NewWithT(w.t).Eventually(ready).WithTimeout(5 * time.Minute).WithPolling(time.Second).Should(gomega.Succeed())
	w.awaitSpace(filesystem + "-meta")
	w.awaitSpace(filesystem)
}

// controllerNode is the least of a node service that the controller's part of the suite asks.
type controllerNode struct {
	csi.UnimplementedNodeServer
	id string
}

func (n controllerNode) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.id}, nil
}

func (controllerNode) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{}, nil
}

func (controllerNode) NodeUnpublishVolume(context.Context, *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

func (controllerNode) NodeUnstageVolume(context.Context, *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, nil
}

// TestSanityFiles runs the controller's part of the CSI community's suite for file volumes, in a process of its own: ginkgo has
// one suite in each.
func TestSanityFiles(t *testing.T) {
	if status, outside := pidspace.Again("-test.run=^TestSanityFiles$", "-test.v", "-test.timeout=60m"); outside {
		if status != 0 {
			t.Errorf("exit status %d", status)
		}
		return
	}
	w := newWorldOn(t, cephtest.Start(t, cephtest.Options{OSDs: 3, MDS: 1}))
	w.makeFilesystem()
	id, err := w.key.ID("n1")
	w.ok(err)
	dir := t.TempDir()
	config := sanity.NewTestConfig()
	config.Address = w.serve(v1alpha1.ProvisionerCephFS, controllerNode{id: id.String()})
	config.TestVolumeParameters, config.TestVolumeSize, config.TestVolumeExpandSize = fileClass(), gibibyte, 2*gibibyte
	config.TargetPath, config.StagingPath = filepath.Join(dir, "target"), filepath.Join(dir, "staging")
	sc := sanity.GinkgoTest(&config)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.SkipStrings = []string{"Node Service", "should work if node-expand is called"}
	reporter.NoColor = true
	if !ginkgo.RunSpecs(t, "CSI", suite, reporter) {
		t.Error("the suite failed")
	}
	sc.Finalize()
	w.noSubvolumes()
}

// noSubvolumes waits until nothing is left in the group: what was retired goes when Ceph has purged it.
func (w *world) noSubvolumes() {
	w.t.Helper()
	gomega.NewWithT(w.t).Eventually(w.subvolumes).WithTimeout(patience).WithPolling(time.Second).Should(gomega.BeEmpty())
}

// TestKilledFiles is TestKilled for file volumes.
func TestKilledFiles(t *testing.T) {
	built.Rerun(t, built.One(t, "ceph-20").Root(t), "TestKilledFilesRoot")
}

// TestKilledFilesRoot is run by TestKilledFiles, with the libraries of the image.
func TestKilledFilesRoot(t *testing.T) {
	root := built.RerunRoot(t)
	w := newWorldOn(t, cephtest.Start(t, cephtest.Options{OSDs: 3, MDS: 1, Rootfs: root}))
	w.makeFilesystem()
	w.killed(fileVolumes(), rounds.Of(t, rounds.Volumes, 8))
	w.audit(v1alpha1.ProvisionerCephFS) // a copy may have been under way
	w.noSubvolumes()
}
