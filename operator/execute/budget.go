package execute

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// budget does a step that changes what evictions may take away.
func (r *run) budget(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.ApplyBudget:
		return r.applyBudget(ctx, action.Budget)
	case plan.RemoveBudget:
		return r.Delete(ctx, r.builder("").PodDisruptionBudget(action.Budget))
	}
	return unknownStep(action)
}

// applyBudget changes a budget in one write, so that no pod is ever held by none, or by two. Where somebody has written into
// it what cannot stand beside ours (minAvailable), it is deleted, and made anew in the next pass.
func (r *run) applyBudget(ctx context.Context, wanted manifest.Budget) error {
	budget := r.builder("").PodDisruptionBudget(wanted)
	_, err := r.Apply(ctx, budget)
	if apierrors.IsInvalid(err) {
		return r.Delete(ctx, budget)
	}
	return err
}
