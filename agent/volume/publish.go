package volume

import (
	"context"
	"path/filepath"
	"slices"

	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/volume/record"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// Publish shows a staged volume at a target path.
func (s *Service) Publish(ctx context.Context, r *agentv1.PublishRequest) (*agentv1.PublishResponse, error) {
	if err := checkPaths(r.GetVolumeId(), r.GetStagingPath(), r.GetTargetPath()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetVolumeId(), "Publish", func(ctx context.Context, t *task) error {
		t.at("read the record")
		v, err := s.staged(r.GetVolumeId())
		if err == nil {
			err = publishable(v, r)
		}
		if err != nil {
			return fault.New(publishCode(err), "%w", err)
		}
		return s.publish(ctx, t, v, record.Target{
			Path: r.GetTargetPath(), ReadOnly: r.GetReadOnly() || readOnly(v),
			Pod: record.Pod{Namespace: r.GetPod().GetNamespace(), Name: r.GetPod().GetName(), UID: r.GetPod().GetUid()},
		})
	})
	if err != nil {
		return nil, err
	}
	return &agentv1.PublishResponse{}, nil
}

// publishCode makes a volume that is not staged one that has to be staged first.
func publishCode(err error) codes.Code {
	if code := fault.CodeOf(err); code != codes.NotFound {
		return code
	}
	return codes.FailedPrecondition
}

// publishable says in what a request does not fit what is staged.
func publishable(v *record.Volume, r *agentv1.PublishRequest) error {
	asked := ""
	if f := r.GetFilesystem(); f != nil {
		asked = f.GetType()
		if asked == "" {
			asked = filesystem.XFS
		}
	}
	switch {
	case v.Staging != r.GetStagingPath():
		return fault.New(codes.FailedPrecondition, "volume %s is staged at %s, not at %s", v.ID, v.Staging, r.GetStagingPath())
	case v.File() && r.GetFilesystem() == nil:
		return fault.New(codes.InvalidArgument, "volume %s is a file volume, and no block device: use volumeMode Filesystem", v.ID)
	case asked != v.Filesystem && !v.File():
		return fault.New(codes.InvalidArgument, "volume %s is staged with filesystem %q, and to be published with %q", v.ID, v.Filesystem, asked)
	}
	if i := v.Target(r.GetTargetPath()); i >= 0 && v.Targets[i].ReadOnly != (r.GetReadOnly() || readOnly(v)) {
		return fault.New(codes.AlreadyExists, "volume %s is published at %s already, with read-only %t", v.ID, r.GetTargetPath(), v.Targets[i].ReadOnly)
	}
	return onlyTarget(v, r)
}

// onlyTarget refuses another pod a volume that one pod may have.
func onlyTarget(v *record.Volume, r *agentv1.PublishRequest) error {
	other := slices.IndexFunc(v.Targets, func(t record.Target) bool { return t.Path != r.GetTargetPath() })
	if !r.GetSingleWriter() || other < 0 {
		return nil
	}
	holder := v.Targets[other]
	return fault.New(codes.FailedPrecondition, "volume %s is for one pod at a time (ReadWriteOncePod), and pod %s/%s has it at %s: delete that pod first, "+
		"or use ReadWriteOnce to share it on one node", v.ID, holder.Pod.Namespace, holder.Pod.Name, holder.Path)
}

func (s *Service) publish(ctx context.Context, t *task, v *record.Volume, target record.Target) error {
	if err := s.revive(ctx, t, v); err != nil {
		return err
	}
	if err := s.mountedStill(v); err != nil {
		return err
	}
	if i := v.Target(target.Path); i >= 0 {
		v.Targets[i] = target
	} else {
		v.Targets = append(v.Targets, target)
	}
	t.at("record the target")
	if err := s.Records.Put(v); err != nil {
		return err
	}
	t.at("look what is mounted")
	mounted, there, err := s.Filesystems.Mounted(target.Path)
	if err != nil {
		return err
	}
	if there, err = s.withoutLost(v, target.Path, mounted, there); err != nil {
		return err
	}
	if there && !ours(v, mounted) {
		return fault.New(codes.FailedPrecondition, "%s of %s is mounted at %s already: unmount it", mounted.Type, mounted.Source, target.Path)
	}
	if there {
		t.at("remount")
		return s.Filesystems.Remount(target.Path, target.ReadOnly)
	}
	source := v.Staging
	if v.Filesystem == "" {
		source = v.Device.Path
	}
	t.at("bind")
	return s.busy(ctx, v, s.Filesystems.Bind(source, target.Path, target.ReadOnly))
}

// ours says whether a mount shows the volume: its filesystem, or its device node, which lies in another.
func ours(v *record.Volume, m mountinfo.Mount) bool {
	if v.Filesystem == "" {
		return filepath.Base(m.Root) == filepath.Base(v.Device.Path)
	}
	number, known := v.Number()
	return known && m.Number == number
}

// mountedStill fails when somebody unmounted what Stage mounted.
func (s *Service) mountedStill(v *record.Volume) error {
	if v.Filesystem == "" {
		return nil
	}
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	if err == nil && (!there || !ours(v, mounted)) {
		err = fault.New(codes.FailedPrecondition, "volume %s is not mounted at %s any more: somebody unmounted it. Delete its pods, and it is mounted anew", v.ID, v.Staging)
	}
	return err
}

// Unpublish undoes Publish.
func (s *Service) Unpublish(ctx context.Context, r *agentv1.UnpublishRequest) (*agentv1.UnpublishResponse, error) {
	if err := checkPaths(r.GetVolumeId(), r.GetTargetPath()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetVolumeId(), "Unpublish", func(ctx context.Context, t *task) error {
		t.at("read the record")
		v, err := s.Records.Get(r.GetVolumeId())
		if err != nil {
			return err
		}
		t.at("unmount")
		if err := s.unmountTarget(ctx, v, r.GetTargetPath()); err != nil {
			return err
		}
		t.at("remove the target")
		if err := s.Filesystems.Remove(r.GetTargetPath()); err != nil {
			return err
		}
		if v == nil || v.Target(r.GetTargetPath()) < 0 {
			return nil
		}
		t.at("record that it is not published")
		v.Targets = slices.DeleteFunc(v.Targets, func(t record.Target) bool { return t.Path == r.GetTargetPath() })
		return s.Records.Put(v)
	})
	if err != nil {
		return nil, err
	}
	return &agentv1.UnpublishResponse{}, nil
}
