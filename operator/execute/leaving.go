package execute

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/operator/manifest"
)

// stays fails with a conflict when the reservation of an OSD is gone, or an operation takes the OSD away: looked up live, for
// an OSD that was purged must not come back because the plan was made from an older view.
func (r *run) stays(ctx context.Context, id int32) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: r.Object.Namespace, Name: manifest.OSDName(r.Object.Name, id)}
	err := r.Live.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		return apierrors.NewConflict(corev1.Resource("secrets"), key.Name, errors.New("nothing is reserved for this OSD any more"))
	}
	if err != nil {
		return fmt.Errorf("look up the reservation of osd.%d: %w", id, err)
	}
	if operation := secret.Annotations[manifest.AnnotationLeaving]; operation != "" {
		return apierrors.NewConflict(corev1.Resource("secrets"), key.Name, fmt.Errorf("operation %s takes this OSD away", operation))
	}
	return nil
}

// reservedBefore says that an OSD was reserved before this run: what was reserved in it is as it was then.
func (r *run) reservedBefore(id int32) bool {
	_, found := r.Stored.Reservations[id]
	return found
}
