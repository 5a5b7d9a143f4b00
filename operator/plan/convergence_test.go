package plan

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rounds is more than any scenario needs to come to rest.
const rounds = 400

// turn lets both controllers plan and execute once, and the pods go on.
func (w *world) turn() {
	w.t.Helper()
	w.planDisks()
	limit := rounds
	if w.rng != nil && w.rng.IntN(3) == 0 {
		limit = w.rng.IntN(4) // killed in the middle
	}
	in := w.observe()
	p := Compute(in)
	w.execute(p, limit)
	w.status = ClusterStatus(in, p)
	w.startPods()
	w.now = w.now.Add(3 * time.Second)
}

// settle runs until nothing changes any more, and fails if that never comes.
func (w *world) rest() {
	w.t.Helper()
	still := 0
	for range rounds {
		before := w.writes
		w.turn()
		if still++; w.writes != before || len(Compute(w.observe()).Held) > 0 {
			still = 0
		}
		if still > 8 { // longer than the settling time of a rollout
			return
		}
	}
	w.t.Fatalf("no rest after %d rounds; the last steps:\n%s", rounds, strings.Join(w.log[max(0, len(w.log)-20):], "\n"))
}

// outcome is what must not depend on the order in which steps were done.
func (w *world) outcome() string {
	var out strings.Builder
	fmt.Fprintf(&out, "seed %v\nmonmap of %d, quorum recorded %t\nmgrs %v\n", w.seed != nil, len(w.monmap), w.mons.QuorumRecorded, w.mgrs)
	for _, mon := range w.mons.Mons {
		fmt.Fprintf(&out, "mon.%s %s\n", mon.Name, mon.State)
	}
	for _, id := range sortedDaemons(w.deployed) {
		fmt.Fprintf(&out, "%s running %t\n", id, w.deployed[id].Running)
	}
	for _, disk := range w.disks {
		fmt.Fprintf(&out, "%s %s %s %s\n", disk.Name, disk.Status.State, disk.Status.Plan.Action, disk.Status.Plan.Reason)
	}
	for _, condition := range w.status.Conditions {
		fmt.Fprintf(&out, "%s %s %s: %s\n", condition.Type, condition.Status, condition.Reason, condition.Message)
	}
	return out.String()
}

// scenarios begin with an empty Kubernetes and change what people want or what there is.
func scenarios() map[string]func(w *world) {
	return map[string]func(w *world){
		"bring-up":   func(*world) {},
		"new-disks":  func(w *world) { w.addNode(5, 2) },
		"new-image":  func(w *world) { w.spec.Ceph.Image = "quay.io/ceph/ceph:v20.2.5" },
		"five-mons":  func(w *world) { w.spec.Mon = &v1alpha1.MonSpec{Count: 5} },
		"one-mon":    func(w *world) { w.spec.Mon = &v1alpha1.MonSpec{Count: 1} },
		"next-major": func(w *world) { w.spec.Ceph.Image = "quay.io/ceph/ceph:v21.1.0" },
		"config": func(w *world) {
			w.spec.Config = []v1alpha1.ConfigOption{{Who: "osd", Option: "osd_max_backfills", Value: "2"}}
			w.spec.Mgr = &v1alpha1.MgrSpec{Modules: []string{"telemetry"}}
		},
		"deployments-deleted": func(w *world) { clear(w.deployed) },
		"all-pods-deleted": func(w *world) {
			for _, d := range w.deployed {
				d.Running = false
			}
			for _, osd := range w.osds {
				osd.Up = false
			}
		},
		"slices-and-dbs": func(w *world) {
			w.spec.Storage.Rules = []v1alpha1.DiskRule{
				{Name: "db", Match: v1alpha1.DiskMatch{IDs: []string{"wwn-0601"}}, Use: v1alpha1.RuleUseDB},
				{Name: "data", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD}}, OSDsPerDisk: 2,
					DB: &v1alpha1.DBPlacement{Rule: "db", Size: resource.MustParse("1Gi")}},
			}
			w.addNode(5, 3)
		},
		"racks": func(w *world) {
			w.spec.Topology = &v1alpha1.TopologySpec{FailureDomain: v1alpha1.FailureDomainRack}
			w.spec.ResourceProfile = v1alpha1.ProfileLean
		},
	}
}

func runScenario(t *testing.T, change func(*world), rng *rand.Rand) *world {
	t.Helper()
	w := newWorld(t, 5, 2)
	w.rng = rng
	w.rest()
	w.log = append(w.log, "--- the change ---")
	change(w)
	w.rest()
	return w
}

// Executing plans comes to rest, and the logs say why each step was taken.
func TestConvergence(t *testing.T) {
	t.Parallel()
	for name, change := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := runScenario(t, change, nil)
			golden(t, name+".log", strings.Join(w.log, "\n")+"\n\n"+w.outcome())
		})
	}
}

// In whatever order steps are done, and wherever the operator is killed, all ends in the same state.
func TestConvergenceInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, change := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := runScenario(t, change, nil).outcome()
			for seed := range uint64(8) {
				got := runScenario(t, change, rand.New(rand.NewPCG(seed, 1))).outcome()
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("seed %d (-in order +at random):\n%s", seed, diff)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
