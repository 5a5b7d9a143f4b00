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
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/volume/record"
)

// Stage maps an image, and mounts the filesystem on it; or it mounts a subvolume.
func (s *Service) Stage(ctx context.Context, r *agentv1.StageRequest) (*agentv1.StageResponse, error) {
	want, err := wanted(r)
	if err != nil {
		return nil, err
	}
	if _, err := s.Key.Open(want.Entity, want.SealedKey); err != nil {
		return nil, fault.New(codes.FailedPrecondition, "%w", err)
	}
	response := &agentv1.StageResponse{}
	err = s.do(ctx, want.ID, "Stage", func(ctx context.Context, t *task) error {
		v, err := s.stage(ctx, t, want)
		if err == nil {
			response.Mapper, response.Mounter, response.Device = v.Mapper, v.Mounter, deviceOf(v).Path
		}
		return err
	})
	if err != nil {
		return nil, err // the task may still write the response
	}
	return response, nil
}

// wanted is the record of what a request asks for.
func wanted(r *agentv1.StageRequest) (*record.Volume, error) {
	c := r.GetConnection()
	v := &record.Volume{
		ID: r.GetVolumeId(), FSID: c.GetFsid(), Mons: c.GetMons(), Entity: c.GetEntity(), SealedKey: c.GetSealedKey(),
		Image:  block.Image{Pool: r.GetImage().GetPool(), Name: r.GetImage().GetName()},
		Mapper: r.GetMapper(), Access: r.GetAccess(), Staging: r.GetStagingPath(),
	}
	if r.GetSubvolume() != nil {
		return wantedFiles(r, v)
	}
	if f := r.GetFilesystem(); f != nil {
		v.Filesystem, v.MountFlags = f.GetType(), f.GetMountFlags()
		if v.Filesystem == "" {
			v.Filesystem = filesystem.XFS
		}
	}
	return v, checkWanted(v)
}

func checkWanted(v *record.Volume) error {
	if err := checkPaths(v.ID, v.Staging); err != nil {
		return err
	}
	if v.FSID == "" || v.FSID != filepath.Base(v.FSID) || strings.HasPrefix(v.FSID, ".") || len(v.Mons) == 0 || v.Entity == "" {
		return fault.New(codes.InvalidArgument, "the connection lacks fsid, mons or entity")
	}
	if err := v.Check(); err != nil {
		return fault.New(codes.InvalidArgument, "%w", err)
	}
	if _, known := blockAccess[v.Access]; !known {
		return fault.New(codes.InvalidArgument, "the access %s is not known", v.Access)
	}
	if v.Filesystem == "" || v.File() {
		return nil
	}
	if v.Access == agentv1.Access_ACCESS_MULTI_NODE {
		return fault.New(codes.InvalidArgument, "a filesystem that several nodes write is destroyed: use volumeMode Block, or a shared filesystem")
	}
	return filesystem.Check(v.Filesystem)
}

// maxID is how long an identifier is in CSI.
const maxID = 128

func checkPaths(id string, paths ...string) error {
	if id == "" || len(id) > maxID {
		return fault.New(codes.InvalidArgument, "a volume's id has 1 to %d bytes", maxID)
	}
	for _, p := range paths {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p || p == "/" {
			return fault.New(codes.InvalidArgument, "%q is no absolute path that a volume can be mounted at", p)
		}
	}
	return nil
}

// same says in what a request differs from what is there, if it does.
func same(v, want *record.Volume) error {
	anyMapper := want.Mapper == agentv1.Mapper_MAPPER_UNSPECIFIED
	switch {
	case v.FSID != want.FSID || v.Name() != want.Name():
		return fault.New(codes.AlreadyExists, "volume %s is staged here already with %s of cluster %s", v.ID, v.Name(), v.FSID)
	case v.Staging != want.Staging:
		return fault.New(codes.AlreadyExists, "volume %s is staged here already, at %s", v.ID, v.Staging)
	case v.Access != want.Access || v.Filesystem != want.Filesystem:
		return fault.New(codes.AlreadyExists, "volume %s is staged here already, as %s with filesystem %q: unstage it first", v.ID, v.Access, v.Filesystem)
	case !anyMapper && v.Mapper != want.Mapper:
		return fault.New(codes.AlreadyExists, "volume %s is staged here already, by the mapper %s: delete its pods first", v.ID, name(v.Mapper))
	case want.Mounter != agentv1.Mounter_MOUNTER_UNSPECIFIED && v.Mounter != want.Mounter:
		return fault.New(codes.AlreadyExists, "volume %s is staged here already, by the mounter %s: delete its pods first", v.ID, mounterName(v.Mounter))
	}
	return nil
}

