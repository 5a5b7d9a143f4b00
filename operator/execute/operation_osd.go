package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// leave stops OSDs that nothing needs. First their reservations say that they leave: from then on nobody runs them again.
func (r *operationRun) leave(ctx context.Context, osds []manifest.RecordedOSD) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	now, err := session.Snapshot(ctx)
	if err != nil {
		return err
	}
	_, up := presentOf(now, osds)
	if err := r.dispensable(ctx, session, now, osds); err != nil {
		return err
	}
	if err := mayBeStopped(ctx, session, up); err != nil {
		return err
	}
	return r.leaveMarked(ctx, osds)
}

// leaveMarked marks reservations as leaving, and takes the Deployments away.
func (r *operationRun) leaveMarked(ctx context.Context, osds []manifest.RecordedOSD) error {
	if err := r.mark(ctx, osds, r.Object.Name); err != nil {
		return err
	}
	for _, osd := range osds {
		if err := r.Delete(ctx, deploymentOf(r.Cluster, osd.ID)); err != nil {
			return err
		}
	}
	return nil
}

// presentOf lists those of the OSDs that Ceph has by their uuids, and of them those that are up.
func presentOf(now *ceph.Snapshot, osds []manifest.RecordedOSD) (present, up []int) {
	for _, osd := range osds {
		known := osdIn(now, osd.ID)
		if known == nil || !strings.EqualFold(known.UUID, osd.UUID) {
			continue
		}
		present = append(present, known.ID)
		if known.Up {
			up = append(up, known.ID)
		}
	}
	return present, up
}

func osdIn(now *ceph.Snapshot, id int32) *ceph.OSD {
	at := slices.IndexFunc(now.OSDs, func(osd ceph.OSD) bool { return osd.ID == int(id) })
	if at < 0 {
		return nil
	}
	return &now.OSDs[at]
}

func deploymentOf(cluster client.ObjectKey, id int32) *appsv1.Deployment {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: manifest.OSDName(cluster.Name, id)}}
	deployment.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return deployment
}

// SafeToDestroy asks Ceph whether anything needs OSDs, and then how the PGs are. The second counts as much as the first: an OSD
// that is out is called safe to destroy as soon as no PG is mapped to it, also while those that have left it recover (seen with
// Ceph 16.2, 18.2 and 20.2). What they lack may be whole on that OSD alone. Both are asked of the mgr, for the mons' own answer is
// some seconds older: it may still call the PGs clean that have just left the OSD.
func SafeToDestroy(ctx context.Context, session ceph.Client, ids []int) (answer ceph.SafeToDestroy, after ceph.PGSummary, err error) {
	if answer, err = namedSafe(ctx, session, ids); err != nil {
		return answer, after, err
	}
	after.ByState, err = statesOfPGs(ctx, session)
	return answer, after, err
}

// safeAndSeen is SafeToDestroy for what goes by the OSDs as well.
func safeAndSeen(ctx context.Context, session ceph.Client, ids []int) (answer ceph.SafeToDestroy, after *ceph.Snapshot, err error) {
	if answer, err = namedSafe(ctx, session, ids); err != nil {
		return answer, nil, err
	}
	if after, err = session.Snapshot(ctx); err != nil {
		return answer, nil, err
	}
	// Last, so that no OSD is seen later than the PGs that may need it.
	after.PGs.ByState, err = statesOfPGs(ctx, session)
	return answer, after, err
}

func namedSafe(ctx context.Context, session ceph.Client, ids []int) (ceph.SafeToDestroy, error) {
	answer, err := session.OSDSafeToDestroy(ctx, ids...)
	if err != nil {
		return answer, fmt.Errorf("ask whether OSDs are safe to destroy: %w", err)
	}
	return answer, nil
}

// statesOfPGs is to be asked after namedSafe, since each PG's state is reported together with the OSDs that it is mapped to.
func statesOfPGs(ctx context.Context, session ceph.Client) ([]ceph.PGStateCount, error) {
	states, err := session.PGStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the states of PGs: %w", err)
	}
	return states, nil
}

// safeToDestroy refuses to destroy OSDs that something needs, just now.
func safeToDestroy(ctx context.Context, session ceph.Client, ids []int) error {
	if len(ids) == 0 {
		return nil
	}
	answer, after, err := SafeToDestroy(ctx, session, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(answer.Safe, id) {
			return unsafe(v1alpha1.ReasonWouldLoseData, "wait until the data has moved: ceph osd safe-to-destroy "+fmt.Sprint(id),
				"Ceph does not say that osd.%d is safe to destroy: %s", id, answer.Explanation)
		}
	}
	if unclean := plan.UncleanPGs(after); unclean != "" {
		return unsafe(v1alpha1.ReasonWouldLoseData, "wait until all PGs are active+clean: ceph pg stat",
			"PGs may lack what is only on the OSDs that are to go: %s", unclean)
	}
	return nil
}

