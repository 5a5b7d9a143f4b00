package volume

import (
	"cmp"
	"context"

	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/volume/record"
)

// Expand makes device and filesystem as large as the image.
func (s *Service) Expand(ctx context.Context, r *agentv1.ExpandRequest) (*agentv1.ExpandResponse, error) {
	if err := checkPaths(r.GetVolumeId(), r.GetVolumePath()); err != nil {
		return nil, err
	}
	var size int64
	err := s.do(ctx, r.GetVolumeId(), "Expand", func(ctx context.Context, t *task) error {
		t.at("read the record")
		v, err := s.at(r.GetVolumeId(), r.GetVolumePath())
		if err != nil {
			return err
		}
		size, err = s.expand(ctx, t, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &agentv1.ExpandResponse{Bytes: size}, nil
}

func (s *Service) expand(ctx context.Context, t *task, v *record.Volume) (int64, error) {
	if v.File() {
		t.at("measure")
		usage, err := s.Filesystems.Usage(v.Staging)
		return usage.Bytes.Total, err // the quota is Ceph's to enforce, and was raised there
	}
	m, err := s.mapperOf(v)
	if err != nil {
		return 0, err
	}
	t.at("resize the device")
	size, err := m.Resize(ctx, s.mapped(v), *v.Device)
	if err != nil {
		return 0, err
	}
	t.at("record the size")
	v.Device.Size = size
	if err := s.Records.Put(v); err != nil {
		return 0, err
	}
	if v.Filesystem == "" || readOnly(v) {
		return size, nil
	}
	t.at("grow the filesystem")
	return size, s.Filesystems.GrowMounted(ctx, diskOf(v), v.Filesystem, v.Staging)
}

// at returns the record of a volume that is staged or published at a path; an empty path is wherever it is.
func (s *Service) at(id, path string) (*record.Volume, error) {
	v, err := s.staged(id)
	if err == nil && path != "" && path != v.Staging && v.Target(path) < 0 {
		err = fault.New(codes.NotFound, "volume %s is neither staged nor published at %s", id, path)
	}
	return v, err
}

// Stats measures a volume. It does not wait for other calls on the volume; while a filesystem does not answer, it says so.
func (s *Service) Stats(ctx context.Context, r *agentv1.StatsRequest) (*agentv1.StatsResponse, error) {
	if err := checkPaths(r.GetVolumeId()); err != nil {
		return nil, err
	}
	v, err := s.at(r.GetVolumeId(), r.GetVolumePath())
	if err != nil {
		return nil, err
	}
	response := &agentv1.StatsResponse{Condition: s.board.condition(v.ID)}
	if v.Filesystem == "" {
		response.Bytes = &agentv1.Usage{Total: v.Device.Size}
		return response, nil
	}
	var usage filesystem.Usage
	err = s.doKeyed(ctx, "stats\x00"+v.ID, v.ID, "Stats", func(_ context.Context, t *task) (err error) {
		t.at("measure")
		usage, err = s.Filesystems.Usage(cmp.Or(r.GetVolumePath(), v.Staging))
		return err
	})
	if err != nil {
		if response.Condition.GetAbnormal() { // which explains it
			return response, nil
		}
		return nil, err
	}
	response.Bytes, response.Inodes = amount(usage.Bytes), amount(usage.Inodes)
	return response, nil
}

func amount(a filesystem.Amount) *agentv1.Usage {
	return &agentv1.Usage{Total: a.Total, Used: a.Used, Available: a.Available}
}

// Trim gives unused space of a mounted filesystem back to Ceph.
func (s *Service) Trim(ctx context.Context, r *agentv1.TrimRequest) (*agentv1.TrimResponse, error) {
	if err := checkPaths(r.GetVolumeId()); err != nil {
		return nil, err
	}
	var size int64
	err := s.do(ctx, r.GetVolumeId(), "Trim", func(_ context.Context, t *task) error {
		t.at("read the record")
		v, err := s.staged(r.GetVolumeId())
		if err != nil {
			return err
		}
		if v.File() {
			return fault.New(codes.Unimplemented, "volume %s is a file volume: what is deleted in it is free at once, and there is nothing to trim", v.ID)
		}
		if v.Filesystem == "" || readOnly(v) {
			return fault.New(codes.FailedPrecondition, "volume %s is not mounted as a filesystem that is written: only who writes it can discard", v.ID)
		}
		t.at("trim")
		size, err = s.Filesystems.Trim(v.Staging)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &agentv1.TrimResponse{Bytes: size}, nil
}
