package volume

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/agent/volume/record"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// wantedFiles completes the record of what a request for a file volume asks for.
func wantedFiles(r *agentv1.StageRequest, v *record.Volume) (*record.Volume, error) {
	switch kind := r.GetFilesystem().GetType(); {
	case r.GetImage() != nil || r.GetMapper() != agentv1.Mapper_MAPPER_UNSPECIFIED:
		return nil, fault.New(codes.InvalidArgument, "a volume is an image or a subvolume, and a subvolume is mapped by no mapper")
	case r.GetFilesystem() == nil:
		return nil, fault.New(codes.InvalidArgument, "a file volume is no block device: use volumeMode Filesystem, or a block volume")
	case kind != "":
		return nil, fault.New(codes.InvalidArgument, "a file volume has no filesystem of type %q: leave out csi.storage.k8s.io/fstype of the StorageClass", kind)
	}
	v.Subvolume = &mounter.Subvolume{Filesystem: r.GetSubvolume().GetFilesystem(), Path: r.GetSubvolume().GetPath()}
	v.Mounter, v.Filesystem, v.MountFlags = r.GetMounter(), filesystem.CephFS, r.GetFilesystem().GetMountFlags()
	return v, checkWanted(v)
}

// chooseMounter picks the mounter of a new mount. One that is asked for is not replaced by another.
func (s *Service) chooseMounter(ctx context.Context, kind agentv1.Mounter) (mounter.Mounter, error) {
	m, found, why := pick(s.Mounters, kind, mounterName, func(m mounter.Mounter) (bool, string) {
		support := m.Support(ctx)
		return support.Offered, support.Reason
	})
	if !found {
		return nil, s.notOffered("mounter", mounterName(kind), why)
	}
	return m, nil
}

// mounterName is a mounter as a StorageClass has it.
func mounterName(kind agentv1.Mounter) string {
	switch kind {
	case agentv1.Mounter_MOUNTER_KERNEL:
		return "Kernel"
	case agentv1.Mounter_MOUNTER_FUSE:
		return "FUSE"
	}
	return auto
}

// mounterOf is the mounter that a volume was mounted by.
func (s *Service) mounterOf(v *record.Volume) (mounter.Mounter, error) {
	if m, found := ofKind(s.Mounters, v.Mounter); found {
		return m, nil
	}
	return nil, fault.New(codes.Internal, "the volume was mounted by %s, which this agent does not have", mounterName(v.Mounter))
}

// files is a volume in the words of mounters. Without the key, all but mounting still works.
func (s *Service) files(v *record.Volume) mounter.Volume {
	return mounter.Volume{
		ID: v.ID, Connection: s.connection(v), Subvolume: *v.Subvolume, ReadOnly: readOnly(v) || ofSnapshot(v), Options: v.MountFlags,
	}
}

func ofSnapshot(v *record.Volume) bool {
	_, snapshot := v.Subvolume.Snapshot()
	return snapshot != ""
}

func mountOf(v *record.Volume) mounter.Mount {
	if v.Mount == nil {
		return mounter.Mount{}
	}
	return *v.Mount
}

// completeFiles does all that is left to do for a file volume.
func (s *Service) completeFiles(ctx context.Context, t *task, v *record.Volume) error {
	m, err := s.mounterOf(v)
	if err != nil {
		return err
	}
	if err := s.revive(ctx, t, v); err != nil {
		return err
	}
	if err := s.mountFiles(ctx, t, v, m); err != nil {
		return err
	}
	t.at("record that it is staged")
	v.Staged = true
	return s.Records.Put(v)
}

// mountFiles mounts the subvolume at the staging path, unless it is, and records what was mounted.
func (s *Service) mountFiles(ctx context.Context, t *task, v *record.Volume, m mounter.Mounter) error {
	t.at("look what is mounted")
	if there, err := s.mountedWell(ctx, v, m); there || err != nil {
		return errors.Join(err, s.showSnapshot(t, v))
	}
	t.at("mount the subvolume")
	mount, err := m.Mount(ctx, s.files(v), v.Staging)
	if err != nil {
		return err
	}
	t.at("record the mount")
	v.Mount = &mount
	if err := s.Records.Put(v); err != nil {
		return err
	}
	return s.showSnapshot(t, v)
}

