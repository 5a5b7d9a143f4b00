package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

const (
	// width is how many steps of one plan are done at once.
	width = 16
	// defaultBudget is well below the time that a pass has: what was done shall be told in this pass.
	defaultBudget = 20 * time.Second
)

// Executor does the steps of plans.
type Executor struct {
	// Client writes, and reads from the cache. Live reads from the server: what a step rests on is looked up there.
	Client client.Client
	Live   client.Reader
	*Applier
	Events events.EventRecorder
	// NodeImage brings seamount-node into the pods of Ceph.
	NodeImage string
	// CommandTimeout bounds one command to Ceph. Zero: the session's own.
	CommandTimeout time.Duration
	// Budget is the time after which no more steps of a plan begin, for thousands of them outlast a pass. The next pass
	// goes on. Zero: 20 seconds.
	Budget time.Duration
}

// Target is the cluster that is acted on, as it was observed.
type Target struct {
	Object *v1alpha1.StorageCluster
	Spec   plan.Cluster
	Stored *observe.Stored
	// Ceph returns the session with the cluster.
	Ceph func() (ceph.Client, error)
	// Connect opens another session with it, as somebody else or before there is one. The caller closes it.
	Connect func(ctx context.Context, entity string, key ceph.Secret) (ceph.Client, error)
}

// Outcome is what became of a plan.
type Outcome struct {
	// Done counts the steps that were done.
	Done int
	// Left counts the steps that had no time to begin.
	Left int
	// Denied are the questions whether daemons may stop that Ceph answered with no.
	Denied []plan.Denial
	// Trouble is why an identity could not be rebuilt; empty: it was, or was not to be.
	Trouble string
	// UsersChecked says that the users of volumes are as they are to be, and Granted which filesystems nodes reach with them.
	UsersChecked bool
	Granted      []plan.FilesystemGroups
	// Err joins why steps failed. What others did first is not among them: the next pass decides anew.
	Err error
}

// run is one plan being done.
type run struct {
	*Executor
	Target
	end time.Time // no step begins after it

	mu           sync.Mutex // of all below
	denied       []plan.Denial
	trouble      string
	usersChecked bool
	granted      []plan.FilesystemGroups
	asked        map[string]*question
	stored       observe.Stored // as it becomes

	occupied occupancy
}

// Outcomes of steps that were not tried.
var (
	errSkipped = errors.New("a step before it was not done")
	errLate    = errors.New("no time was left")
)

// Run does the steps of a plan, those that do not depend on each other at once, and brings back what was taken away by
// hand. A step that fails stops those after it and no other.
func (e *Executor) Run(ctx context.Context, target Target, p plan.Plan) Outcome {
	r := &run{
		Executor: e, Target: target, end: time.Now().Add(cmp.Or(e.Budget, defaultBudget)),
		stored: *target.Stored, asked: map[string]*question{},
	}
	if r.stored.Reservations == nil {
		r.stored.Reservations = map[int32]handover.Reservation{}
	}
	results := make(map[string]*result, len(p.Steps))
	for _, step := range p.Steps {
		results[step.ID] = &result{done: make(chan struct{})}
	}
	var group errgroup.Group
	group.SetLimit(width)
	for _, step := range p.Steps {
		group.Go(func() error {
			r.follow(ctx, step, results)
			return nil
		})
	}
	_ = group.Wait() // every step has a result of its own
	outcome := Outcome{Denied: r.denied, Trouble: r.trouble, UsersChecked: r.usersChecked, Granted: r.granted}
	errs := append(outcome.count(p.Steps, results), r.keep(ctx, p))
	outcome.Err = errors.Join(errs...)
	return outcome
}

// count sorts steps by what became of them, and returns why some failed.
func (o *Outcome) count(steps []plan.Step, results map[string]*result) (errs []error) {
	for _, step := range steps {
		switch err := results[step.ID].err; {
		case err == nil:
			o.Done++
		case errors.Is(err, errLate):
			o.Left++
		case !isConflict(err) && !errors.Is(err, errSkipped):
			errs = append(errs, fmt.Errorf("%s: %w", step.ID, err))
		}
	}
	return errs
}

// result of a step; err is there when done is closed.
type result struct {
	done chan struct{}
	err  error
}

// follow does a step after those that it comes after. They stand before it, so that they have begun.
func (r *run) follow(ctx context.Context, step plan.Step, results map[string]*result) {
	mine := results[step.ID]
	defer close(mine.done)
	for _, id := range step.After {
		before, found := results[id]
		if !found {
			continue
		}
		<-before.done
		if before.err != nil {
			mine.err = errSkipped
			return
		}
	}
	if time.Now().After(r.end) {
		mine.err = errLate
		return
	}
	mine.err = r.do(ctx, step)
	r.report(ctx, step, mine.err)
}

