//go:build e2e

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// disksPerNode of the clusters that are measured.
const disksPerNode = 10

// BenchmarkScale brings a cluster up with that many nodes, measures plans of it at rest, and then how an operator in a
// process of its own starts on it and what it takes at rest. All figures are printed. The smaller size is measured on
// both API servers, so that what the quick one leaves out can be told.
func BenchmarkScale(b *testing.B) {
	for _, size := range []struct {
		server string
		nodes  int
		start  func(testing.TB) *server
	}{
		{"real", 50, theServer}, {"quick", 50, quickServer}, {"quick", 500, quickServer},
	} {
		b.Run(fmt.Sprintf("%s/nodes=%d", size.server, size.nodes), func(b *testing.B) {
			for b.Loop() {
				measure(b, size.start(b), size.nodes)
			}
		})
	}
}

func measure(b *testing.B, s *server, nodes int) {
	b.Helper()
	started := time.Now()
	w := newWorldOn(b, s, nodes, disksPerNode)
	report(b, "fill", "s", time.Since(started).Seconds())
	operator := w.operate(newWire(), false)
	started = time.Now()
	w.apply()
	w.awaitSlowly("all OSDs are up", func() error {
		object, err := w.cluster()
		if err != nil {
			return err
		}
		mons, mgrs := len(object.Status.Mons), 2
		return w.healthy(mons, mgrs, nodes*disksPerNode)()
	})
	report(b, "bring-up", "s", time.Since(started).Seconds())
	report(b, "writes-of-bring-up", "", float64(len(operator.wire.Writes())))
	w.plans(b, operator)
	operator.stop()
	w.child(b)
}

// report prints a figure: the benchmark's own line has them in the order of their names.
func report(b *testing.B, what, unit string, value float64) {
	b.Helper()
	b.ReportMetric(value, what+"/"+unit)
	fmt.Printf("%s: %s %.3g %s\n", b.Name(), what, value, unit)
}

// awaitSlowly looks seldom: to look costs both sides.
func (w *world) awaitSlowly(what string, check func() error) {
	w.Helper()
	ticker, limit := time.NewTicker(2*time.Second), time.After(20*time.Minute)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-limit:
			w.Fatalf("%s: %v", what, err)
		}
	}
}

// plans measures the plan of the cluster as it is, from what the operator's own caches hold, with the real renderer.
func (w *world) plans(b *testing.B, o *operator) {
	b.Helper()
	reader := o.GetClient()
	cpu := func(f func()) float64 {
		before := cpuTime()
		f()
		return float64(cpuTime()-before) / float64(time.Millisecond)
	}
	var (
		disks    plan.DisksInput
		observed plan.Observed
		err      error
	)
	report(b, "observe", "ms-CPU", cpu(func() { disks, observed, err = w.observe(b.Context(), reader) }))
	must(b, err)
	var decided plan.DisksPlan
	report(b, "plan-disks", "ms-CPU", cpu(func() { decided = plan.Disks(disks) }))
	observed.Disks = &decided.Clusters[0]
	for _, what := range []string{"plan-first", "plan", "plan-again"} {
		report(b, what, "ms-CPU", cpu(func() {
			p := plan.Compute(observed)
			plan.ClusterStatus(observed, p)
		}))
	}
}

