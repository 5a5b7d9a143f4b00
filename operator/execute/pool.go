package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// PoolTarget is the object with pools of Ceph that is acted on.
type PoolTarget struct {
	Kind   plan.OwnerKind
	Object client.Object
	// Cluster is the name of its StorageCluster.
	Cluster string
	// Ceph returns the session with its cluster.
	Ceph func() (ceph.Client, error)
}

// PoolOutcome is what became of the steps of one object.
type PoolOutcome struct {
	// Done counts the steps that were done.
	Done int
	// Err joins why steps failed.
	Err error
}

// RunPool does the steps of one object in their order. One that fails stops those after it and no other.
func (e *Executor) RunPool(ctx context.Context, target PoolTarget, steps []plan.Step) PoolOutcome {
	var outcome PoolOutcome
	var errs []error
	failed := map[string]bool{}
	for _, step := range steps {
		if slices.ContainsFunc(step.After, func(id string) bool { return failed[id] }) {
			failed[step.ID] = true
			continue
		}
		err := e.doPool(ctx, target, step.Do)
		if err == nil {
			outcome.Done++
			log.FromContext(ctx).Info("did step", "step", step.ID, "reason", step.Reason)
			continue
		}
		failed[step.ID] = true
		if !isConflict(err) { // else the next pass decides anew
			errs = append(errs, fmt.Errorf("%s: %w", step.ID, err))
		}
	}
	outcome.Err = errors.Join(errs...)
	return outcome
}

func (e *Executor) doPool(ctx context.Context, target PoolTarget, action plan.Action) error {
	ctx, cancel := e.limit(ctx)
	defer cancel()
	switch action := action.(type) {
	case plan.MakeClass:
		return e.makeClass(ctx, target, action)
	case plan.RemoveClass:
		return e.removeClass(ctx, target, action.Kind, action.Name)
	case plan.ReleasePool:
		return release(ctx, e.Client, target.Kind.Kind, target.Object, target.Kind.Finalizer)
	}
	session, err := target.Ceph()
	if err != nil {
		return err
	}
	return poolCommand(ctx, session, target, action)
}

// EnsureOwnerFinalizer keeps an object with pools of Ceph until ReleasePool.
func EnsureOwnerFinalizer(ctx context.Context, c client.Client, kind plan.OwnerKind, object client.Object) error {
	return ensureFinalizer(ctx, c, kind.Kind, object, kind.Finalizer)
}

// OwnerStatus writes the status of an object with pools of Ceph, if that changes it, and says whether it wrote.
func OwnerStatus(ctx context.Context, c client.Client, kind plan.OwnerKind, object client.Object, before, after any) (bool, error) {
	if equality.Semantic.DeepEqual(before, after) {
		return false, nil
	}
	return true, applyStatus(ctx, c, kind.Kind, object, "", after)
}
