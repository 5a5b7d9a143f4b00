package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
)

// Auditor looks at all clusters again and again. What it remembers is only since when something has been amiss: one that
// starts anew waits anew.
type Auditor struct {
	// Driver is the name of the CSI driver whose volumes are looked at. Empty: v1alpha1.ProvisionerRBD.
	Driver   string
	Sessions controller.Sessions
	// Known reads what Kubernetes knows, from the server and not from a cache.
	Known func(context.Context) (Known, error)
	// Tell says of a finding that has lasted. It is called once for each.
	Tell func(context.Context, Finding)
	Now  func() time.Time
	Log  logr.Logger

	mu    sync.Mutex
	since map[string]time.Time
	told  map[string]bool
	last  []Finding
}

// every is the time between two passes.
const every = 5 * time.Minute

// Run makes a pass now and then, until ctx ends.
func (a *Auditor) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := a.Pass(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error(err, "the audit could not see everything")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Pass looks once. A cluster that does not answer does not keep the others from being looked at.
func (a *Auditor) Pass(ctx context.Context) error {
	known, err := a.Known(ctx)
	if err != nil {
		return fmt.Errorf("read what Kubernetes knows: %w", err)
	}
	var images []Image
	var errs []error
	listed := map[string]bool{}
	for _, cluster := range a.Sessions.Clusters() {
		in, err := a.Sessions.Session(ctx, cluster)
		if err == nil {
			images, err = a.read(ctx, in, known, images, listed)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", cluster, err))
		}
	}
	return errors.Join(append(errs, a.act(ctx, a.lasting(Judge(images, known, listed))))...)
}

// store is where a driver keeps volumes, as the audit sees it.
type store interface {
	// places lists where there may be volumes, as handles without a name, and names what is there.
	places(ctx context.Context, in session.Session) ([]handle.Handle, error)
	names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error)
	// sweep clears away what was kept for what is gone by now, and returns how much.
	sweep(ctx context.Context, in session.Session, place handle.Handle, names []string) (int, error)
	// look reads what must be known of what is amiss. What cannot be read is kept.
	look(ctx context.Context, in session.Session, h handle.Handle) Image
	remove(ctx context.Context, in session.Session, h handle.Handle) error
}

func (a *Auditor) store() store {
	if a.Driver == v1alpha1.ProvisionerCephFS {
		return subvolumes{}
	}
	return images{}
}

// read lists the images of a cluster, and looks at those that Kubernetes does not know. What was kept for others that are gone
// by now is cleared away by the way.
func (a *Auditor) read(ctx context.Context, in session.Session, known Known, images []Image, listed map[string]bool) ([]Image, error) {
	from := a.store()
	places, err := from.places(ctx, in)
	if err != nil {
		return images, err
	}
	for _, place := range places {
		names, err := from.names(ctx, in, place)
		if err != nil {
			return images, err
		}
		if swept, err := from.sweep(ctx, in, place, names); err != nil {
			return images, err
		} else if swept > 0 {
			a.Log.Info("cleared away what nothing reads any more", "place", place.Place(), "number", swept)
		}
		of := make([]Image, 0, len(names))
		for _, name := range names {
			of = append(of, Image{Handle: place.With(name)})
		}
		for _, candidate := range Candidates(of, known) {
			of = append(of, from.look(ctx, in, candidate.Handle))
		}
		images = append(images, of...)
		listed[place.Place()] = true
	}
	return images, nil
}

// lasting keeps what has been amiss for a while.
func (a *Auditor) lasting(found []Finding) []Finding {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, told, now := map[string]time.Time{}, map[string]bool{}, a.Now()
	var lasting []Finding
	for _, f := range found {
		first, seen := a.since[f.Key()]
		if !seen {
			first = now
		}
		since[f.Key()], told[f.Key()] = first, a.told[f.Key()]
		if now.Sub(first) >= Patience {
			lasting = append(lasting, f)
		}
	}
	a.since, a.told, a.last = since, told, lasting
	return lasting
}

// act tells of findings, and removes what is provably ours and unused, after a second look at everything.
func (a *Auditor) act(ctx context.Context, findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if a.news(f) {
			a.Log.Info("audit", "reason", f.Reason, "image", f.Handle.String(), "message", f.Message)
			a.Tell(ctx, f)
		}
		if f.Remove {
			errs = append(errs, a.remove(ctx, f))
		}
	}
	return errors.Join(errs...)
}

func (a *Auditor) news(f Finding) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.told[f.Key()]
	a.told[f.Key()] = true
	return !old
}

// remove removes an image or a subvolume if it is still as it was found, and Kubernetes still does not know it.
func (a *Auditor) remove(ctx context.Context, f Finding) error {
	known, err := a.Known(ctx)
	if err != nil {
		return err
	}
	in, err := a.Sessions.Session(ctx, types.NamespacedName{Namespace: f.Handle.Namespace, Name: f.Handle.Cluster})
	if err != nil {
		return err
	}
	again := Judge([]Image{a.store().look(ctx, in, f.Handle)}, known, nil)
	if len(again) != 1 || again[0].Key() != f.Key() || !again[0].Remove {
		return nil
	}
	if err := a.store().remove(ctx, in, f.Handle); err != nil {
		return fmt.Errorf("remove %s: %w", f.Handle, err)
	}
	return nil
}

// findings is a metric of the driver's own: several audits are published at once.
func (a *Auditor) findings() *prometheus.Desc {
	return prometheus.NewDesc("seamount_csi_audit_findings", "What has been amiss for ten minutes between images or subvolumes and what Kubernetes knows.",
		[]string{"namespace", "cluster", "pool", "reason"}, prometheus.Labels{"driver": cmp.Or(a.Driver, v1alpha1.ProvisionerRBD)})
}

// Describe implements prometheus.Collector.
func (a *Auditor) Describe(ch chan<- *prometheus.Desc) { ch <- a.findings() }

// Collect implements prometheus.Collector.
func (a *Auditor) Collect(ch chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	type series struct {
		namespace, cluster, pool string
		reason                   Reason
	}
	counts := map[series]float64{}
	for _, f := range a.last {
		counts[series{f.Handle.Namespace, f.Handle.Cluster, cmp.Or(f.Handle.Pool, f.Handle.Filesystem), f.Reason}]++
	}
	desc := a.findings()
	for s, n := range counts {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, n, s.namespace, s.cluster, s.pool, string(s.reason))
	}
}
