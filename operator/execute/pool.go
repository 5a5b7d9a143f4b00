package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// PoolTarget is the StoragePool that is acted on.
type PoolTarget struct {
	Object *v1alpha1.StoragePool
	// Ceph returns the session with its cluster.
	Ceph func() (ceph.Client, error)
}

// PoolOutcome is what became of the steps of a StoragePool.
type PoolOutcome struct {
	// Done counts the steps that were done.
	Done int
	// Err joins why steps failed.
	Err error
}

// RunPool does the steps of a StoragePool in their order. One that fails stops those after it and no other.
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
		return e.makeClass(ctx, target.Object, action)
	case plan.RemoveClass:
		return e.removeClass(ctx, target.Object, action.Kind, action.Name)
	case plan.ReleasePool:
		return release(ctx, e.Client, v1alpha1.KindStoragePool, target.Object, v1alpha1.FinalizerPool)
	}
	session, err := target.Ceph()
	if err != nil {
		return err
	}
	return poolCommand(ctx, session, target.Object.Name, action)
}

// EnsurePoolFinalizer keeps a StoragePool until ReleasePool.
func EnsurePoolFinalizer(ctx context.Context, c client.Client, pool *v1alpha1.StoragePool) error {
	return ensureFinalizer(ctx, c, v1alpha1.KindStoragePool, pool, v1alpha1.FinalizerPool)
}

// PoolStatus writes the status of a StoragePool, if that changes it, and says whether it wrote.
func PoolStatus(ctx context.Context, c client.Client, pool *v1alpha1.StoragePool, status v1alpha1.StoragePoolStatus) (bool, error) {
	if equality.Semantic.DeepEqual(pool.Status, status) {
		return false, nil
	}
	return true, applyStatus(ctx, c, v1alpha1.KindStoragePool, pool, "", status)
}