func (r *run) report(ctx context.Context, step plan.Step, err error) {
	logger := log.FromContext(ctx)
	switch {
	case err == nil:
		logger.Info("did step", "step", step.ID, "reason", step.Reason)
	case isConflict(err):
		logger.V(1).Info("somebody was faster", "step", step.ID, "conflict", err.Error())
	case !errors.Is(err, context.Canceled):
		r.Events.Eventf(r.Object, nil, "Warning", "StepFailed", step.ID, "%s: %v", step.Reason, err)
	}
}

// do does one step. Without an identity nothing else is done: it would be a trace of a cluster that does not exist.
func (r *run) do(ctx context.Context, step plan.Step) error {
	if action, ok := step.Do.(plan.EnsureIdentity); ok {
		return r.ensureIdentity(ctx, action)
	}
	if needsIdentity(step.Do) && r.fsid() == "" {
		return errors.New("no identity is stored")
	}
	ctx, cancel := r.limit(ctx)
	defer cancel()
	switch action := step.Do.(type) {
	case plan.ReserveOSD, plan.RestoreReservation, plan.RelocateOSD, plan.WriteSeed, plan.EnsureKey:
		return r.store(ctx, action)
	case plan.EnsureMon, plan.RecordQuorum, plan.RecordMember, plan.RemoveMon:
		return r.mon(ctx, action)
	case plan.ApplyDaemon, plan.StopDaemon, plan.RemoveDaemon, plan.ReleaseCluster:
		return r.daemon(ctx, action)
	case plan.ApplyBudget, plan.RemoveBudget:
		return r.budget(ctx, action)
	case plan.EnsureWipe, plan.RecordWipe, plan.MakeOperation, plan.ForgetCluster, plan.DropWipe:
		return r.erasure(ctx, action)
	case plan.MakeReplace:
		return r.makeReplace(ctx, action)
	case plan.ForgetReplace:
		return notes{r.Client, r.Live}.write(ctx, r.key(), action.OSDs, manifest.AnnotationReplaced, "")
	case plan.ReadMonKey, plan.RebuildIdentity, plan.EndRecovery, plan.RestoreMons:
		return r.recover(ctx, action)
	default:
		return r.command(ctx, step.Do)
	}
}

// limit bounds one step.
func (e *Executor) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.CommandTimeout > 0 {
		return context.WithTimeout(ctx, e.CommandTimeout)
	}
	return ctx, func() {}
}

// needsIdentity says that a step makes or changes something. What only takes away goes on when the identity is lost, or a
// StorageCluster could never be deleted.
func needsIdentity(action plan.Action) bool {
	switch action.(type) {
	case plan.StopDaemon, plan.RemoveBudget, plan.ReleaseCluster, plan.EnsureWipe, plan.RecordWipe, plan.MakeOperation, plan.ForgetCluster,
		plan.DropWipe:
		return false
	}
	return true
}

func (r *run) store(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.ReserveOSD:
		return r.reserveOSD(ctx, action.OSD)
	case plan.RestoreReservation:
		return r.restoreReservation(ctx, action.OSD)
	case plan.RelocateOSD:
		return r.relocateOSD(ctx, action)
	case plan.WriteSeed:
		return r.writeSeed(ctx, action.Seed)
	case plan.EnsureKey:
		return r.ensureKey(ctx, action)
	}
	return unknownStep(action)
}

func (r *run) mon(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.EnsureMon:
		return r.ensureMon(ctx, action.Mon)
	case plan.RecordQuorum:
		return r.recordQuorum(ctx, action.Mons)
	case plan.RecordMember:
		return r.recordMember(ctx, action.Mon)
	case plan.RemoveMon:
		return r.removeMon(ctx, action)
	}
	return unknownStep(action)
}

func (r *run) daemon(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.ApplyDaemon:
		return r.applyDaemon(ctx, action)
	case plan.StopDaemon:
		return r.deleteDeployment(ctx, action.Daemon)
	case plan.RemoveDaemon:
		return r.removeDaemon(ctx, action.Daemon)
	case plan.ReleaseCluster:
		return r.releaseCluster(ctx)
	}
	return unknownStep(action)
}

func unknownStep(action plan.Action) error { return fmt.Errorf("unknown step %T", action) }

// fsid of the cluster, as it is stored by now.
func (r *run) fsid() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored.FSID()
}

// builder makes the objects of the cluster. image is Ceph's; empty: the one of the spec.
func (r *run) builder(image string) manifest.Cluster {
	return Builder(r.Object, r.Spec, r.fsid(), r.NodeImage, image)
}
