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
	// readOnly is set when nobody writes.
	readOnly bool
}

// useOf reads the capabilities that are asked for, and refuses those that a volume cannot have.
func (s *Server) useOf(wanted []*csi.VolumeCapability) (use, error) {
	if len(wanted) == 0 {
		return use{}, refuse(codes.InvalidArgument, "the request has no volume capabilities")
	}
	all := use{readOnly: true}
	for _, capability := range wanted {
		if trouble := s.troubleWith(capability); trouble != "" {
			return use{}, refuse(codes.InvalidArgument, "%s", trouble)
		}
		if mount := capability.GetMount(); mount != nil {
			all.filesystem, all.fsType = true, s.backend.fsType(mount)
		}
		all.readOnly = all.readOnly && reads(capability.GetAccessMode().GetMode())
	}
	return all, nil
}

// reads says whether nobody writes in this mode.
func reads(mode csi.VolumeCapability_AccessMode_Mode) bool {
	return mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY || mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
}

// troubleWith says why a volume cannot be used so; empty: it can.
func (s *Server) troubleWith(capability *csi.VolumeCapability) string {
	if capability.GetMount() == nil && capability.GetBlock() == nil {
		return "a volume capability says neither mount nor block"
	}
	if trouble := s.backend.trouble(capability); trouble != "" {
		return trouble
	}
	switch mode := capability.GetAccessMode().GetMode(); mode {
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER, csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER,
		csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY, csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		return ""
	case csi.VolumeCapability_AccessMode_UNKNOWN:
		return "a volume capability has no access mode"
	default:
		return fmt.Sprintf("the access mode %s is not supported: use ReadWriteOnce, ReadWriteOncePod, ReadOnlyMany, or ReadWriteMany of a raw block volume or a file volume",
			strings.ToLower(mode.String()))
	}
}
