package controller

import (
	"fmt"
	"maps"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/csi/handle"
)

// stories are calls that change something, each after what it needs.
func stories() map[string]func(*world) (act func() error) {
	id := func(name string) string { return "seamount/main/fast/" + handle.ImageOf(name) }
	snapshotID := func(name string) string { return "seamount/main/fast/" + snapshotImage(name) }
	create := func(w *world, r *csi.CreateVolumeRequest) func() error {
		return func() error {
			_, err := w.server.CreateVolume(w.t.Context(), r)
			return err
		}
	}
	deletion := func(w *world, name string) func() error {
		return func() error {
			_, err := w.server.DeleteVolume(w.t.Context(), &csi.DeleteVolumeRequest{VolumeId: id(name)})
			return err
		}
	}
	return map[string]func(*world) func() error{
		"create": func(w *world) func() error { return create(w, asked("v", gibibyte)) },
		"restore": func(w *world) func() error {
			w.snapshot("s", w.create(asked("v", gibibyte)))
			return create(w, fromSnapshot(asked("r", 2*gibibyte), snapshotID("s")))
		},
		"clone": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			return create(w, fromVolume(asked("c", gibibyte), id("v")))
		},
		"clone that is flattened": func(w *world) func() error {
			source := w.create(asked("c0", gibibyte))
			for n := 1; n <= maxDepth; n++ {
				source = w.create(fromVolume(asked(fmt.Sprintf("c%d", n), gibibyte), source))
			}
			return create(w, fromVolume(asked("deep", gibibyte), source))
		},
		"snapshot": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			return func() error {
				_, err := w.server.CreateSnapshot(w.t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: id("v")})
				return err
			}
		},
		"delete": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			return deletion(w, "v")
		},
		"delete with clones": func(w *world) func() error {
			w.create(fromVolume(asked("c", gibibyte), w.create(asked("v", gibibyte))))
			return deletion(w, "v")
		},
		"delete the last of a family": func(w *world) func() error {
			v := w.create(asked("v", gibibyte))
			s := w.snapshot("s", v)
			w.create(fromSnapshot(asked("r", gibibyte), s))
			w.delete(v)
			w.deleteSnapshot(s)
			return deletion(w, "r")
		},
		"delete while a clone was being made": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			w.ok(w.admin.CreateSnapshot(w.t.Context(), ceph.SnapshotRef{ImageRef: imageOf("fast", handle.ImageOf("v")), Snapshot: handle.ImageOf("c")}))
			return deletion(w, "v")
		},
		"expand": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			return func() error {
				_, err := w.server.ControllerExpandVolume(w.t.Context(), &csi.ControllerExpandVolumeRequest{
					VolumeId: id("v"), CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gibibyte},
				})
				return err
			}
		},
		"attach": func(w *world) func() error {
			w.create(asked("v", gibibyte))
			return func() error {
				_, err := w.server.ControllerPublishVolume(w.t.Context(), &csi.ControllerPublishVolumeRequest{
					VolumeId: id("v"), NodeId: w.nodeID("n1"), VolumeCapability: mount(rwo, "xfs"),
				})
				return err
			}
		},
	}
}

// TestKilledAtEveryCall ends the process before and after each call of Ceph that an operation makes. What the next process
// ends with, when the operation is repeated, is the same as without that.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	killedAtEveryCall(t, newWorld, stories(), (*world).look)
}

func killedAtEveryCall[T any](t *testing.T, newWorld func(testing.TB) *world, stories map[string]func(*world) func() error, look func(*world) []T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newWorld(t)
			whole.repeat(story(whole))
			want := look(whole)
			calls := 0
			for ; ; calls++ {
				more := false
				for _, before := range []bool{true, false} {
					w := newWorld(t)
					act := story(w)
					more = w.killAt(calls, before, act)
					w.repeat(act)
					if diff := cmp.Diff(want, look(w)); diff != "" {
						t.Fatalf("killed at call %d, then repeated (-want +got):\n%s", calls, diff)
					}
				}
				if !more {
					break
				}
			}
			if calls < 2 {
				t.Errorf("only %d calls were cut short", calls)
			}
		})
	}
}

// killAt ends the process before its n-th call of Ceph has an effect, or after; no call follows. It says whether there was one.
func (w *world) killAt(n int, before bool, act func() error) bool {
	w.t.Helper()
	effect := sim.LostAnswer() // of a call that fails anyway, nothing is lost
	if before {
		effect = sim.Fail(ceph.EIO, "killed")
	}
	earlier := total(w.cluster.Calls())
	last := w.cluster.Inject(sim.Fault{Calls: "*", Skip: n, Times: 1, Effect: effect})
	dead := w.cluster.Inject(sim.Fault{Calls: "*", Skip: n, Effect: sim.Fail(ceph.EIO, "the process is dead")})
	err := act()
	last()
	dead()
	reached := total(w.cluster.Calls())-earlier > n
	if reached && before && err == nil {
		w.t.Errorf("call %d failed, and the operation did not say so", n)
	}
	w.restart()
	return reached
}

func total(calls map[string]int) int {
	sum := 0
	for n := range maps.Values(calls) {
		sum += n
	}
	return sum
}

// repeat repeats an operation until it succeeds, as Kubernetes does.
func (w *world) repeat(act func() error) {
	w.t.Helper()
	var err error
	for range 5 {
		if err = act(); err == nil {
			return
		}
	}
	w.t.Fatalf("it never succeeded: %v", err)
}
