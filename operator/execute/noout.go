package execute

import (
	"context"
	"errors"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// setNoout records a noout and then sets it. Killed in between, the record says that what is there is ours, and since when.
func (r *run) setNoout(ctx context.Context, session ceph.Client, action plan.SetNoout) error {
	applied, _, err := r.applied(ctx)
	if err != nil {
		return err
	}
	recorded := nooutIn(applied, action.Host)
	if recorded != nil && recorded.Ended {
		return nooutConflict(action.Host, "it has ended, and the node is still cordoned")
	}
	if recorded == nil {
		if err := r.recordNoout(ctx, session, action); err != nil {
			return err
		}
	}
	return session.SetGroupFlag(ctx, plan.FlagNoout, action.Host)
}

// recordNoout looks once more whether somebody else has set one since the plan was made: that is theirs.
func (r *run) recordNoout(ctx context.Context, session ceph.Client, action plan.SetNoout) error {
	now, err := session.Snapshot(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(now.OSDMap.BucketFlags[action.Host], plan.FlagNoout) {
		return nooutConflict(action.Host, "somebody else has set it")
	}
	return r.changeNoouts(ctx, action.Host, &manifest.Noout{Host: action.Host, Since: action.At})
}

// endNoout takes off what was recorded, and only that, and then changes the record. Killed in between, it is taken off
// once more, which changes nothing.
func (r *run) endNoout(ctx context.Context, session ceph.Client, action plan.EndNoout) error {
	applied, _, err := r.applied(ctx)
	if err != nil {
		return err
	}
	recorded := nooutIn(applied, action.Host)
	if recorded == nil {
		return nil
	}
	if !recorded.Ended {
		// A host that is not in CRUSH any more has no flags.
		if err := session.UnsetGroupFlag(ctx, plan.FlagNoout, action.Host); err != nil && !errors.Is(err, ceph.ErrNotFound) {
			return err
		}
	}
	if action.Forget {
		return r.changeNoouts(ctx, action.Host, nil)
	}
	return r.changeNoouts(ctx, action.Host, &manifest.Noout{Host: action.Host, Since: recorded.Since, Ended: true})
}

// changeNoouts puts a record in the place of a host's; nil: there is none any more.
func (r *run) changeNoouts(ctx context.Context, host string, noout *manifest.Noout) error {
	return r.record(ctx, func(applied *manifest.Applied) {
		applied.Noouts = slices.DeleteFunc(applied.Noouts, func(n manifest.Noout) bool { return n.Host == host })
		if noout != nil {
			applied.Noouts = append(applied.Noouts, *noout)
		}
		slices.SortFunc(applied.Noouts, func(a, b manifest.Noout) int { return strings.Compare(a.Host, b.Host) })
	})
}

func nooutIn(applied manifest.Applied, host string) *manifest.Noout {
	at := slices.IndexFunc(applied.Noouts, func(n manifest.Noout) bool { return n.Host == host })
	if at < 0 {
		return nil
	}
	return &applied.Noouts[at]
}

func nooutConflict(host, text string) error {
	return apierrors.NewConflict(corev1.Resource("nodes"), host, errors.New("noout: "+text))
}
