package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// poolCommand does a step that changes Ceph for the target.
func poolCommand(ctx context.Context, session ceph.Client, target PoolTarget, action plan.Action) error {
	switch action := action.(type) {
	case plan.EnsurePoolRule:
		return ensurePoolRule(ctx, session, action)
	case plan.CreateCephPool:
		return session.CreatePool(ctx, action.Spec)
	case plan.ClaimCephPool:
		return claimPool(ctx, session, target.Kind.Application, action)
	case plan.InitCephPool:
		return session.InitImagePool(ctx, action.Pool)
	case plan.RemovePoolRule:
		return removePoolRule(ctx, session, action)
	case plan.DeleteCephPool:
		return deleteCephPool(ctx, session, target, action)
	case plan.RecordCephPool:
		return session.SetApplicationValue(ctx, action.Pool, target.Kind.Application, plan.PoolSettingsKey, action.Settings)
	default:
		return setCephPool(ctx, session, target, action)
	}
}

func setCephPool(ctx context.Context, session ceph.Client, target PoolTarget, action plan.Action) error {
	switch action := action.(type) {
	case plan.SetCephPool:
		return session.SetPoolOption(ctx, action.Pool, action.Option, action.Value)
	case plan.SingleCopy:
		return session.KeepSingleCopy(ctx, action.Pool)
	case plan.SetCephPoolQuota:
		return session.SetPoolQuota(ctx, action.Pool, action.Quota)
	}
	return filesystemCommand(ctx, session, target, action)
}

func ensurePoolRule(ctx context.Context, session ceph.Client, action plan.EnsurePoolRule) error {
	if action.Profile == nil {
		return session.CreateReplicatedRule(ctx, action.Rule)
	}
	if err := session.SetErasureProfile(ctx, *action.Profile); err != nil {
		return err
	}
	return session.CreateErasureRule(ctx, action.Rule.Name, action.Profile.Name)
}

func claimPool(ctx context.Context, session ceph.Client, application string, action plan.ClaimCephPool) error {
	if err := session.EnableApplication(ctx, action.Pool, application); err != nil {
		return err
	}
	return session.SetApplicationValue(ctx, action.Pool, application, plan.PoolOwnerKey, action.Owner)
}

// removePoolRule takes the profile away first: without its rule nobody would know its name. One that a pool was made
// with stays with it.
func removePoolRule(ctx context.Context, session ceph.Client, action plan.RemovePoolRule) error {
	if action.Profile {
		if err := session.RemoveErasureProfile(ctx, action.Rule); err != nil && !errors.Is(err, ceph.ErrBusy) {
			return err
		}
	}
	return session.RemoveRule(ctx, action.Rule)
}

// deleteCephPool deletes a pool if it is still the target's, and no image came into it since the plan was made.
func deleteCephPool(ctx context.Context, session ceph.Client, target PoolTarget, action plan.DeleteCephPool) error {
	pools, err := session.Pools(ctx)
	if err != nil {
		return err
	}
	for _, pool := range pools {
		if pool.Name != action.Pool {
			continue
		}
		if err := stillOwned(pool, target); err != nil {
			return err
		}
		if action.Images {
			if err := seenEmpty(ctx, session, action.Pool); err != nil {
				return err
			}
		}
		return session.DeletePool(ctx, action.Pool)
	}
	return nil
}

// stillOwned refuses what another object has by now.
func stillOwned(pool ceph.Pool, target PoolTarget) error {
	owner := target.Kind.Owner(target.Object.GetName())
	if is := plan.OwnerOf(pool); is != "" && is != owner {
		return fmt.Errorf("the pool %s belongs to %s by now", pool.Name, is)
	}
	return nil
}

func seenEmpty(ctx context.Context, session ceph.Client, pool string) error {
	content := observe.PoolContent(ctx, session, pool)
	switch {
	case !content.Known:
		return fmt.Errorf("list what is in pool %s: %s", pool, content.Trouble)
	case content.Volumes+content.Snapshots > 0:
		return fmt.Errorf("the pool %s holds %s by now", pool, content.First[0])
	}
	return nil
}
