package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// Auditor looks at all clusters again and again. What it remembers is only since when something has been amiss: one that
// starts anew waits anew.
type Auditor struct {
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

// read lists the images of a cluster, and looks at those that Kubernetes does not know. Parents that nothing reads any more
// are purged by the way.
func (a *Auditor) read(ctx context.Context, in session.Session, known Known, images []Image, listed map[string]bool) ([]Image, error) {
	pools, err := controller.ImagePools(ctx, in.Ceph)
	if err != nil {
		return images, err
	}
	for _, pool := range pools {
		if purged, err := controller.Sweep(ctx, in.Ceph, pool); err != nil {
			return images, err
		} else if purged > 0 {
			a.Log.Info("purged from the trash, where nothing read from them any more", "pool", pool, "images", purged)
		}
		names, err := in.Ceph.ListImages(ctx, pool)
		if err != nil {
			return images, err
		}
		of := make([]Image, 0, len(names))
		for _, name := range names {
			of = append(of, Image{Handle: handle.Handle{Namespace: in.Cluster.Namespace, Cluster: in.Cluster.Name, Pool: pool, Image: name}})
		}
		for _, candidate := range Candidates(of, known) {
			of = append(of, look(ctx, in.Ceph, candidate.Handle))
		}
		images = append(images, of...)
		listed[in.Cluster.String()+"/"+pool] = true
	}
	return images, nil
}

// look reads what must be known of an image that is amiss. What cannot be read keeps it.
func look(ctx context.Context, images ceph.Images, h handle.Handle) Image {
	image := Image{Handle: h, Looked: true, Bytes: -1}
	ref := ceph.ImageRef{Pool: h.Pool, Name: h.Image}
	detail, err := images.InspectImage(ctx, ref)
	if err != nil {
		image.Headless, image.Looked = errors.Is(err, ceph.ErrNotFound), errors.Is(err, ceph.ErrNotFound)
		return image
	}
	record, none := volume.Of(h.Image, detail.Metadata)
	image.Recorded, image.Claim = none == nil || !errors.Is(none, volume.ErrNone), record.Claim
	image.Clone, image.Begun = detail.ParentID != "", detail.Metadata[ceph.ImageKeyOrigin] != ""
	image.Deleting = detail.Metadata[ceph.ImageKeyDeleting] != ""
	used, err1 := images.ImageUsage(ctx, ref)
	watchers, err2 := images.ImageWatchers(ctx, ref)
	snaps, err3 := images.ListSnapshots(ctx, ref)
	children, err4 := images.ImageChildren(ctx, ref)
	if errors.Join(err1, err2, err3, err4) != nil {
		return image
	}
	image.Bytes, image.Users, image.Children = used, len(watchers), len(children)
	for _, snap := range snaps {
		if !handle.Named(snap.Name) {
			image.Snapshots++
		}
	}
	return image
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

// remove removes an image if it is still as it was found, and Kubernetes still does not know it.
func (a *Auditor) remove(ctx context.Context, f Finding) error {
	known, err := a.Known(ctx)
	if err != nil {
		return err
	}
	in, err := a.Sessions.Session(ctx, types.NamespacedName{Namespace: f.Handle.Namespace, Name: f.Handle.Cluster})
	if err != nil {
		return err
	}
	again := Judge([]Image{look(ctx, in.Ceph, f.Handle)}, known, nil)
	if len(again) != 1 || again[0].Key() != f.Key() || !again[0].Remove {
		return nil
	}
	ref := ceph.ImageRef{Pool: f.Handle.Pool, Name: f.Handle.Image}
	detail, err := in.Ceph.InspectImage(ctx, ref)
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		err = in.Ceph.RemoveImage(ctx, ref)
	case err == nil:
		err = controller.Remove(ctx, in.Ceph, detail)
	}
	if err != nil && !errors.Is(err, ceph.ErrNotFound) {
		return fmt.Errorf("remove %s: %w", f.Handle, err)
	}
	return removeBase(ctx, in.Ceph, detail, f.Handle)
}

// removeBase removes the snapshot that a clone was being made of.
func removeBase(ctx context.Context, images ceph.Images, clone ceph.ImageDetail, h handle.Handle) error {
	if clone.Parent == nil || clone.Parent.Snapshot != h.Image {
		return nil
	}
	err := images.RemoveSnapshot(ctx, *clone.Parent)
	if errors.Is(err, ceph.ErrNotFound) {
		return nil
	}
	return err
}

var findingsMetric = prometheus.NewDesc("seamount_csi_audit_findings",
	"What has been amiss for ten minutes between images and what Kubernetes knows.", []string{"namespace", "cluster", "pool", "reason"}, nil)

// Describe implements prometheus.Collector.
func (a *Auditor) Describe(ch chan<- *prometheus.Desc) { ch <- findingsMetric }

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
		counts[series{f.Handle.Namespace, f.Handle.Cluster, f.Handle.Pool, f.Reason}]++
	}
	for s, n := range counts {
		ch <- prometheus.MustNewConstMetric(findingsMetric, prometheus.GaugeValue, n, s.namespace, s.cluster, s.pool, string(s.reason))
	}
}
