package node

import (
	"cmp"
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// NodeExpandVolume implements csi.NodeServer.
func (s *Server) NodeExpandVolume(ctx context.Context, in *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"volume_path", in.GetVolumePath()}); err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	answer, err := s.Agent.Expand(ctx, &agentv1.ExpandRequest{VolumeId: in.GetVolumeId(), VolumePath: in.GetVolumePath()})
	if err != nil {
		return nil, s.failed(err)
	}
	wanted := in.GetCapacityRange().GetRequiredBytes()
	if s.File && wanted-answer.GetBytes() < quotaUnit {
		return &csi.NodeExpandVolumeResponse{CapacityBytes: max(wanted, answer.GetBytes())}, nil
	}
	if s.File {
		return nil, status.Errorf(codes.Aborted, "the quota of the subvolume is %d bytes, and the volume is to have %d: the node has not noticed yet that "+
			"Ceph raised it, or it did not; this is tried again", answer.GetBytes(), wanted)
	}
	if answer.GetBytes() < wanted {
		return nil, status.Errorf(codes.Aborted, "the device on this node has %d bytes, and the volume is to have %d: the node has not "+
			"noticed yet that the image of Ceph grew, or it did not; this is tried again", answer.GetBytes(), wanted)
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: answer.GetBytes()}, nil
}

// quotaUnit is what Ceph rounds a quota down to when it is asked for the size of a filesystem.
const quotaUnit = 4 << 20

// NodeGetVolumeStats implements csi.NodeServer.
func (s *Server) NodeGetVolumeStats(ctx context.Context, in *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"volume_path", in.GetVolumePath()}); err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	stats, err := s.Agent.Stats(ctx, &agentv1.StatsRequest{VolumeId: in.GetVolumeId(), VolumePath: in.GetVolumePath()})
	if err != nil {
		return nil, s.failed(err)
	}
	return statsOf(stats), nil
}

// statsOf tells kubelet what the agent measured.
func statsOf(stats *agentv1.StatsResponse) *csi.NodeGetVolumeStatsResponse {
	answer := &csi.NodeGetVolumeStatsResponse{}
	for _, measured := range []struct {
		unit  csi.VolumeUsage_Unit
		usage *agentv1.Usage
	}{{csi.VolumeUsage_BYTES, stats.GetBytes()}, {csi.VolumeUsage_INODES, stats.GetInodes()}} {
		if u := measured.usage; u != nil {
			answer.Usage = append(answer.Usage, &csi.VolumeUsage{
				Unit: measured.unit, Total: u.GetTotal(), Used: u.GetUsed(), Available: u.GetAvailable(),
			})
		}
	}
	return answer
}

// reasonInaccessible is why a volume is not well.
const reasonInaccessible = "VolumeInaccessible"

// NodeGetVolumeHealth implements csi.NodeServer.
func (s *Server) NodeGetVolumeHealth(ctx context.Context, in *csi.NodeGetVolumeHealthRequest) (*csi.NodeGetVolumeHealthResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}); err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	path := cmp.Or(in.GetVolumePublishPath(), in.GetStagingTargetPath())
	stats, err := s.Agent.Stats(ctx, &agentv1.StatsRequest{VolumeId: in.GetVolumeId(), VolumePath: path})
	if err != nil {
		return nil, s.failed(err)
	}
	health := &csi.VolumeHealth{VolumeId: in.GetVolumeId()}
	if stats.GetCondition().GetAbnormal() {
		health.HealthStatuses = []*csi.VolumeHealth_VolumeHealthEntry{{
			Status: csi.VolumeHealthErrorType_INACCESSIBLE, Reason: reasonInaccessible, Message: stats.GetCondition().GetMessage(),
		}}
	}
	return &csi.NodeGetVolumeHealthResponse{VolumeHealth: health}, nil
}
