package execute

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// ensureFinalizer keeps an object until it is released.
func ensureFinalizer(ctx context.Context, c client.Client, kind string, object client.Object, finalizer string) error {
	if controllerutil.ContainsFinalizer(object, finalizer) {
		return nil // known without a copy: each pass asks
	}
	return changeFinalizer(ctx, c, kind, object, finalizer, controllerutil.AddFinalizer)
}

// release lets an object go.
func release(ctx context.Context, c client.Client, kind string, object client.Object, finalizer string) error {
	return client.IgnoreNotFound(changeFinalizer(ctx, c, kind, object, finalizer, controllerutil.RemoveFinalizer))
}

// changeFinalizer is refused (a conflict) when the object has changed since it was read.
func changeFinalizer(
	ctx context.Context, c client.Client, kind string, object client.Object, finalizer string, change func(client.Object, string) bool,
) error {
	changed, ok := object.DeepCopyObject().(client.Object)
	if !ok || !change(changed, finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(object, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, changed, patch, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
		return fmt.Errorf("change finalizers of %s %s: %w", kind, client.ObjectKeyFromObject(object), err)
	}
	return nil
}
