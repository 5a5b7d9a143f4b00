package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// GetCapacity says how much can still be written to the pool of a StorageClass. Without one it speaks of the pool with the
// most room: pools share disks, and a sum would count them twice.
func (s *Server) GetCapacity(ctx context.Context, request *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	for _, capability := range request.GetVolumeCapabilities() {
		if s.troubleWith(capability) != "" {
			return &csi.GetCapacityResponse{}, nil
		}
	}
	asked, err := s.commonParameters(request.GetParameters())
	if err != nil {
		return nil, err
	}
	if places := request.GetAccessibleTopology(); places != nil && checkTopology(asked.mapper, &csi.TopologyRequirement{Requisite: []*csi.Topology{places}}) != nil {
		return &csi.GetCapacityResponse{}, nil
	}
	free, most, err := s.capacity(ctx, asked)
	if err != nil {
		return nil, told(err)
	}
	return &csi.GetCapacityResponse{
		AvailableCapacity: free, MaximumVolumeSize: wrapperspb.Int64(most), MinimumVolumeSize: wrapperspb.Int64(granularity),
	}, nil
}

func (s *Server) capacity(ctx context.Context, asked parameters) (free, most int64, err error) {
	clusters := s.sessions.Clusters()
	if asked.cluster.Name != "" {
		clusters = []types.NamespacedName{asked.cluster}
	}
	for _, cluster := range clusters {
		in, err := s.sessions.Session(ctx, cluster)
		if err != nil {
			return 0, 0, err
		}
		seen, err := s.pools.get(ctx, cluster, in.Ceph, poolsFor)
		if err != nil {
			return 0, 0, err
		}
		pools := seen.takes
		if asked.placed() {
			place, err := s.backend.placeOf(seen, asked.place, asked.dataPool)
			if err != nil {
				return 0, 0, err
			}
			pools = []ceph.Pool{place.data}
		}
		for _, p := range pools {
			_, left := room(p)
			free, most = max(free, left), max(most, largest(p))
		}
	}
	return free, most, nil
}

// ControllerGetVolumeHealth says what is wrong with a volume as Ceph sees it.
func (s *Server) ControllerGetVolumeHealth(ctx context.Context, request *csi.ControllerGetVolumeHealthRequest) (*csi.ControllerGetVolumeHealthResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	health, err := s.health(ctx, request.GetVolumeId())
	if err != nil {
		return nil, told(err)
	}
	return &csi.ControllerGetVolumeHealthResponse{VolumeHealth: health}, nil
}

func (s *Server) health(ctx context.Context, id string) (*csi.VolumeHealth, error) {
	found, err := s.find(ctx, volume.Volume, id)
	if err != nil {
		return nil, err
	}
	seen, err := s.pools.get(ctx, found.session.Cluster, found.session.Ceph, poolsFor)
	if err != nil {
		return nil, err
	}
	place, err := s.backend.placeOf(seen, found.handle, found.detail.dataPool)
	if err != nil {
		return nil, err
	}
	health := &csi.VolumeHealth{VolumeId: id}
	if why := full(place.data); why != "" {
		health.HealthStatuses = append(health.HealthStatuses, &csi.VolumeHealth_VolumeHealthEntry{
			Status: csi.VolumeHealthErrorType_INACCESSIBLE, Reason: "PoolFull",
			Message: "writes to the volume wait: pool " + place.data.Name + ": " + why,
		})
	}
	return health, nil
}