// mountedWell says whether the mount that is recorded is there and served.
func (s *Service) mountedWell(ctx context.Context, v *record.Volume, m mounter.Mounter) (bool, error) {
	if v.Mount == nil || m.Health(ctx, s.files(v), *v.Mount) != (mounter.Health{}) {
		return false, nil
	}
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	return there && ours(v, mounted), err
}

// showSnapshot binds a snapshot over the subvolume that it is of: Ceph mounts no snapshot by itself.
func (s *Service) showSnapshot(t *task, v *record.Volume) error {
	_, snapshot := v.Subvolume.Snapshot()
	if snapshot == "" {
		return nil
	}
	t.at("look whether the snapshot is bound")
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	if err != nil || there && strings.HasSuffix(mounted.Root, "/"+snapshot) {
		return err
	}
	t.at("bind the snapshot")
	return s.Filesystems.Bind(filepath.Join(v.Staging, snapshot), v.Staging, true)
}

// tearDownFiles removes mount, process and record, in this order.
func (s *Service) tearDownFiles(ctx context.Context, t *task, v *record.Volume) error {
	t.at("look for pods that use it")
	if err := s.unused(v); err != nil {
		return err
	}
	t.at("record that it is not staged")
	v.Staged, v.Targets = false, nil
	if err := s.Records.Put(v); err != nil {
		return err
	}
	m, err := s.mounterOf(v)
	if err != nil {
		return err
	}
	t.at("unmount the subvolume")
	if err := m.Unmount(ctx, s.files(v), v.Staging, mountOf(v)); err != nil {
		return s.busy(ctx, v, err)
	}
	t.at("remove the record")
	s.board.forget(v.ID)
	return s.Records.Delete(v.ID)
}

// revive mounts a file volume again whose process died, and shows it where pods are to see it. Containers that were running
// keep the mount that is lost: the kernel lets nobody mend it. Others see the new one.
func (s *Service) revive(ctx context.Context, t *task, v *record.Volume) error {
	if !v.File() || v.Mount == nil {
		return nil
	}
	m, err := s.mounterOf(v)
	if err != nil {
		return err
	}
	if m.Health(ctx, s.files(v), *v.Mount).Died {
		t.at("record that the mount is lost")
		lose(v)
		if err := s.Records.Put(v); err != nil {
			return err
		}
		if err := s.mountFiles(ctx, t, v, m); err != nil {
			return err
		}
	}
	return s.bindAnew(t, v)
}

// lose notes that what pods have mounted is lost.
func lose(v *record.Volume) {
	if !slices.Contains(v.Lost, v.Mount.Number) {
		v.Lost = append(v.Lost, v.Mount.Number)
	}
	for i := range v.Targets {
		v.Targets[i].Lost = true
	}
}

// bindAnew replaces the lost mounts at the target paths of pods: a container that kubelet starts from now on has the new one.
func (s *Service) bindAnew(t *task, v *record.Volume) error {
	for _, target := range v.Targets {
		mounted, there, err := s.Filesystems.Mounted(target.Path)
		if err != nil {
			return err
		}
		if !target.Lost || there && !slices.Contains(v.Lost, mounted.Number) || there && ours(v, mounted) {
			continue
		}
		t.at("unmount what is lost at " + target.Path)
		if err := s.Filesystems.Detach(target.Path); err != nil {
			return err
		}
		t.at("bind anew at " + target.Path)
		if err := s.Filesystems.Bind(v.Staging, target.Path, target.ReadOnly); err != nil {
			return err
		}
	}
	return nil
}

// withoutLost removes from a target path what is lost, and says whether anything is mounted there then.
func (s *Service) withoutLost(v *record.Volume, target string, mounted mountinfo.Mount, there bool) (bool, error) {
	if !there || ours(v, mounted) || !slices.Contains(v.Lost, mounted.Number) {
		return there, nil
	}
	return false, s.Filesystems.Detach(target)
}

