package execute

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// Operations does the steps of StorageOperations.
type Operations struct {
	// Client writes, and reads from the cache. Live reads from the server: what a step rests on is looked up there.
	Client client.Client
	Live   client.Reader
	*Applier
	Events events.EventRecorder
}

// OperationTarget is the operation that is carried out, as it was observed.
type OperationTarget struct {
	Object  *v1alpha1.StorageOperation
	Cluster types.NamespacedName
	// FSID of the cluster.
	FSID string
	// Record is the operation's, as it was read, and Version that of its ConfigMap; nil: there is none.
	Record  *manifest.OperationRecord
	Version string
	// Others are the operations of the cluster that were known to be carried out, by name.
	Others map[string]bool
	// Ceph returns the session with the cluster.
	Ceph func() (ceph.Client, error)
	// Recheck plans the operation again, from what Ceph says just now, and returns that too.
	Recheck func(ctx context.Context) (plan.OperationDraft, *ceph.Snapshot, error)
}

// Unsafe is why a step was not taken: the last look before it found a reason of the condition Safe.
type Unsafe struct{ Refusal v1alpha1.Refusal }

// Error implements error.
func (u *Unsafe) Error() string { return u.Refusal.Reason + ": " + u.Refusal.Message }

func unsafe(reason, remedy, format string, args ...any) error {
	return &Unsafe{v1alpha1.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...), Remedy: remedy}}
}

// Run does steps one after the other, and says how many it did. The first that fails ends it. That somebody was faster is no
// failure: the next pass decides anew.
func (o *Operations) Run(ctx context.Context, target OperationTarget, steps []plan.Step) (done int, err error) {
	r := &operationRun{o, target}
	for _, step := range steps {
		if err := r.do(ctx, step.Do); err != nil {
			return done, r.report(ctx, step, err)
		}
		done++
		log.FromContext(ctx).Info("did step", "step", step.ID, "reason", step.Reason)
		if event := eventOf(step.Do); event != "" {
			o.Events.Eventf(target.Object, nil, "Normal", event, step.ID, "%s", step.Reason)
		}
	}
	return done, nil
}

func (r *operationRun) report(ctx context.Context, step plan.Step, err error) error {
	var refused *Unsafe
	switch {
	case isConflict(err):
		log.FromContext(ctx).V(1).Info("somebody was faster", "step", step.ID, "conflict", err.Error())
		return nil
	case errors.As(err, &refused) || errors.Is(err, context.Canceled):
		return err // the condition Safe tells
	}
	r.Events.Eventf(r.Object, nil, "Warning", "StepFailed", step.ID, "%s: %v", step.Reason, err)
	return fmt.Errorf("%s: %w", step.ID, err)
}

// eventOf names the event of a step that was done; empty: it is none of its own.
func eventOf(action plan.Action) string {
	switch action.(type) {
	case plan.BeginOperation:
		return "Begun"
	case plan.TakeOut:
		return "TakenOut"
	case plan.PutIn:
		return "PutIn"
	case plan.LeaveOSDs:
		return "Stopped"
	case plan.StayOSDs:
		return "Kept"
	case plan.PurgeOSDs:
		return "Purged"
	case plan.DestroyOSDs:
		return "Destroyed"
	case plan.LeaveUnborn:
		return "Stopped"
	case plan.DropUnborn:
		return "LetGo"
	case plan.PurgeDestroyed:
		return "GivenBack"
	case plan.WeighOSD:
		return "Weighed"
	}
	return ""
}

// operationRun is one pass over an operation.
type operationRun struct {
	*Operations
	OperationTarget
}

func (r *operationRun) do(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.BeginOperation:
		return r.begin(ctx, action.Record)
	case plan.RecordOperation:
		return r.save(ctx, action.Record)
	case plan.TakeOut:
		return r.takeOut(ctx, action.IDs)
	case plan.PutIn:
		return r.withCeph(func(session ceph.Client) error { return session.OSDIn(ctx, OSDIDs(action.IDs)...) })
	case plan.LeaveOSDs:
		return r.leave(ctx, action.OSDs)
	case plan.StayOSDs:
		return r.mark(ctx, action.OSDs, "")
	case plan.PurgeOSDs:
		return r.purge(ctx, action.OSDs)
	case plan.DestroyOSDs:
		return r.destroy(ctx, action.OSDs)
	case plan.LeaveUnborn:
		return r.leaveUnborn(ctx, action.OSDs)
	case plan.DropUnborn:
		return r.dropUnborn(ctx, action)
	case plan.PurgeDestroyed:
		return r.purgeDestroyed(ctx, action.IDs)
	case plan.WeighOSD:
		return r.withCeph(func(session ceph.Client) error {
			return session.PlaceOSD(ctx, int(action.ID), action.Weight, action.Location)
		})
	}
	return unknownStep(action)
}

func (r *operationRun) withCeph(do func(ceph.Client) error) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	return do(session)
}

