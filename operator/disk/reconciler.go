package disk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/execute"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/operator/session"
)

// Request asks for a pass over all disks. All requests are the same one.
type Request struct{}

// Sessions tell what is known of a Ceph cluster.
type Sessions interface {
	State(cluster types.NamespacedName) session.State
}

// Reconciler makes the passes. It holds nothing of its own from one to the next.
type Reconciler struct {
	// Client writes, and reads from the cache; Live reads from the server.
	Client client.Client
	Live   client.Reader
	// Namespace of Seamount, where discover's Leases are.
	Namespace string
	Sessions  Sessions
	Plans     *Plans
	Events    events.EventRecorder
	Now       func() time.Time
}

// writers is how many disks are written at once.
const writers = 8

// Reconcile plans for all disks, writes what changed, and hands the plans on. A disk that somebody else changed in the
// meantime is left for the next pass, which that change has asked for.
func (r *Reconciler) Reconcile(ctx context.Context, _ Request) (reconcile.Result, error) {
	in, silence, err := r.observe(ctx)
	if errors.Is(err, errStarting) {
		return reconcile.Result{}, nil // the session's first look wakes us
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := r.speakForGone(ctx, in); err != nil {
		return reconcile.Result{}, err
	}
	decided := plan.Disks(in)
	err = r.write(ctx, in.Disks, decided.Disks)
	r.Plans.publish(decided.Clusters)
	if err != nil {
		return reconcile.Result{}, err // tried again, and the silence is looked at then
	}
	return reconcile.Result{RequeueAfter: silence}, nil
}

// errStarting says that the Ceph of a cluster that ran before was not asked yet since the operator began: whether that can
// be done is known within seconds. Until then the disks stay what they were said to be, instead of that thousands of them
// are said to be unknown, only to take it back.
var errStarting = errors.New("ceph was not asked yet")

// observe reads what is planned from, and after what time a discover that stays silent is to be noticed.
func (r *Reconciler) observe(ctx context.Context) (in plan.DisksInput, silence time.Duration, err error) {
	in.Nodes, silence, err = observe.Nodes(ctx, r.Client, r.Namespace, r.Now())
	if err != nil {
		return in, 0, err
	}
	if in.Retained, err = observe.Retained(ctx, r.Client); err != nil {
		return in, 0, err
	}
	var disks v1alpha1.StorageDiskList
	var clusters v1alpha1.StorageClusterList
	for _, list := range []client.ObjectList{&disks, &clusters} {
		if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return in, 0, fmt.Errorf("list disks and clusters: %w", err)
		}
	}
	for i := range disks.Items {
		in.Disks = append(in.Disks, &disks.Items[i])
	}
	for i := range clusters.Items {
		cluster, err := r.cluster(ctx, &clusters.Items[i], in.Nodes)
		if err != nil {
			return in, 0, err
		}
		in.Clusters = append(in.Clusters, cluster)
	}
	return in, silence, nil
}

func (r *Reconciler) cluster(ctx context.Context, object *v1alpha1.StorageCluster, nodes []plan.Node) (plan.DiskCluster, error) {
	key := plan.ClusterKey{Namespace: object.Namespace, Name: object.Name}
	stored, err := observe.Read(ctx, r.Client, r.Live, key)
	if err != nil {
		return plan.DiskCluster{}, err
	}
	stored.Know(object.Status.FSID)
	facts := plan.FactsOf(&object.Spec, nodes, stored.Mons, object.Status)
	cluster := plan.DiskCluster{
		Key: key, Created: object.CreationTimestamp.Time, FSID: stored.FSID(), Spec: plan.Resolve(&object.Spec, facts),
		Closed:       !object.DeletionTimestamp.IsZero() || len(plan.NotAvailable(object)) > 0,
		Reservations: stored.Planned, Deployed: stored.Deployed, Operations: stored.Operations, DeletionOf: plan.DeletionOf(object),
	}
	if stored.Wipe != nil && stored.Wipe.UID == string(object.UID) && !object.DeletionTimestamp.IsZero() {
		cluster.Wipe = stored.Wipe
	}
	state := r.Sessions.State(client.ObjectKeyFromObject(object))
	if state.Polls == 0 && stored.Identity != nil && len(stored.Mons.Mons) > 0 && stored.Mons.QuorumRecorded {
		return plan.DiskCluster{}, errStarting
	}
	cluster.OSDs, cluster.OSDsKnown = observe.OSDStates(state.Snapshot)
	return cluster, nil
}

// speakForGone writes what nodes that are gone can no longer say of their disks. That asks for another pass, and lets
// nothing of this one be written to these disks.
func (r *Reconciler) speakForGone(ctx context.Context, in plan.DisksInput) error {
	gone := plan.Gone(in.Nodes)
	var errs []error
	for _, disk := range in.Disks {
		wrote, err := execute.SpeakForGone(ctx, r.Client, disk, gone)
		if wrote {
			log.FromContext(ctx).Info("node of disk is gone", "disk", disk.Name, "node", disk.Status.Node)
		}
		errs = append(errs, execute.IgnoreConflict(err))
	}
	return errors.Join(errs...)
}

// write writes the disks of which something changed.
func (r *Reconciler) write(ctx context.Context, disks []*v1alpha1.StorageDisk, entries []plan.DiskEntry) error {
	byName := make(map[string]*v1alpha1.StorageDisk, len(disks))
	for _, disk := range disks {
		byName[disk.Name] = disk
	}
	now := metav1.NewTime(r.Now().Truncate(time.Second))
	errs := make([]error, len(entries))
	var group errgroup.Group
	group.SetLimit(writers)
	for i, entry := range entries {
		group.Go(func() error {
			errs[i] = r.writeDisk(ctx, byName[entry.Disk], entry, now)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

func (r *Reconciler) writeDisk(ctx context.Context, disk *v1alpha1.StorageDisk, entry plan.DiskEntry, now metav1.Time) error {
	wanted := entry.Status(disk, now)
	wrote, err := execute.DiskStatus(ctx, r.Client, disk, wanted)
	if err != nil {
		return execute.IgnoreConflict(err)
	}
	if wrote && disk.Status.State != entry.State {
		log.FromContext(ctx).Info("disk changed", "disk", disk.Name, "from", disk.Status.State, "to", entry.State,
			"reason", entry.InService.Reason, "cluster", entry.Cluster.String())
		r.tell(disk, entry)
	}
	return nil
}

// tell makes an event of what people look for when a disk is not in use.
func (r *Reconciler) tell(disk *v1alpha1.StorageDisk, entry plan.DiskEntry) {
	kind := "Normal"
	switch entry.State {
	case v1alpha1.DiskFailed, v1alpha1.DiskDown, v1alpha1.DiskMissing:
		kind = "Warning"
	case v1alpha1.DiskUnknown, v1alpha1.DiskUsable, v1alpha1.DiskRejected, v1alpha1.DiskExcluded:
		return // discover has told what it found
	}
	r.Events.Eventf(disk, nil, kind, entry.InService.Reason, "Plan", "%s", entry.InService.Message)
}
