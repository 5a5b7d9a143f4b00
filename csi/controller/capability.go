package controller

import (
	"fmt"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// use is how a volume is going to be used.
type use struct {
	// filesystem is set unless the volume is a raw block device in every way that was asked for.
	filesystem bool
	fsType     v1alpha1.FSType
}

// useOf reads the capabilities that are asked for, and refuses those that a block device cannot have.
func useOf(wanted []*csi.VolumeCapability) (use, error) {
	if len(wanted) == 0 {
		return use{}, refuse(codes.InvalidArgument, "the request has no volume capabilities")
	}
	all := use{}
	for _, capability := range wanted {
		if trouble := troubleWith(capability); trouble != "" {
			return use{}, refuse(codes.InvalidArgument, "%s", trouble)
		}
		if mount := capability.GetMount(); mount != nil {
			all.filesystem, all.fsType = true, fsTypeOf(mount)
		}
	}
	return all, nil
}

func fsTypeOf(mount *csi.VolumeCapability_MountVolume) v1alpha1.FSType {
	if mount.GetFsType() == "" {
		return v1alpha1.FSTypeXFS
	}
	return v1alpha1.FSType(mount.GetFsType())
}

// troubleWith says why a volume cannot be used so; empty: it can.
func troubleWith(capability *csi.VolumeCapability) string {
	if capability.GetMount() == nil && capability.GetBlock() == nil {
		return "a volume capability says neither mount nor block"
	}
	if mount := capability.GetMount(); mount != nil {
		if fs := fsTypeOf(mount); fs != v1alpha1.FSTypeXFS && fs != v1alpha1.FSTypeEXT4 {
			return fmt.Sprintf("the filesystem %q is not supported: use xfs or ext4", fs)
		}
	}
	switch mode := capability.GetAccessMode().GetMode(); mode {
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER, csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER,
		csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY:
		return ""
	case csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		if capability.GetBlock() != nil {
			return ""
		}
		return "ReadWriteMany is for raw block volumes (volumeMode: Block) alone: two nodes that mount the filesystem of one block device destroy it. " +
			"Use ReadWriteOnce, or a StorageClass of a StorageFilesystem"
	case csi.VolumeCapability_AccessMode_UNKNOWN:
		return "a volume capability has no access mode"
	default:
		return fmt.Sprintf("the access mode %s is not supported: use ReadWriteOnce, ReadWriteOncePod, ReadOnlyMany, or ReadWriteMany of a raw block volume",
			strings.ToLower(mode.String()))
	}
}
