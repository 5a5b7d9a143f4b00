package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// destroy takes OSDs out of Ceph but for their ids, and then away what is reserved for them. Killed in between, Ceph has no OSD
// of that uuid any more, and the reservation is marked: nobody makes it known again, and it goes with the next pass. The ids are
// given to others only when all of this is recorded.
func (r *operationRun) destroy(ctx context.Context, osds []manifest.RecordedOSD) error {
	return r.away(ctx, osds, func(session ceph.Client, ctx context.Context, id int) error {
		if err := session.DestroyOSD(ctx, id); !errors.Is(err, ceph.ErrNotFound) {
			return err
		}
		return nil // somebody purged it: the id is free all the same
	})
}

// dispensable asks Ceph whether anything needs OSDs, just now. Of one that is down and replaced Ceph cannot say that it is safe
// to destroy while data is not whole, and with as many hosts as copies it never is before the new disk is there. What counts
// then is that every PG is active without it and misses nothing: then all that it held is elsewhere.
func (r *operationRun) dispensable(ctx context.Context, session ceph.Client, now *ceph.Snapshot, ids []int) error {
	if r.Object.Spec.Type != v1alpha1.OperationReplace || len(ids) == 0 {
		return safeToDestroy(ctx, session, ids)
	}
	down := slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return osdIn(now, int32(id)).Up }) //nolint:gosec // Ceph's ids are below 2^31
	if plan.NeedsDead(now) != "" || len(down) == 0 {
		return safeToDestroy(ctx, session, ids)
	}
	answer, err := session.OSDSafeToDestroy(ctx, down...)
	if err != nil {
		return fmt.Errorf("ask whether OSDs are safe to destroy: %w", err)
	}
	for _, id := range down {
		if text := plan.DeadIsNeeded(answer, id); text != "" {
			return unsafe(v1alpha1.ReasonWouldLoseData, "wait until its PGs are served by others: ceph pg ls-by-osd "+fmt.Sprint(id),
				"osd.%d is down and still in use: %s", id, text)
		}
	}
	return safeToDestroy(ctx, session, slices.DeleteFunc(slices.Clone(ids), func(id int) bool { return slices.Contains(down, id) }))
}

// purgeDestroyed takes ids away that nothing took the place of.
func (r *operationRun) purgeDestroyed(ctx context.Context, ids []int32) error {
	session, err := r.Ceph()
	if err != nil {
		return err
	}
	now, err := session.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if known := osdIn(now, id); known != nil && plan.Destroyed(known) {
			if err := session.PurgeOSD(ctx, known.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
