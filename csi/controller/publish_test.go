package controller

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
)

func (w *world) publish(id, node string, how *csi.VolumeCapability) (map[string]string, error) {
	w.t.Helper()
	response, err := w.server.ControllerPublishVolume(w.t.Context(), &csi.ControllerPublishVolumeRequest{VolumeId: id, NodeId: node, VolumeCapability: how})
	return response.GetPublishContext(), err
}

func (w *world) unpublish(id, node string) {
	w.t.Helper()
	_, err := w.server.ControllerUnpublishVolume(w.t.Context(), &csi.ControllerUnpublishVolumeRequest{VolumeId: id, NodeId: node})
	w.ok(err)
}

// TestAttach hands the node its key, and nobody else can read it.
func TestAttach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	context, err := w.publish(id, w.nodeID("n1"), mount(rwo, "xfs"))
	w.ok(err)
	way, err := attachment.Parse(context)
	w.ok(err)
	key, err := w.key.Open(way.Entity, way.SealedKey)
	w.ok(err)
	if way.FSID != w.cluster.FSID() || way.Entity != "client.seamount-node-n1" || key != "key of n1" || len(way.Mons) != 1 {
		t.Errorf("got %+v", way)
	}
	for key, value := range context {
		if strings.Contains(value, "key of n1") {
			t.Errorf("%s shows the key", key)
		}
	}
	stranger, err := nodekey.Generate()
	w.ok(err)
	if _, err := stranger.Open(way.Entity, way.SealedKey); err == nil {
		t.Error("another node can read the key")
	}
}

func TestAttachTwice(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first, second *csi.VolumeCapability
		node          string
		code          codes.Code
	}{
		"the same again":          {mount(rwo, "xfs"), mount(rwo, "xfs"), "n1", codes.OK},
		"for other use":           {mount(rwo, "xfs"), mount(rox, "xfs"), "n1", codes.AlreadyExists},
		"RWO on another node":     {mount(rwo, "xfs"), mount(rwo, "xfs"), "n2", codes.FailedPrecondition},
		"ROX on another node":     {mount(rox, "xfs"), mount(rox, "xfs"), "n2", codes.OK},
		"RWO beside ROX":          {mount(rox, "xfs"), mount(rwo, "xfs"), "n2", codes.FailedPrecondition},
		"ROX beside RWO":          {mount(rwo, "xfs"), mount(rox, "xfs"), "n2", codes.FailedPrecondition},
		"raw block for all":       {block(rwx), block(rwx), "n2", codes.OK},
		"raw block beside RWO":    {block(rwo), block(rwx), "n2", codes.FailedPrecondition},
		"filesystem for all":      {mount(rwo, "xfs"), mount(rwx, "xfs"), "n1", codes.InvalidArgument},
		"a node without its user": {mount(rox, "xfs"), mount(rox, "xfs"), "n3", codes.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create(asked("v", gibibyte))
			_, err := w.publish(id, w.nodeID("n1"), tt.first)
			w.ok(err)
			_, err = w.publish(id, w.nodeID(tt.node), tt.second)
			if status.Code(err) != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
			if tt.code == codes.FailedPrecondition && (!strings.Contains(err.Error(), "node n1") || !strings.Contains(err.Error(), "out-of-service")) {
				t.Errorf("it does not say where it is attached and what to do: %v", err)
			}
			w.unpublish(id, w.nodeID("n1"))
			w.unpublish(id, w.nodeID("n1"))
			if tt.code == codes.FailedPrecondition {
				_, err = w.publish(id, w.nodeID(tt.node), tt.second)
				w.ok(err)
			}
			w.unpublish(id, "")
			metadata, err := w.admin.ImageMetadata(t.Context(), imageOf("fast", handle.ImageOf("v")))
			w.ok(err)
			if left := ceph.ImageAttached(metadata); len(left) != 0 {
				t.Errorf("still attached to %v", left)
			}
		})
	}
}

func TestAttachRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	n1 := w.nodeID("n1")
	tests := map[string]struct {
		id, node string
		how      *csi.VolumeCapability
		code     codes.Code
		want     string
	}{
		"no volume":       {"", n1, mount(rwo, ""), codes.InvalidArgument, "no volume identifier"},
		"no node":         {id, "", mount(rwo, ""), codes.InvalidArgument, "no node identifier"},
		"no capability":   {id, n1, nil, codes.InvalidArgument, "no volume capability"},
		"unknown volume":  {"seamount/main/fast/pvc-x", n1, mount(rwo, ""), codes.NotFound, "pvc-x"},
		"no node of ours": {id, "n1", mount(rwo, ""), codes.NotFound, "looks like name/key"},
		"no user yet":     {id, w.nodeID("n9"), mount(rwo, ""), codes.Unavailable, "node n9 has no user"},
	}
	for name, tt := range tests {
		if _, err := w.publish(tt.id, tt.node, tt.how); status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s and %q", name, err, tt.code, tt.want)
		}
	}
	w.handOver("n1", "n9")
	_, err := w.publish(id, w.nodeID("n9"), mount(rwo, ""))
	w.ok(err)
	w.unpublish("nonsense", n1)
	w.unpublish("seamount/main/fast/pvc-x", n1)
}
