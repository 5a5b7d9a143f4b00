package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// filesystemCommand does a step that changes a filesystem of Ceph.
func filesystemCommand(ctx context.Context, session ceph.Client, target PoolTarget, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateFilesystem:
		return session.CreateFilesystem(ctx, action.Name, action.MetadataPool, action.DataPool)
	case plan.AddDataPool:
		return session.AddDataPool(ctx, action.Filesystem, action.Pool)
	case plan.SetFilesystem:
		return session.SetFilesystemOption(ctx, action.Filesystem, action.Option, action.Value)
	case plan.EnsureGroup:
		return session.CreateSubvolumeGroup(ctx, action.Group, action.DataPool)
	case plan.RemoveGroup:
		return removeGroup(ctx, session, action.Group)
	case plan.RemoveFilesystem:
		return removeFilesystem(ctx, session, target, action)
	}
	return unknownStep(action)
}

// removeGroup leaves a group that a subvolume came into: the next listing shows it.
func removeGroup(ctx context.Context, session ceph.Client, group ceph.GroupRef) error {
	err := session.RemoveSubvolumeGroup(ctx, group)
	if errors.Is(err, ceph.ErrBusy) {
		log.FromContext(ctx).Info("the group of subvolumes is not empty and stays", "group", group.String())
		return nil
	}
	return err
}

// removeFilesystem takes a filesystem away if it is still the target's and nothing came into it since the plan was made.
// Before it is stopped, after which nobody can look any more, its pool is marked: killed in between, the next pass knows.
func removeFilesystem(ctx context.Context, session ceph.Client, target PoolTarget, action plan.RemoveFilesystem) error {
	filesystems, err := session.Filesystems(ctx)
	if err != nil {
		return err
	}
	pools, err := session.Pools(ctx)
	if err != nil {
		return err
	}
	for i := range filesystems {
		if filesystems[i].Name != action.Name {
			continue
		}
		if err := mayRemove(ctx, session, target, &filesystems[i], pools); err != nil {
			return err
		}
		return takeDown(ctx, session, target, &filesystems[i], action)
	}
	return nil
}

// mayRemove refuses to take a filesystem away that is another's, or that is not known to be empty.
func mayRemove(ctx context.Context, session ceph.Client, target PoolTarget, fs *ceph.Filesystem, pools []ceph.Pool) error {
	owner := target.Kind.Owner(target.Object.GetName())
	if !slices.ContainsFunc(pools, func(p ceph.Pool) bool { return p.ID == fs.MetadataPool && plan.OwnerOf(p) == owner }) {
		return fmt.Errorf("the filesystem %s is not on the pools of %s by now", fs.Name, owner)
	}
	if refusal := plan.HeldOutside(fs, pools); refusal != nil {
		return errors.New(refusal.Message)
	}
	if plan.SeenEmpty(fs, pools) {
		return nil
	}
	content := observe.FilesystemContent(ctx, session, fs.Name)
	switch {
	case !content.Known:
		return fmt.Errorf("list what is in filesystem %s: %s", fs.Name, content.Trouble)
	case content.Volumes > 0:
		return fmt.Errorf("the filesystem %s holds %s by now", fs.Name, content.First[0])
	}
	return nil
}

func takeDown(ctx context.Context, session ceph.Client, target PoolTarget, fs *ceph.Filesystem, action plan.RemoveFilesystem) error {
	err := session.SetApplicationValue(ctx, action.MetadataPool, target.Kind.Application, plan.FilesystemEmptiedKey, plan.EmptiedMark(fs))
	if err != nil {
		return err
	}
	if err := session.FailFilesystem(ctx, fs.Name); err != nil {
		return err
	}
	return session.RemoveFilesystem(ctx, fs.Name)
}