func mayBeStopped(ctx context.Context, session ceph.Client, ids []int) error {
	if len(ids) == 0 {
		return nil
	}
	answer, err := session.OSDOKToStop(ctx, ids...)
	if err != nil {
		return fmt.Errorf("ask whether OSDs may stop: %w", err)
	}
	if !answer.OK {
		return unsafe(v1alpha1.ReasonWouldBlockIO, "wait until all PGs are active+clean: ceph pg stat", "osd ok-to-stop: %s", answer.Explanation)
	}
	return nil
}

// mark writes into the reservations of OSDs which operation takes them away; empty: none does any more.
func (r *operationRun) mark(ctx context.Context, osds []manifest.RecordedOSD, operation string) error {
	return notes{r.Client, r.Live}.write(ctx, r.Cluster, osds, manifest.AnnotationLeaving, operation)
}

// reserved reads the reservation of an OSD, live; nil: it is gone, or of another OSD of that number.
func (r *operationRun) reserved(ctx context.Context, osd manifest.RecordedOSD) (*corev1.Secret, error) {
	return reserved(ctx, r.Live, r.Cluster, osd)
}

// purge takes OSDs out of Ceph for good, and then away what is reserved for them. Killed in between, Ceph does not know such an
// OSD any more, and its reservation is marked: it cannot be made known again, and goes with the next pass.
func (r *operationRun) purge(ctx context.Context, osds []manifest.RecordedOSD) error {
	return r.away(ctx, osds, ceph.Client.PurgeOSD)
}

// away takes OSDs out of Ceph in one way or another.
func (r *operationRun) away(ctx context.Context, osds []manifest.RecordedOSD, take func(ceph.Client, context.Context, int) error) error {
	for _, osd := range osds {
		if err := r.stopped(ctx, osd); err != nil {
			return err
		}
	}
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	now, err := session.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := r.purgeable(now, osds); err != nil {
		return err
	}
	present, _ := presentOf(now, osds)
	if err := r.dispensable(ctx, session, now, osds); err != nil {
		return err
	}
	for _, id := range present {
		if err := take(session, ctx, id); err != nil {
			return err
		}
	}
	for _, osd := range osds {
		if err := r.releaseOSD(ctx, osd); err != nil {
			return err
		}
	}
	return nil
}

// purgeable refuses an OSD that is up, or has the number of another one.
func (r *operationRun) purgeable(now *ceph.Snapshot, osds []manifest.RecordedOSD) error {
	for _, osd := range osds {
		known := osdIn(now, osd.ID)
		switch {
		case known == nil, plan.Destroyed(known):
		case !strings.EqualFold(known.UUID, osd.UUID):
			return unsafe(v1alpha1.ReasonDeviceChanged, "see whose OSD it is: ceph osd find "+fmt.Sprint(osd.ID),
				"Ceph's osd.%d has the uuid %s, and not %s: it is not purged", osd.ID, known.UUID, osd.UUID)
		case known.Up:
			return conflict(r.Object, fmt.Sprintf("osd.%d is up", osd.ID))
		}
	}
	return nil
}

// stopped looks up that an OSD has no Deployment, and that its reservation says that it leaves.
func (r *operationRun) stopped(ctx context.Context, osd manifest.RecordedOSD) error {
	deployment := deploymentOf(r.Cluster, osd.ID)
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(deployment), deployment); err == nil {
		return conflict(r.Object, fmt.Sprintf("osd.%d has a Deployment", osd.ID))
	} else if !apierrors.IsNotFound(err) {
		return fmt.Errorf("look up the Deployment of osd.%d: %w", osd.ID, err)
	}
	secret, err := r.reserved(ctx, osd)
	if err == nil && secret != nil && secret.Annotations[manifest.AnnotationLeaving] == "" {
		return conflict(r.Object, fmt.Sprintf("osd.%d is not marked as leaving", osd.ID))
	}
	return err
}

// releaseOSD takes the OSD out of the list of those whose keys the first mons were made with, so that another one of its number
// is made known to Ceph, and then its reservation away.
func (r *operationRun) releaseOSD(ctx context.Context, osd manifest.RecordedOSD) error {
	secret, err := r.reserved(ctx, osd)
	if err != nil || secret == nil {
		return err
	}
	if err := r.forgetSeeded(ctx, osd.ID); err != nil {
		return err
	}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := release(ctx, r.Client, "Secret", secret, manifest.FinalizerIdentity); err != nil {
		return err
	}
	return r.Delete(ctx, secret)
}

func (r *operationRun) forgetSeeded(ctx context.Context, id int32) error {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: r.Cluster.Namespace, Name: manifest.SeedName(r.Cluster.Name)}, secret)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	var seed plan.Seed
	if err := json.Unmarshal([]byte(secret.Annotations[observe.AnnotationSeed]), &seed); err != nil {
		return fmt.Errorf("read the seed: %w", err)
	}
	left := slices.DeleteFunc(slices.Clone(seed.OSDs), func(other int32) bool { return other == id })
	if len(left) == len(seed.OSDs) {
		return nil
	}
	seed.OSDs = left
	text, err := json.Marshal(seed)
	if err != nil {
		return errors.Join(errors.New("encode the seed"), err)
	}
	before := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metaSet(secret, observe.AnnotationSeed, string(text))
	return r.Client.Patch(ctx, secret, before, client.FieldOwner(v1alpha1.FieldOwnerOperator))
}