func (s *Service) stage(ctx context.Context, t *task, want *record.Volume) (*record.Volume, error) {
	t.at("read the record")
	v, err := s.Records.Get(want.ID)
	if err != nil {
		return nil, err
	}
	if v == nil {
		if v, err = s.intend(ctx, want); err != nil {
			return nil, err
		}
	} else if err := same(v, want); err != nil {
		return nil, err
	}
	v.Mons, v.Entity, v.SealedKey = want.Mons, want.Entity, want.SealedKey
	t.at("record the intent")
	if err := s.Records.Put(v); err != nil {
		return nil, err
	}
	if err := s.complete(ctx, t, v); err != nil {
		return nil, s.undo(ctx, t, v, err)
	}
	return v, nil
}

func (s *Service) intend(ctx context.Context, want *record.Volume) (*record.Volume, error) {
	v := *want
	if want.File() {
		m, err := s.chooseMounter(ctx, want.Mounter)
		if err != nil {
			return nil, err
		}
		v.Mounter = m.Kind()
		return &v, nil
	}
	m, err := s.choose(ctx, want.Mapper)
	if err != nil {
		return nil, err
	}
	v.Mapper = m.Kind()
	return &v, nil
}

// passing are the codes after which kubelet asks for the same again, or for Unstage. After others it takes the volume for
// not staged.
var passing = []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted}

// undo gives the volume back after a Stage that failed for good, for nobody else would: an image is locked for other nodes.
func (s *Service) undo(ctx context.Context, t *task, v *record.Volume, failed error) error {
	if v.Staged || slices.Contains(passing, fault.CodeOf(failed)) {
		return failed
	}
	if err := s.tearDown(ctx, t, v); err != nil {
		return fault.New(fault.CodeOf(failed), "%w; and the volume could not be given back: %w", failed, err)
	}
	return failed
}

// complete does all that is left to do.
func (s *Service) complete(ctx context.Context, t *task, v *record.Volume) error {
	if v.File() {
		return s.completeFiles(ctx, t, v)
	}
	m, err := s.mapperOf(v)
	if err != nil {
		return err
	}
	d, err := s.mapImage(ctx, t, v, m)
	if err != nil {
		return err
	}
	t.at("record the device")
	v.Device = &d
	if err := s.Records.Put(v); err != nil {
		return err
	}
	if v.Filesystem != "" {
		if err := s.mount(ctx, t, v, m); err != nil {
			return err
		}
	}
	t.at("record that it is staged")
	v.Staged = true
	return s.Records.Put(v)
}

// mapImage maps the image. What is left of a mapping that ended is removed first, if no pod uses it.
func (s *Service) mapImage(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) (mapper.Device, error) {
	t.at("map the image")
	d, lost := m.Map(ctx, s.mapped(v))
	if !mapper.Gone(lost) {
		return d, lost
	}
	if err := s.unmountAll(ctx, t, v); err != nil {
		return d, fmt.Errorf("%w; what is left of it cannot be removed: %w", lost, err)
	}
	t.at("unmap what was lost")
	if err := m.Unmap(ctx, s.mapped(v), deviceOf(v)); err != nil {
		return d, err
	}
	v.Staged, v.Device = false, nil
	if err := s.Records.Put(v); err != nil {
		return d, err
	}
	t.at("map the image again")
	return m.Map(ctx, s.mapped(v))
}

