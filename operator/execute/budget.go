package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
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
	if r.letsGo(wanted) {
		live, err := r.stillHeld(ctx, budget, wanted)
		if err != nil {
			return err
		}
		budget.ResourceVersion = live.ResourceVersion
	}
	_, err := r.Apply(ctx, budget)
	if apierrors.IsInvalid(err) {
		return r.Delete(ctx, budget)
	}
	return err
}

// letsGo says that OSDs which the budget in place holds may be evicted with the one that is wanted.
func (r *run) letsGo(wanted manifest.Budget) bool {
	at := slices.IndexFunc(r.Stored.Budgets, func(b manifest.Budget) bool { return b.Compare(wanted) == 0 })
	return wanted.Component == manifest.ComponentOSD && at >= 0 &&
		slices.ContainsFunc(wanted.Without, func(name string) bool { return !slices.Contains(r.Stored.Budgets[at].Without, name) })
}

// stillHeld looks up on the server, right before OSDs are let go, that no other OSD was let go meanwhile: an eviction that was granted
// before the budget in place was written may not have reached the pods that the plan was made from. It fails with a conflict when one
// was, or when that is not known.
//
// Each eviction leaves a trace by then. Who grants one writes the pod into the budget's status.disruptedPods first, and grants none
// while status.observedGeneration is behind. So all that were granted before the budget in place are in its status, until whoever
// keeps budgets has seen their pods end; and then the server's pods show it. What is granted from now on changes the budget, and the
// write that lets OSDs go is refused for its resourceVersion.
func (r *run) stillHeld(ctx context.Context, budget *policyv1.PodDisruptionBudget, wanted manifest.Budget) (*policyv1.PodDisruptionBudget, error) {
	live := &policyv1.PodDisruptionBudget{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(budget), live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, budgetConflict(budget.Name, "it is gone")
		}
		return nil, fmt.Errorf("look up the budget of the OSDs: %w", err)
	}
	if live.Status.ObservedGeneration < live.Generation {
		return nil, budgetConflict(budget.Name, "Kubernetes has not taken note of what it holds yet")
	}
	for name := range live.Status.DisruptedPods {
		if err := r.letGoBefore(ctx, name, wanted); err != nil {
			return nil, err
		}
	}
	return live, r.asSeen(ctx, budget.Name, wanted)
}

func budgetConflict(name, text string) error {
	return apierrors.NewConflict(policyv1.Resource("poddisruptionbudgets"), name, errors.New(text))
}

// letGoBefore fails with a conflict unless a pod that was evicted is gone, or of those that may be evicted.
func (r *run) letGoBefore(ctx context.Context, name string, wanted manifest.Budget) error {
	pod := &corev1.Pod{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.Object.Namespace, Name: name}, pod); err != nil {
		if apierrors.IsNotFound(err) {
			return nil // who ran in it is looked at next
		}
		return fmt.Errorf("look up pod %s, which was evicted: %w", name, err)
	}
	if !slices.Contains(wanted.Without, pod.Labels[manifest.LabelDaemon]) {
		return budgetConflict(name, "this pod was evicted")
	}
	return nil
}

// asSeen fails with a conflict unless the pods of all OSDs that stay held are those that the plan was made from, and run.
func (r *run) asSeen(ctx context.Context, name string, wanted manifest.Budget) error {
	now, err := observe.Daemons(ctx, r.Live, plan.ClusterKey(r.key()))
	if err != nil {
		return err
	}
	for i := range r.Stored.Deployed {
		seen := &r.Stored.Deployed[i]
		if seen.Daemon.Kind != plan.DaemonOSD || slices.Contains(wanted.Without, seen.Daemon.String()) {
			continue
		}
		at := slices.IndexFunc(now, func(d plan.Deployed) bool { return d.Daemon == seen.Daemon })
		if at < 0 || now[at].Running != seen.Running || now[at].Stopping != seen.Stopping || !now[at].Started.Equal(seen.Started) {
			return budgetConflict(name, seen.Daemon.String()+" does not run any more as it was seen")
		}
	}
	return nil
}
