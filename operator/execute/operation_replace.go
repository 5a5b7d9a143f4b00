package execute

import (
	"cmp"
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

// dispensable asks Ceph whether anything needs OSDs, just now. Of one that is replaced, and was down when that began, Ceph cannot
// say that it is safe to destroy while data is not whole, and with as many hosts as copies it never is before the new disk is
// there. What counts then is that every PG is active without it and misses nothing: then all that it held is elsewhere.
func (r *operationRun) dispensable(ctx context.Context, session ceph.Client, now *ceph.Snapshot, osds []manifest.RecordedOSD) error {
	present, up := presentOf(now, osds)
	var dead []int
	if r.Object.Spec.Type == v1alpha1.OperationReplace && plan.NeedsDead(now) == "" {
		dead, _ = presentOf(now, slices.DeleteFunc(slices.Clone(osds), func(osd manifest.RecordedOSD) bool { return !osd.Dead }))
		dead = slices.DeleteFunc(dead, func(id int) bool { return slices.Contains(up, id) })
	}
	if err := r.deadUnneeded(ctx, session, dead); err != nil {
		return err
	}
	return safeToDestroy(ctx, session, slices.DeleteFunc(present, func(id int) bool { return slices.Contains(dead, id) }))
}

// deadUnneeded refuses when PGs are served by OSDs that are down, or may miss what is on them. What no person approved Ceph has to
// name safe besides.
func (r *operationRun) deadUnneeded(ctx context.Context, session ceph.Client, ids []int) error {
	if len(ids) == 0 {
		return nil
	}
	answer, after, err := safeAndSeen(ctx, session, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		needed := cmp.Or(plan.DeadIsNeeded(answer, id), plan.NeedsDead(after))
		if needed == "" && r.Record != nil && r.Record.ByPolicy && !slices.Contains(answer.Safe, id) {
			needed = "Ceph does not say that it is safe to destroy: " + answer.Explanation
		}
		if known := osdIn(after, int32(id)); known != nil && known.Up { //nolint:gosec // Ceph's ids are below 2^31
			needed = "it has come up"
		}
		if needed != "" {
			return unsafe(v1alpha1.ReasonWouldLoseData, "wait until its PGs are served by others: ceph pg ls-by-osd "+fmt.Sprint(id),
				"osd.%d was down and may be needed: %s", id, needed)
		}
	}
	return nil
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