// mount mounts the filesystem at the staging path, unless it is.
func (s *Service) mount(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) error {
	t.at("look what is mounted")
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	if err != nil {
		return err
	}
	d := diskOf(v)
	if there && mounted.Number != d.Number {
		return fault.New(codes.FailedPrecondition, "%s of %s is mounted at %s already, where volume %s belongs: unmount it",
			mounted.Type, mounted.Source, v.Staging, v.ID)
	}
	if !there {
		if err := s.prepare(ctx, t, v, m); err != nil {
			return err
		}
		t.at("mount")
		err := s.Filesystems.Mount(d, v.Filesystem, v.Staging, v.MountFlags, readOnly(v))
		if errors.Is(err, filesystem.ErrLog) {
			err = s.playBack(ctx, t, v, m)
		}
		if err != nil {
			return err
		}
	}
	t.at("bind the device to the mount")
	if err := m.Mounted(*v.Device); err != nil {
		return err
	}
	if readOnly(v) {
		return nil
	}
	t.at("grow")
	return s.Filesystems.GrowMounted(ctx, d, v.Filesystem, v.Staging)
}

// playBack plays back the log of a filesystem that is only read, as that of a snapshot of a mounted one: without it, what was
// written last would be missing. For that moment the image is mapped for writing, under its lock. A device that is recorded
// and not what the volume is to have is removed by whoever goes on.
func (s *Service) playBack(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) error {
	t.at("map for playing back the log")
	writing := s.mapped(v)
	writing.Access = block.SingleNode
	d, err := s.remap(ctx, v, m, s.mapped(v), writing)
	if err != nil {
		return err
	}
	t.at("play back the log")
	written := filesystem.Device{Path: d.Path, Number: d.Number, Size: d.Size}
	if err := s.Filesystems.Mount(written, v.Filesystem, v.Staging, nil, false); err != nil {
		return err
	}
	if err := s.Filesystems.Unmount(v.Staging); err != nil {
		return s.busy(ctx, v, err)
	}
	t.at("map for reading again")
	if _, err = s.remap(ctx, v, m, writing, s.mapped(v)); err != nil {
		return err
	}
	t.at("mount after the log was played back")
	return s.Filesystems.Mount(diskOf(v), v.Filesystem, v.Staging, v.MountFlags, true)
}

// remap maps an image in another way, and records the device.
func (s *Service) remap(ctx context.Context, v *record.Volume, m mapper.Mapper, from, to mapper.Volume) (mapper.Device, error) {
	if err := m.Unmap(ctx, from, *v.Device); err != nil {
		return mapper.Device{}, err
	}
	d, err := m.Map(ctx, to)
	if err != nil {
		return d, err
	}
	v.Device = &d
	return d, s.Records.Put(v)
}

// prepare sees to it that there is a filesystem on the device. It makes one only if a mkfs began on it, as the mark on the
// image says, or if the device is blank by all that can be asked.
func (s *Service) prepare(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) error {
	if v.Device.Formatting != "" {
		return s.format(ctx, t, v, m)
	}
	t.at("look what is on it")
	d := diskOf(v)
	found, err := s.Filesystems.Inspect(ctx, d)
	switch {
	case err != nil:
		return err
	case found.Blank:
		if err := s.provenBlank(ctx, t, v, m); err != nil {
			return err
		}
		return s.format(ctx, t, v, m)
	case found.Type != v.Filesystem:
		return fault.New(codes.FailedPrecondition, "volume %s is to have %s, and holds %s. It is not formatted: ask for what it holds, or use another volume",
			v.ID, v.Filesystem, found.What)
	case readOnly(v):
		return nil
	}
	t.at("check the filesystem")
	if err := s.Filesystems.Repair(ctx, d, v.Filesystem); err != nil {
		return err
	}
	t.at("grow the filesystem while it is not mounted")
	return s.Filesystems.GrowOffline(ctx, d, v.Filesystem)
}

// provenBlank asks Ceph too. Samples can miss a little data, and Ceph knows of every object that was written.
func (s *Service) provenBlank(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) error {
	if readOnly(v) {
		return fault.New(codes.FailedPrecondition, "volume %s is blank, and cannot be formatted by a pod that only reads it: let a pod write to it first", v.ID)
	}
	t.at("ask Ceph what is in it")
	blank, err := m.Blank(ctx, s.mapped(v))
	if err != nil {
		return err
	}
	if !blank {
		return fault.New(codes.FailedPrecondition, "volume %s has no filesystem, but Ceph holds data of it. It is not formatted: use it as a raw block device "+
			"and look, and discard all of it (blkdiscard) if it is not needed", v.ID)
	}
	return nil
}

