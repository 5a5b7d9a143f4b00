package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// tidyTimeout bounds what is done although nobody waits any more: to learn what was created, and to delete it.
const tidyTimeout = 10 * time.Second

var errNoPlan = errors.New("the operator made no plan")

// newToken tells the operation of one question from those of all others.
func newToken() string { return rand.Text() }

// askOperator creates an operation that is held, waits for its plan, and deletes it again, however the waiting ends. With a
// plan an error says that the operation is still there.
func (a *App) askOperator(
	ctx context.Context, k *Kubernetes, question *v1alpha1.StorageOperation, patience time.Duration,
) (planned *v1alpha1.StorageOperation, err error) {
	if err := mayTakeBack(ctx, k, question.Namespace); err != nil {
		return nil, err
	}
	defer func() {
		if left := takeBack(ctx, k, question); left != nil {
			fmt.Fprintf(a.Err, "warning: %v\nhint: %s\n", left, hintOf(left))
			err = errors.Join(err, errLeftOver)
		}
	}()
	if err := create(ctx, k, question); err != nil {
		return nil, err
	}
	return waitForPlan(ctx, k, question, patience)
}

var errLeftOver = errors.New("the operation that asked for the plan is still there")

// mayTakeBack refuses a question whose operation the user could not delete again.
func mayTakeBack(ctx context.Context, k *Kubernetes, namespace string) error {
	allowed, err := k.May(ctx, "delete", namespace)
	if err != nil {
		return err
	}
	if !allowed {
		return hinted(fmt.Sprintf("ask for it: kubectl auth can-i delete storageoperations.%s -n %s", v1alpha1.Group, namespace),
			"you may not delete StorageOperations in namespace %s, and to ask what if is to create one and delete it again", namespace)
	}
	return nil
}

// create sends the question. It waits for the reply even if the user does not any more: the name is in it.
func create(ctx context.Context, k *Kubernetes, question *v1alpha1.StorageOperation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	err := k.Create(sending, question)
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return hinted(fmt.Sprintf("ask for it: kubectl auth can-i create storageoperations.%s -n %s", v1alpha1.Group, question.Namespace),
			"you may not ask what if: %w", err)
	}
	return fmt.Errorf("create a StorageOperation that asks what if: %w", err)
}

// waitForPlan watches the operation until the operator has written the plan for it.
func waitForPlan(
	ctx context.Context, k *Kubernetes, question *v1alpha1.StorageOperation, patience time.Duration,
) (*v1alpha1.StorageOperation, error) {
	silent := hinted("is the operator running? kubectl get pods -A -l app.kubernetes.io/component=operator; or wait longer with --timeout",
		"%w within %s", errNoPlan, patience)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, silent)
	defer cancel()
	mine := operations(question.Namespace)
	mine.options = append(mine.options, client.MatchingLabels(question.Labels))
	for ctx.Err() == nil {
		changes, stop, err := watchAll(ctx, k, []part{mine})
		if err != nil {
			return nil, orCause(ctx, err)
		}
		planned, err := firstPlan(ctx, k, question, changes)
		stop()
		if planned != nil || err != nil {
			return planned, orCause(ctx, err)
		}
	}
	return nil, context.Cause(ctx)
}

// orCause says why a context ended in place of the error that came of it.
func orCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// firstPlan reads the operation at each change; nil without an error: the watch has ended before.
func firstPlan(
	ctx context.Context, k *Kubernetes, question *v1alpha1.StorageOperation, changes <-chan struct{},
) (*v1alpha1.StorageOperation, error) {
	for open := true; open; open = next(ctx, changes) {
		var now v1alpha1.StorageOperation
		if err := k.Get(ctx, client.ObjectKeyFromObject(question), &now); err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		if now.Status.Plan != nil && now.Status.ObservedGeneration >= question.Generation {
			return &now, nil
		}
	}
	return nil, nil
}

// takeBack deletes the operation of a question, also one of which the reply was lost.
func takeBack(ctx context.Context, k *Kubernetes, question *v1alpha1.StorageOperation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	made := []v1alpha1.StorageOperation{*question}
	if question.Name == "" {
		var list v1alpha1.StorageOperationList
		err := k.List(ctx, &list, client.InNamespace(question.Namespace), client.MatchingLabels(question.Labels))
		if err != nil {
			return nil // whoever may not list learns from the error of create; what is left over says what it is
		}
		made = list.Items
	}
	for i := range made {
		err := k.Delete(ctx, &made[i], client.Preconditions{UID: &made[i].UID})
		if client.IgnoreNotFound(err) != nil {
			return hinted(fmt.Sprintf("delete it: kubectl delete storageoperations.%s -n %s %s", v1alpha1.Group, made[i].Namespace, made[i].Name),
				"StorageOperation %s/%s only asked what if, and cannot be deleted: %w", made[i].Namespace, made[i].Name, err)
		}
	}
	return nil
}
