package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
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

// notes writes what operations are about OSDs into their reservations.
type notes struct {
	client client.Client
	live   client.Reader
}

// write notes in the reservations of OSDs which operation it is that an annotation is about; empty: none any more. A reservation that
// is of another OSD by now is left alone.
func (n notes) write(ctx context.Context, cluster client.ObjectKey, osds []manifest.RecordedOSD, annotation, operation string) error {
	for _, osd := range osds {
		secret, err := reserved(ctx, n.live, cluster, osd)
		if err != nil {
			return err
		}
		if secret == nil || secret.Annotations[annotation] == operation {
			continue
		}
		before := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
		metaSet(secret, annotation, operation)
		if operation == "" {
			delete(secret.Annotations, annotation)
		}
		if err := n.client.Patch(ctx, secret, before, client.FieldOwner(v1alpha1.FieldOwnerOperator)); err != nil {
			return fmt.Errorf("mark the reservation of osd.%d: %w", osd.ID, err)
		}
	}
	return nil
}

// reserved reads the reservation of an OSD, live; nil: it is gone, or of another OSD of that number.
func reserved(ctx context.Context, live client.Reader, cluster client.ObjectKey, osd manifest.RecordedOSD) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: manifest.OSDName(cluster.Name, osd.ID)}
	if err := live.Get(ctx, key, secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	reservation, err := manifest.ReservationOf(secret)
	if err != nil || !strings.EqualFold(reservation.UUID, osd.UUID) {
		return nil, err
	}
	return secret, nil
}

// reservedBefore says that an OSD was reserved before this run: what was reserved in it is as it was then.
func (r *run) reservedBefore(id int32) bool {
	_, found := r.Stored.Reservations[id]
	return found
}