// observe reads what the controllers read.
func (w *world) observe(ctx context.Context, reader client.Reader) (plan.DisksInput, plan.Observed, error) {
	object, key := &v1alpha1.StorageCluster{}, plan.ClusterKey(theCluster)
	var disks plan.DisksInput
	if err := reader.Get(ctx, theCluster, object); err != nil {
		return disks, plan.Observed{}, err
	}
	stored, err := observe.Read(ctx, reader, w.api, key)
	if err != nil {
		return disks, plan.Observed{}, err
	}
	nodes, _, err := observe.Nodes(ctx, reader, namespace, time.Now())
	if err != nil {
		return disks, plan.Observed{}, err
	}
	snapshot, err := w.kubelet.ceph.Load().Admin().Snapshot(ctx)
	if err != nil {
		return disks, plan.Observed{}, err
	}
	spec := plan.Resolve(&object.Spec, plan.FactsOf(&object.Spec, nodes, stored.Mons, object.Status))
	builder := execute.Builder(object, spec, stored.FSID(), "node:1", "")
	in := plan.Observed{
		Now: time.Now(), Key: key, Spec: spec, Generation: object.Generation, Previous: &object.Status, Nodes: nodes,
		Identity: &plan.Identity{FSID: stored.FSID(), Created: stored.Created}, Traces: stored.Traces, Seed: stored.Seed,
		Mons: stored.Mons, Mgrs: stored.Mgrs, Reservations: stored.Planned, Deployed: stored.Deployed,
		Applied: stored.Applied.Config, AppliedModules: stored.Applied.Modules, Budgets: stored.Budgets,
		Ceph: observe.CephFacts(snapshot, true, nil, true),
		Render: plan.NewRenders(func(d plan.Daemon) plan.Template {
			return execute.Template(builder, d)
		}).Render,
	}
	cluster := plan.DiskCluster{
		Key: key, Created: object.CreationTimestamp.Time, FSID: stored.FSID(), Spec: spec, Reservations: stored.Planned, Deployed: stored.Deployed,
	}
	cluster.OSDs, cluster.OSDsKnown = observe.OSDStates(snapshot)
	disks.Nodes, disks.Retained, disks.Clusters = nodes, []string{stored.FSID()}, []plan.DiskCluster{cluster}
	var list v1alpha1.StorageDiskList
	if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return disks, in, err
	}
	for i := range list.Items {
		disks.Disks = append(disks.Disks, &list.Items[i])
	}
	return disks, in, nil
}

// task is what an operator in a process of its own gets from this one.
type task struct {
	Host               string
	CA, Cert, Key      []byte
	FSID, AdminKey     string
	Mons, Mgrs         []string
	OSDs               []simulated
	HeapFile, CPUsFile string
}

type simulated struct {
	ID                   int32
	UUID, Node, Location string
}

// child starts an operator in a process of its own on the cluster that is there, and prints what it took. Meanwhile the
// Leases of discover are renewed, as they are in life.
func (w *world) child(b *testing.B) {
	b.Helper()
	stored, err := observe.Read(b.Context(), w.api, w.api, plan.ClusterKey(theCluster))
	must(b, err)
	target := task{
		Host: w.config.Host, CA: w.config.CAData, Cert: w.config.CertData, Key: w.config.KeyData,
		FSID: stored.FSID(), AdminKey: stored.Identity.Admin.Reveal(), Mgrs: stored.Mgrs,
		HeapFile: os.Getenv("SCALE_HEAP_PROFILE"), CPUsFile: os.Getenv("SCALE_CPU_PROFILE"),
	}
	for _, mon := range stored.Mons.Mons {
		target.Mons = append(target.Mons, mon.Name)
	}
	for _, r := range stored.Reservations {
		target.OSDs = append(target.OSDs, simulated{r.ID, r.UUID, r.Node, r.Location})
	}
	text, err := json.Marshal(target)
	must(b, err)
	file := filepath.Join(b.TempDir(), "task")
	must(b, os.WriteFile(file, text, 0o600))
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go w.renew(ctx)
	cmd := exec.CommandContext(ctx, os.Args[0])                                           //nolint:gosec // this program
	cmd.Env = append(os.Environ(), operatorTask+"="+file, "GOMEMLIMIT=400MiB", "GOGC=25") // as the manifest has it
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	must(b, cmd.Run())
	var figures []figure
	must(b, json.Unmarshal(out.Bytes(), &figures))
	for _, f := range figures {
		report(b, f.What, f.Unit, f.Value)
	}
}

// renew renews every Lease of discover every ten seconds, until ctx ends.
func (w *world) renew(ctx context.Context) {
	ticker := time.NewTicker(10 * time.Second)
	defer ticker.Stop()
	for {
		var leases coordinationv1.LeaseList
		if w.api.List(ctx, &leases, client.InNamespace(namespace)) != nil {
			return
		}
		var group errgroup.Group
		group.SetLimit(2)
		for i := range leases.Items {
			group.Go(func() error {
				now := metav1.NowMicro()
				leases.Items[i].Spec.RenewTime = &now
				return w.api.Update(ctx, &leases.Items[i])
			})
		}
		_ = group.Wait() // ctx may have ended
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
