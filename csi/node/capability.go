package node

import (
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// use is what a volume is used as.
type use struct {
	access agentv1.Access
	// filesystem is nil for a raw block device.
	filesystem *agentv1.Filesystem
}

// useOf reads a capability.
func (s *Server) useOf(capability *csi.VolumeCapability) (use, error) {
	if capability == nil {
		return use{}, missing("volume_capability")
	}
	var u use
	switch {
	case capability.GetBlock() != nil && s.File:
		return use{}, status.Error(codes.InvalidArgument, "a file volume is no block device: use volumeMode: Filesystem, or a StorageClass of block volumes")
	case capability.GetBlock() != nil:
	case capability.GetMount() != nil:
		filesystem, err := s.filesystemOf(capability.GetMount())
		if err != nil {
			return use{}, err
		}
		u.filesystem = filesystem
	default:
		return use{}, status.Error(codes.InvalidArgument, "volume_capability asks for neither a filesystem nor a block device")
	}
	access, err := accessOf(capability.GetAccessMode().GetMode(), u.filesystem != nil && !s.File)
	u.access = access
	return u, err
}

// accessOf says who else may use the volume meanwhile. A filesystem on a block device is for one node.
func accessOf(mode csi.VolumeCapability_AccessMode_Mode, onDevice bool) (agentv1.Access, error) {
	switch mode {
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:
		return agentv1.Access_ACCESS_SINGLE_NODE, nil
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY, csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY:
		return agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY, nil
	case csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER, csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		if !onDevice {
			return agentv1.Access_ACCESS_MULTI_NODE, nil
		}
		return 0, status.Error(codes.InvalidArgument, "a filesystem on a block device cannot be written by several nodes: two of them "+
			"would destroy it. Use volumeMode: Block with software that expects that, accessModes: [ReadWriteOnce], or a file volume")
	}
	return 0, status.Errorf(codes.InvalidArgument, "the access mode %s is not known", mode)
}

// filesystemOf reads what filesystem is wanted.
func (s *Server) filesystemOf(mount *csi.VolumeCapability_MountVolume) (*agentv1.Filesystem, error) {
	kind := mount.GetFsType()
	switch {
	case kind == "":
	case s.File:
		return nil, status.Errorf(codes.InvalidArgument, "a file volume has no filesystem of type %q: leave out fsType of the PersistentVolume, "+
			"and %s of the StorageClass", kind, v1alpha1.ParameterFSType)
	case kind != string(v1alpha1.FSTypeXFS) && kind != string(v1alpha1.FSTypeEXT4):
		return nil, status.Errorf(codes.InvalidArgument, "the filesystem %q is not offered: set fsType of the StorageClass to xfs or ext4", kind)
	}
	for _, flag := range mount.GetMountFlags() {
		if flag == "" || strings.ContainsAny(flag, "\x00\n") {
			return nil, status.Errorf(codes.InvalidArgument, "%q is no mount option: see mountOptions of the StorageClass", flag)
		}
	}
	return &agentv1.Filesystem{Type: kind, MountFlags: mount.GetMountFlags()}, nil
}

// volumeMapper is the key of the volume context.
const volumeMapper = v1alpha1.ParameterMapper

var mappers = map[string]agentv1.Mapper{
	"":                              agentv1.Mapper_MAPPER_UNSPECIFIED,
	string(v1alpha1.MapperAuto):     agentv1.Mapper_MAPPER_UNSPECIFIED,
	string(v1alpha1.MapperKRBD):     agentv1.Mapper_MAPPER_KRBD,
	string(v1alpha1.MapperNBD):      agentv1.Mapper_MAPPER_NBD,
	string(v1alpha1.MapperSeamount): agentv1.Mapper_MAPPER_SEAMOUNT,
}

func mapperOf(context map[string]string) (agentv1.Mapper, error) {
	mapper, known := mappers[context[volumeMapper]]
	if !known {
		return 0, status.Errorf(codes.InvalidArgument, "the mapper %q of the volume is not known: it is one of Auto, KRBD, NBD and Seamount",
			context[volumeMapper])
	}
	return mapper, nil
}

var mounters = map[string]agentv1.Mounter{
	"":                             agentv1.Mounter_MOUNTER_UNSPECIFIED,
	string(v1alpha1.MounterAuto):   agentv1.Mounter_MOUNTER_UNSPECIFIED,
	string(v1alpha1.MounterKernel): agentv1.Mounter_MOUNTER_KERNEL,
	string(v1alpha1.MounterFUSE):   agentv1.Mounter_MOUNTER_FUSE,
}

func mounterOf(context map[string]string) (agentv1.Mounter, error) {
	asked := context[v1alpha1.ParameterMounter]
	mounter, known := mounters[asked]
	if !known {
		return 0, status.Errorf(codes.InvalidArgument, "the mounter %q of the volume is not known: it is one of Auto, Kernel and FUSE", asked)
	}
	return mounter, nil
}
