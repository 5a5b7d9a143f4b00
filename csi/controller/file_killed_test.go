package controller

import (
	"maps"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fileStories are calls that make something or meet a copy, each after what it needs.
func fileStories() map[string]func(*world) func() error {
	begun := func(w *world, r *csi.CreateVolumeRequest) func() error {
		_ = w.creating(r)() // it is begun, and complete by the next call
		w.cluster.Advance(10 * time.Second)
		return w.creating(r)
	}
	restore := func(w *world) *csi.CreateVolumeRequest {
		w.snapshot("s", w.create(askedFile("v", gibibyte)))
		return fromSnapshot(askedFile("r", 2*gibibyte), fileSnapID("s"))
	}
	clone := func(w *world) *csi.CreateVolumeRequest {
		return fromVolume(askedFile("c", gibibyte), w.create(askedFile("v", gibibyte)))
	}
	return map[string]func(*world) func() error{
		"create":          func(w *world) func() error { return w.creating(askedFile("v", gibibyte)) },
		"restore":         func(w *world) func() error { return w.creating(restore(w)) },
		"restore, copied": func(w *world) func() error { return begun(w, restore(w)) },
		"clone":           func(w *world) func() error { return w.creating(clone(w)) },
		"clone, copied":   func(w *world) func() error { return begun(w, clone(w)) },
		"show": func(w *world) func() error {
			return w.creating(askedShown("r", w.snapshot("s", w.create(askedFile("v", gibibyte)))))
		},
		"snapshot": func(w *world) func() error {
			w.create(askedFile("v", gibibyte))
			return func() error {
				_, err := w.server.CreateSnapshot(w.t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: fileID("v")})
				return err
			}
		},
		"delete while it is copied to": func(w *world) func() error {
			_, err := w.server.CreateVolume(w.t.Context(), clone(w))
			if status.Code(err) != codes.Aborted {
				w.t.Fatalf("the copy: %v", err)
			}
			return w.deletingVolume(fileID("c"))
		},
		"delete the source of a copy": func(w *world) func() error {
			r := clone(w)
			_ = w.creating(r)()
			w.cluster.Advance(10 * time.Second)
			return w.deletingVolume(fileID("v"))
		},
	}
}

// fileEnds are calls that delete or change a volume.
func fileEnds() map[string]func(*world) func() error {
	return map[string]func(*world) func() error{
		"delete": func(w *world) func() error { return w.deletingVolume(w.create(askedFile("v", gibibyte))) },
		"delete with snapshots": func(w *world) func() error {
			w.snapshot("s", w.create(askedFile("v", gibibyte)))
			return w.deletingVolume(fileID("v"))
		},
		"delete snapshot": func(w *world) func() error {
			return w.deletingSnapshot(w.snapshot("s", w.create(askedFile("v", gibibyte))))
		},
		"delete snapshot of a deleted volume": func(w *world) func() error {
			v := w.create(askedFile("v", gibibyte))
			s := w.snapshot("s", v)
			w.delete(v)
			return w.deletingSnapshot(s)
		},
		"delete snapshot that is shown": func(w *world) func() error {
			s := w.snapshot("s", w.create(askedFile("v", gibibyte)))
			w.create(askedShown("r", s))
			return w.deletingSnapshot(s)
		},
		"delete the last that shows a deleted snapshot": func(w *world) func() error {
			v := w.create(askedFile("v", gibibyte))
			s := w.snapshot("s", v)
			r := w.create(askedShown("r", s))
			w.delete(v)
			w.deleteSnapshot(s)
			return w.deletingVolume(r)
		},
		"expand": func(w *world) func() error {
			w.create(askedFile("v", gibibyte))
			return func() error {
				_, err := w.server.ControllerExpandVolume(w.t.Context(), &csi.ControllerExpandVolumeRequest{
					VolumeId: fileID("v"), CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gibibyte},
				})
				return err
			}
		},
		"attach": func(w *world) func() error {
			w.create(askedFile("v", gibibyte))
			return func() error {
				_, err := w.server.ControllerPublishVolume(w.t.Context(), &csi.ControllerPublishVolumeRequest{
					VolumeId: fileID("v"), NodeId: w.nodeID("n1"), VolumeCapability: mount(rwx, ""),
				})
				return err
			}
		},
	}
}

// TestFilesKilledAtEveryCall is TestKilledAtEveryCall for file volumes.
func TestFilesKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	all := fileStories()
	maps.Copy(all, fileEnds())
	killedAtEveryCall(t, newFileWorld, all, (*world).lookFiles)
}
