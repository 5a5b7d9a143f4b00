package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// neverRan refuses OSDs that Ceph has seen up, just now: they may hold data.
func (r *operationRun) neverRan(ctx context.Context, osds []manifest.RecordedOSD) (ceph.Client, *ceph.Snapshot, error) {
	session, err := r.Ceph()
	if err != nil {
		return nil, nil, err
	}
	now, err := session.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, osd := range osds {
		if !plan.NeverRan(osdIn(now, osd.ID), osd.UUID) {
			return nil, nil, unsafe(v1alpha1.ReasonWouldLoseData, "see what it is: ceph osd find "+fmt.Sprint(osd.ID),
				"osd.%d has run, or is another: it may hold data, and is not let go", osd.ID)
		}
	}
	return session, now, nil
}

// leaveUnborn stops OSDs that never ran. First their reservations say that they leave: from then on nobody runs them again.
func (r *operationRun) leaveUnborn(ctx context.Context, osds []manifest.RecordedOSD) error {
	if _, _, err := r.neverRan(ctx, osds); err != nil {
		return err
	}
	return r.leaveMarked(ctx, osds)
}

// dropUnborn takes OSDs that never ran out of Ceph, once they are stopped, and then away what is reserved for them.
func (r *operationRun) dropUnborn(ctx context.Context, action plan.DropUnborn) error {
	for _, osd := range action.OSDs {
		if err := r.stopped(ctx, osd); err != nil {
			return err
		}
	}
	session, now, err := r.neverRan(ctx, action.OSDs)
	if err != nil {
		return err
	}
	take := session.DestroyOSD
	if action.Purge {
		take = session.PurgeOSD
	}
	for _, osd := range action.OSDs {
		known := osdIn(now, osd.ID)
		if known == nil || !strings.EqualFold(known.UUID, osd.UUID) {
			continue
		}
		if err := take(ctx, known.ID); err != nil && !errors.Is(err, ceph.ErrNotFound) {
			return err
		}
	}
	for _, osd := range action.OSDs {
		if err := r.releaseOSD(ctx, osd); err != nil {
			return err
		}
	}
	return nil
}