// unmountTarget unmounts what a pod had. Nothing is written through a mount that is lost any more, whoever has a file of it open.
func (s *Service) unmountTarget(ctx context.Context, v *record.Volume, target string) error {
	err := s.Filesystems.Unmount(target)
	if errors.Is(err, errBusy) && v != nil && v.File() && s.lost(ctx, v, target) {
		return s.Filesystems.Detach(target)
	}
	return s.busy(ctx, v, err)
}

func (s *Service) lost(ctx context.Context, v *record.Volume, target string) bool {
	mounted, there, err := s.Filesystems.Mounted(target)
	if err != nil || !there || v.Mount == nil {
		return false
	}
	m, err := s.mounterOf(v)
	died := err == nil && ours(v, mounted) && m.Health(ctx, s.files(v), *v.Mount).Died
	return died || slices.Contains(v.Lost, mounted.Number)
}

// mend mounts a volume again whose process died, and forgets lost mounts that nobody has any more. What stands in the way is
// told by its health.
func (s *Service) mend(ctx context.Context, v *record.Volume) {
	m, err := s.mounterOf(v)
	if err != nil || v.Mount == nil {
		return
	}
	died := m.Health(ctx, s.files(v), *v.Mount).Died
	if !died && len(v.Lost) == 0 {
		return
	}
	err = s.do(ctx, v.ID, mending, func(ctx context.Context, t *task) error {
		t.at("read the record")
		now, err := s.staged(v.ID)
		if err != nil {
			return err
		}
		if err := s.revive(ctx, t, now); err != nil {
			return err
		}
		return s.forgetLost(ctx, t, now)
	})
	if err != nil {
		s.Log.Info("a file volume is not mended yet", "volume", v.ID, "error", err.Error())
	}
	if now, err := s.staged(v.ID); err == nil {
		*v = *now
	}
}

// forgetLost forgets lost mounts that no container has, or whose pods are gone.
func (s *Service) forgetLost(ctx context.Context, t *task, v *record.Volume) error {
	if len(v.Lost) == 0 {
		return nil
	}
	t.at("look who has the lost mounts")
	for _, number := range v.Lost {
		pins, err := s.Copies(ctx, mounter.FuseType, number)
		if err != nil || len(pins) > 0 && slices.ContainsFunc(v.Targets, isLost) {
			return err
		}
	}
	t.at("record that nobody has them")
	v.Lost = nil
	for i := range v.Targets {
		v.Targets[i].Lost = false
	}
	return s.Records.Put(v)
}

func isLost(t record.Target) bool { return t.Lost }

// filesHealth says how a file volume is.
func (s *Service) filesHealth(ctx context.Context, v *record.Volume) mapper.Health {
	m, err := s.mounterOf(v)
	if err != nil || v.Mount == nil {
		return mapper.Health{}
	}
	h := m.Health(ctx, s.files(v), *v.Mount)
	if h.Died {
		return mapper.Health{Trouble: h.Trouble + ". It is not mounted again yet, as the agent's log says: see whether Ceph is well. It is tried again"}
	}
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	switch {
	case h.Trouble != "":
		return mapper.Health{Trouble: h.Trouble, Passing: h.Passing}
	case err != nil:
		return mapper.Health{Trouble: err.Error(), Passing: true}
	case !there || !ours(v, mounted):
		return mapper.Health{Trouble: "it is not mounted any more: somebody unmounted " + v.Staging, Gone: true}
	case slices.ContainsFunc(v.Targets, isLost):
		return mapper.Health{Trouble: lostMessage(v)}
	}
	return s.answers(ctx, v)
}

// lostMessage says what a person does about containers that have a lost mount.
func lostMessage(v *record.Volume) string {
	var names []string
	for _, target := range v.Targets {
		if target.Lost {
			names = append(names, fmt.Sprintf("%s/%s", target.Pod.Namespace, target.Pod.Name))
		}
	}
	return "ceph-fuse died and was started again. Containers that ran then get errors (Transport endpoint is not connected) until they are started " +
		"again, and what they had not synced is lost. Restart the pods: delete " + strings.Join(names, ", ")
}