func (r *operationRun) builder() manifest.Cluster {
	return manifest.Cluster{Namespace: r.Cluster.Namespace, Name: r.Cluster.Name}
}

// begin stores the record, if the plan is still what was approved, nothing stands in its way just now, and no other operation
// has begun meanwhile.
func (r *operationRun) begin(ctx context.Context, record manifest.OperationRecord) error {
	draft, _, err := r.Recheck(ctx)
	if err != nil {
		return err
	}
	if draft.Plan.ID != record.Plan.ID {
		return conflict(r.Object, "the plan is another by now")
	}
	if err := blocked(draft); err != nil {
		return err
	}
	if err := r.alone(ctx, &record); err != nil {
		return err
	}
	allowed := r.stays
	if record.Deletion {
		allowed = func(ctx context.Context) error { return r.mayWipe(ctx, &record, record.Disks) }
	}
	if err := allowed(ctx); err != nil {
		return err
	}
	if err := ensureFinalizer(ctx, r.Client, v1alpha1.KindStorageOperation, r.Object, manifest.FinalizerOperation); err != nil {
		return err
	}
	return r.Client.Create(ctx, r.builder().OperationConfigMap(record), client.FieldOwner(v1alpha1.FieldOwnerOperator))
}

func conflict(object client.Object, text string) error {
	return apierrors.NewConflict(v1alpha1.Resource("storageoperations"), object.GetName(), errors.New(text))
}

// blocked returns what stands in the way of a step that moves data.
func blocked(draft plan.OperationDraft) error {
	if len(draft.Plan.Blockers) == 0 {
		return nil
	}
	refusal := draft.Plan.Blockers[0]
	return &Unsafe{plan.UnsafeFor(refusal)}
}

// alone looks up whether another operation has begun, or has taken one of its disks, since the plan was made.
func (r *operationRun) alone(ctx context.Context, record *manifest.OperationRecord) error {
	others, err := operationRecords(ctx, r.Live, r.Cluster)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Operation == r.Object.Name {
			continue
		}
		if !r.Others[other.Operation] {
			return conflict(r.Object, "operation "+other.Operation+" has begun meanwhile")
		}
		if disk := plan.TakesOf(record, other); disk != "" {
			return conflict(r.Object, "operation "+other.Operation+" has taken disk "+disk+" meanwhile")
		}
	}
	return nil
}

// save stores the record in the place of the one that was read. That an agent is asked to erase a disk of a cluster which is being
// deleted is looked up before.
func (r *operationRun) save(ctx context.Context, record manifest.OperationRecord) error {
	if asked := r.asksFor(&record); record.Deletion && len(asked) > 0 {
		if err := r.mayAsk(ctx, &record, asked); err != nil {
			return err
		}
	}
	config := r.builder().OperationConfigMap(record)
	config.ResourceVersion = r.Version
	if _, err := r.Apply(ctx, config); err != nil {
		return err
	}
	r.Version = config.ResourceVersion
	return nil
}

// takeOut marks OSDs out that are in just now, if nothing stands in the way just now.
func (r *operationRun) takeOut(ctx context.Context, ids []int32) error {
	draft, now, err := r.Recheck(ctx)
	if err != nil {
		return err
	}
	var in []int
	for _, osd := range now.OSDs {
		for _, id := range ids {
			if osd.ID == int(id) && osd.In {
				in = append(in, osd.ID)
			}
		}
	}
	if len(in) == 0 {
		return nil
	}
	if err := blocked(draft); err != nil {
		return err
	}
	return r.withCeph(func(session ceph.Client) error { return session.OSDOut(ctx, in...) })
}

// EndOperation takes away what was kept of an operation that has come to its end, and lets the object go.
func (o *Operations) EndOperation(ctx context.Context, operation *v1alpha1.StorageOperation) error {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: operation.Namespace, Name: manifest.OperationRecordName(operation.Spec.ClusterRef.Name, operation.Name),
	}}
	if err := o.Client.Delete(ctx, config); client.IgnoreNotFound(err) != nil { // whether or not the cache shows it
		return fmt.Errorf("take the record of the operation away: %w", err)
	}
	return release(ctx, o.Client, v1alpha1.KindStorageOperation, operation, manifest.FinalizerOperation)
}

// OperationRecord reads the record of an operation, live, with its version; nil: there is none.
func OperationRecord(ctx context.Context, live client.Reader, operation *v1alpha1.StorageOperation) (*manifest.OperationRecord, string, error) {
	config := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: operation.Namespace, Name: manifest.OperationRecordName(operation.Spec.ClusterRef.Name, operation.Name)}
	if err := live.Get(ctx, key, config); err != nil {
		return nil, "", client.IgnoreNotFound(err)
	}
	record, err := manifest.OperationRecordOf(config)
	if err == nil && record.UID != string(operation.UID) {
		err = fmt.Errorf("config map %s is of another operation of this name (uid %s), which did not come to its end: "+
			"create this one under another name", config.Name, record.UID)
	}
	return record, config.ResourceVersion, err
}