func (s *Service) format(ctx context.Context, t *task, v *record.Volume, m mapper.Mapper) error {
	if readOnly(v) {
		return fault.New(codes.FailedPrecondition, "the formatting of volume %s was cut short, and a pod that only reads it cannot finish it: let a pod write to it first", v.ID)
	}
	t.at("mark the image")
	if err := m.SetFormatting(ctx, s.mapped(v), v.Filesystem); err != nil {
		return err
	}
	t.at("format")
	if err := s.Filesystems.Format(ctx, diskOf(v), v.Filesystem); err != nil {
		return err
	}
	t.at("take the mark away")
	if err := m.SetFormatting(ctx, s.mapped(v), ""); err != nil {
		return err
	}
	v.Device.Formatting = ""
	return nil
}

// Unstage undoes Stage.
func (s *Service) Unstage(ctx context.Context, r *agentv1.UnstageRequest) (*agentv1.UnstageResponse, error) {
	if err := checkPaths(r.GetVolumeId(), r.GetStagingPath()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetVolumeId(), "Unstage", func(ctx context.Context, t *task) error {
		t.at("read the record")
		v, err := s.Records.Get(r.GetVolumeId())
		if err != nil {
			return err
		}
		if v == nil {
			// Nothing of it is left but what an agent without a record may have left there.
			t.at("unmount")
			return s.Filesystems.Unmount(r.GetStagingPath())
		}
		if v.Staging != r.GetStagingPath() {
			return fault.New(codes.FailedPrecondition, "volume %s is staged at %s, not at %s", v.ID, v.Staging, r.GetStagingPath())
		}
		return s.tearDown(ctx, t, v)
	})
	if err != nil {
		return nil, err
	}
	return &agentv1.UnstageResponse{}, nil
}

// tearDown removes mount, device, mapping and record, in this order.
func (s *Service) tearDown(ctx context.Context, t *task, v *record.Volume) error {
	if v.File() {
		return s.tearDownFiles(ctx, t, v)
	}
	if err := s.unmountAll(ctx, t, v); err != nil {
		return err
	}
	m, err := s.mapperOf(v)
	if err != nil {
		return err
	}
	t.at("unmap the image")
	if err := m.Unmap(ctx, s.mapped(v), deviceOf(v)); err != nil {
		return err
	}
	t.at("remove the record")
	s.board.forget(v.ID)
	return s.Records.Delete(v.ID)
}

// unmountAll unmounts the staging path, if no pod has the volume.
func (s *Service) unmountAll(ctx context.Context, t *task, v *record.Volume) error {
	t.at("look for pods that use it")
	if err := s.unused(v); err != nil {
		return err
	}
	if v.Filesystem == "" {
		return nil
	}
	t.at("record that it is not staged")
	v.Staged, v.Targets = false, nil
	if err := s.Records.Put(v); err != nil {
		return err
	}
	mounted, there, err := s.Filesystems.Mounted(v.Staging)
	if err != nil || !there || v.Device != nil && mounted.Number != v.Device.Number {
		return err // what somebody else mounted there is not ours to unmount
	}
	t.at("unmount")
	return s.busy(ctx, v, s.Filesystems.Unmount(v.Staging))
}

// unused fails while the volume is mounted for a pod.
func (s *Service) unused(v *record.Volume) error {
	var users []string
	var problems []error
	for _, target := range v.Targets {
		_, there, err := s.Filesystems.Mounted(target.Path)
		problems = append(problems, err)
		if there {
			users = append(users, fmt.Sprintf("pod %s/%s (%s)", target.Pod.Namespace, target.Pod.Name, target.Path))
		}
	}
	if len(users) > 0 {
		return fault.New(codes.FailedPrecondition, "volume %s is still published for %s: delete it", v.ID, strings.Join(users, ", "))
	}
	return errors.Join(problems...)
}
