// Package volume is the agent's gRPC service for volumes (agent/api/v1). It puts mappers, filesystems and records
// together, so that each call may be repeated, whenever it or the agent was cut short. It decides nothing about Ceph.
package volume

import (
	"context"
	"errors"
	"slices"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/filesystem"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/agent/mounter"
	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/agent/volume/record"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// Filesystems is what the service needs of filesystem.Tools.
type Filesystems interface {
	Inspect(ctx context.Context, d filesystem.Device) (filesystem.Found, error)
	Format(ctx context.Context, d filesystem.Device, name string) error
	Repair(ctx context.Context, d filesystem.Device, name string) error
	GrowOffline(ctx context.Context, d filesystem.Device, name string) error
	GrowMounted(ctx context.Context, d filesystem.Device, name, path string) error
	Mount(d filesystem.Device, name, path string, options []string, readOnly bool) error
	Bind(source, target string, readOnly bool) error
	Remount(target string, readOnly bool) error
	Unmount(path string) error
	Detach(path string) error
	Remove(path string) error
	Mounted(path string) (mountinfo.Mount, bool, error)
	Usage(path string) (filesystem.Usage, error)
	Alive(path string) error
	Trim(path string) (int64, error)
}

// Service serves the volumes of a node.
type Service struct {
	agentv1.UnimplementedVolumesServer
	// ID of the node in CSI, whose key is Key.
	ID      nodekey.ID
	Key     nodekey.Key
	Version string
	Records record.Store
	// Mappers, the best first.
	Mappers []mapper.Mapper
	// Mounters, the best first.
	Mounters    []mounter.Mounter
	Filesystems Filesystems
	// Pins finds who keeps a device or the filesystem on it.
	Pins func(ctx context.Context, number disk.Number) ([]host.Pin, error)
	// Copies finds who has a filesystem mounted in other namespaces than the node's.
	Copies mounter.Copies
	Log    logr.Logger
	// Step is told of each step before it is done, if it is set.
	Step func(volume, step string)

	tasks tasks
	board board
}

// Describe says what the node offers.
func (s *Service) Describe(ctx context.Context, _ *agentv1.DescribeRequest) (*agentv1.DescribeResponse, error) {
	response := &agentv1.DescribeResponse{Node: s.ID.Node, NodeId: s.ID.String(), Version: s.Version}
	for _, m := range s.Mappers {
		support := m.Support(ctx)
		if support.Offered && len(offered(response.Mappers)) == 0 {
			response.MaxVolumes = support.MaxVolumes
		}
		response.Mappers = append(response.Mappers, &agentv1.MapperSupport{Mapper: m.Kind(), Offered: support.Offered, Reason: support.Reason})
	}
	response.Mappers = append(response.Mappers, &agentv1.MapperSupport{Mapper: agentv1.Mapper_MAPPER_NBD, Reason: noNBD})
	for _, m := range s.Mounters {
		support := m.Support(ctx)
		response.Mounters = append(response.Mounters, &agentv1.MounterSupport{Mounter: m.Kind(), Offered: support.Offered, Reason: support.Reason})
	}
	return response, nil
}

const noNBD = "rbd-nbd is not built in: a process of it that dies takes its device along, which no other takes over; use Auto, KRBD or Seamount"

func offered(mappers []*agentv1.MapperSupport) []*agentv1.MapperSupport {
	return slices.DeleteFunc(slices.Clone(mappers), func(m *agentv1.MapperSupport) bool { return !m.Offered })
}

// choose picks the mapper of a new mapping. One that is asked for is not replaced by another.
func (s *Service) choose(ctx context.Context, kind agentv1.Mapper) (mapper.Mapper, error) {
	m, found, why := pick(s.Mappers, kind, name, func(m mapper.Mapper) (bool, string) {
		support := m.Support(ctx)
		return support.Offered, support.Reason
	})
	if kind == agentv1.Mapper_MAPPER_NBD {
		why = "; " + noNBD
	}
	if !found {
		return nil, s.notOffered("mapper", name(kind), why)
	}
	return m, nil
}

// name of a mapper as a StorageClass has it.
func name(kind agentv1.Mapper) string {
	switch kind {
	case agentv1.Mapper_MAPPER_KRBD:
		return "KRBD"
	case agentv1.Mapper_MAPPER_NBD:
		return "NBD"
	case agentv1.Mapper_MAPPER_SEAMOUNT:
		return "Seamount"
	}
	return auto
}

// mapperOf is the mapper that a volume was mapped by.
func (s *Service) mapperOf(v *record.Volume) (mapper.Mapper, error) {
	if m, found := ofKind(s.Mappers, v.Mapper); found {
		return m, nil
	}
	return nil, fault.New(codes.Internal, "the volume was mapped by %s, which this agent does not have", name(v.Mapper))
}

// blockAccess is an access in the words of mappers.
var blockAccess = map[agentv1.Access]block.Access{
	agentv1.Access_ACCESS_SINGLE_NODE:          block.SingleNode,
	agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY: block.MultiNodeReadOnly,
	agentv1.Access_ACCESS_MULTI_NODE:           block.MultiNode,
}

// mapped is a volume in the words of mappers. Without the key, which a new key pair of the node may not open, all but
// mapping still works.
func (s *Service) mapped(v *record.Volume) mapper.Volume {
	return mapper.Volume{Connection: s.connection(v), Image: v.Image, Access: blockAccess[v.Access]}
}

func (s *Service) connection(v *record.Volume) block.Connection {
	key, err := s.Key.Open(v.Entity, v.SealedKey)
	if err != nil {
		key = ""
	}
	return block.Connection{FSID: v.FSID, Mons: v.Mons, Entity: v.Entity, Key: key}
}

func deviceOf(v *record.Volume) mapper.Device {
	if v.Device == nil {
		return mapper.Device{}
	}
	return *v.Device
}

func diskOf(v *record.Volume) filesystem.Device {
	d := deviceOf(v)
	return filesystem.Device{Path: d.Path, Number: d.Number, Size: d.Size}
}

func readOnly(v *record.Volume) bool { return v.Access == agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY }

// staged returns the record of a volume that is staged.
func (s *Service) staged(id string) (*record.Volume, error) {
	v, err := s.Records.Get(id)
	if err == nil && (v == nil || !v.Staged) {
		err = fault.New(codes.NotFound, "volume %s is not staged on node %s", id, s.ID.Node)
	}
	return v, err
}

// busy adds to the error about something that is in use who uses it.
func (s *Service) busy(ctx context.Context, v *record.Volume, err error) error {
	if !errors.Is(err, errBusy) || v == nil {
		return err
	}
	number, known := v.Number()
	if !known {
		return err
	}
	pins, pinErr := s.Pins(ctx, number)
	if pinErr != nil || len(pins) == 0 {
		return fault.New(codes.FailedPrecondition, "%w: no process that this node shows keeps it", err)
	}
	return fault.New(codes.FailedPrecondition, "%w: %s. End that, or delete its pod; it is tried again", err, list(pins))
}
