package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"

	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	operator "github.com/seamount-dev/seamount/operator/session"
)

const gibibyte = 1 << 30

// world is a simulated cluster with a pool, an erasure-coded one, and one of somebody else, and a server that uses it.
type world struct {
	t       testing.TB
	cluster *sim.Cluster
	admin   *sim.Client
	pool    *session.Pool
	server  *Server
	now     time.Time
	key     nodekey.Key
	// driver that the server is of; empty: of block volumes.
	driver string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: 1, Mons: []string{"a"}, Mgrs: []string{"x"}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := c.AddHost(sim.Host{Name: fmt.Sprintf("node%d", n), OSDs: 1, Size: 100 * gibibyte}); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(10 * time.Second)
	w := &world{t: t, cluster: c, admin: c.Admin(), now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	w.makePools()
	if w.key, err = nodekey.Generate(); err != nil {
		t.Fatal(err)
	}
	w.connect(c.Admin())
	return w
}

// connect makes the server anew, on this client.
func (w *world) connect(client ceph.Client) {
	w.pool = session.New(func(context.Context, operator.Target) (ceph.Client, error) { return client, nil })
	w.handOver("n1", "n2")
	w.restart()
}

// makePools makes the pools, and lets their PGs become clean.
func (w *world) makePools() {
	ctx := w.t.Context()
	w.ok(w.admin.SetErasureProfile(ctx, ceph.ErasureProfile{Name: "ec", DataChunks: 2, CodingChunks: 1, Plugin: "jerasure", FailureDomain: "host", Root: "default"}))
	for _, spec := range []ceph.PoolSpec{
		{Name: "fast", Type: ceph.Replicated, PGs: 4}, {Name: "bulk", Type: ceph.Replicated, PGs: 4}, {Name: "foreign", Type: ceph.Replicated, PGs: 4},
		{Name: "bulk-data", Type: ceph.Erasure, PGs: 4, ErasureProfile: "ec", OverwritesOnECPool: true},
	} {
		w.ok(w.admin.CreatePool(ctx, spec))
		w.ok(w.admin.EnableApplication(ctx, spec.Name, applicationRBD))
		if spec.Name != "foreign" {
			w.ok(w.admin.SetApplicationValue(ctx, spec.Name, applicationRBD, "seamount.owner", "StoragePool/"+spec.Name))
		}
	}
	w.cluster.Advance(time.Minute)
}

// handOver is the Secret as the operator writes it.
func (w *world) handOver(nodes ...string) {
	w.t.Helper()
	handed := handover.CSICluster{
		FSID: w.cluster.FSID(), Mons: []string{"10.0.0.1"}, User: handover.CSIUser{Entity: "client.seamount-csi", Key: ceph.NewSecret("a")},
		Nodes: map[string]handover.CSIUser{},
	}
	for _, node := range nodes {
		handed.Nodes[node] = handover.CSIUser{Entity: "client.seamount-node-" + node, Key: ceph.NewSecret("key of " + node)}
	}
	raw, err := handed.Encode()
	w.ok(err)
	w.pool.Set("seamount", map[string][]byte{"main": raw})
}

// restart is a new process: nothing in memory outlives it.
func (w *world) restart() {
	w.server = New(w.t.Context(), Options{Driver: w.driver, Sessions: w.pool, Now: func() time.Time { return w.now }, Timeout: 10 * time.Second, Log: logr.Discard()})
	if made, is := w.server.backend.(*files); is {
		made.patience = 0
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("unexpected: %v", err)
	}
}

// nodeID is the identifier of a node.
func (w *world) nodeID(node string) string {
	w.t.Helper()
	id, err := w.key.ID(node)
	w.ok(err)
	return id.String()
}

func mount(mode csi.VolumeCapability_AccessMode_Mode, fs string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: fs}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
	}
}

func block(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
	}
}

const (
	rwo = csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER
	rwx = csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER
	rox = csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
)

func class(pool string) map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: "seamount", v1alpha1.ParameterCluster: "main", v1alpha1.ParameterPool: pool, v1alpha1.ParameterMapper: "Auto",
	}
}

func asked(name string, size int64) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name: name, CapacityRange: &csi.CapacityRange{RequiredBytes: size}, Parameters: class("fast"),
		VolumeCapabilities: []*csi.VolumeCapability{mount(rwo, "xfs")},
	}
}

func fromSnapshot(r *csi.CreateVolumeRequest, id string) *csi.CreateVolumeRequest {
	r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
		Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: id},
	}}
	return r
}

func fromVolume(r *csi.CreateVolumeRequest, id string) *csi.CreateVolumeRequest {
	r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
		Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: id},
	}}
	return r
}

// create makes a volume and returns its identifier.
func (w *world) create(r *csi.CreateVolumeRequest) string {
	w.t.Helper()
	response, err := w.server.CreateVolume(w.t.Context(), r)
	w.ok(err)
	return response.GetVolume().GetVolumeId()
}

func (w *world) snapshot(name, volume string) string {
	w.t.Helper()
	response, err := w.server.CreateSnapshot(w.t.Context(), &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: volume})
	w.ok(err)
	return response.GetSnapshot().GetSnapshotId()
}

func (w *world) delete(id string) {
	w.t.Helper()
	_, err := w.server.DeleteVolume(w.t.Context(), &csi.DeleteVolumeRequest{VolumeId: id})
	w.ok(err)
}

func (w *world) deleteSnapshot(id string) {
	w.t.Helper()
	_, err := w.server.DeleteSnapshot(w.t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: id})
	w.ok(err)
}

// write writes into an image from its start.
func (w *world) write(ref ceph.ImageRef, bytes int64) {
	w.t.Helper()
	h, err := w.cluster.OpenImage(ref, "10.9.9.9")
	w.ok(err)
	w.ok(h.Write(bytes))
	h.Close()
}

// seen is an image as it can be compared.
type seen struct {
	Name, Parent, DataPool string
	Size                   int64
	Metadata               map[string]string
	Snapshots              []string
	Trash                  bool
}

// look lists all that is in the pools.
func (w *world) look() []seen {
	w.t.Helper()
	ctx := w.t.Context()
	var all []seen
	for _, pool := range []string{"fast", "bulk"} {
		names, err := w.admin.ListImages(ctx, pool)
		w.ok(err)
		for _, name := range names {
			detail, err := w.admin.InspectImage(ctx, imageOf(pool, name))
			w.ok(err)
			snaps, err := w.admin.ListSnapshots(ctx, detail.ImageRef)
			w.ok(err)
			one := w.seen(detail, name)
			for _, s := range snaps {
				one.Snapshots = append(one.Snapshots, s.Name)
			}
			all = append(all, one)
		}
		trash, err := w.admin.ListTrash(ctx, pool)
		w.ok(err)
		for _, entry := range trash {
			detail, err := w.admin.InspectImageByID(ctx, pool, entry.ID)
			w.ok(err)
			one := w.seen(detail, entry.Name)
			one.Trash = true
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b seen) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (w *world) seen(detail ceph.ImageDetail, name string) seen {
	one := seen{Name: name, DataPool: detail.DataPool, Size: detail.Size, Metadata: detail.Metadata}
	if detail.Parent != nil {
		one.Parent = detail.Parent.Name
	}
	return one
}

// names of all images, those in the trash in brackets.
func (w *world) names() string {
	w.t.Helper()
	var names []string
	for _, one := range w.look() {
		if one.Trash {
			one.Name = "(" + one.Name + ")"
		}
		names = append(names, one.Name)
	}
	return strings.Join(names, " ")
}
