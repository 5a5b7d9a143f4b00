package controller

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// subject is an image or a subvolume that a call is about.
type subject struct {
	session session.Session
	handle  handle.Handle
	detail  thing
	record  volume.Record
}

func clusterOf(h handle.Handle) types.NamespacedName {
	return types.NamespacedName{Namespace: h.Namespace, Name: h.Cluster}
}

// find looks up a volume or a snapshot by its identifier. What does not exist, or is no identifier, is NOT_FOUND.
func (s *Server) find(ctx context.Context, kind volume.Kind, id string) (subject, error) {
	h, err := s.parse(id)
	if err != nil {
		return subject{}, refuse(codes.NotFound, "%s %s does not exist: %v", lower(kind), id, err)
	}
	in, err := s.sessions.Session(ctx, clusterOf(h))
	if err != nil {
		return subject{}, err
	}
	return s.inspect(ctx, in, kind, h)
}

// parse reads an identifier, and refuses one of the other driver.
func (s *Server) parse(id string) (handle.Handle, error) {
	h, err := handle.Parse(id)
	if err == nil && !s.backend.owns(h) {
		err = fmt.Errorf("%q is of Seamount's other driver: %w", id, handle.ErrInvalid)
	}
	return h, err
}

func (s *Server) inspect(ctx context.Context, in session.Session, kind volume.Kind, h handle.Handle) (subject, error) {
	detail, err := s.backend.inspect(ctx, in, h)
	if err != nil {
		return subject{}, err
	}
	record, err := volume.Of(h.Name(), detail.metadata)
	if err != nil {
		return subject{}, refuse(codes.NotFound, "%s %s does not exist: %v", lower(kind), h, err)
	}
	if record.Kind != kind {
		return subject{}, refuse(codes.NotFound, "%s is a %s and no %s", h, lower(record.Kind), lower(kind))
	}
	return subject{in, h, detail, record}, nil
}

func lower(kind volume.Kind) string {
	if kind == volume.Snapshot {
		return "snapshot"
	}
	return "volume"
}

// required refuses a request without a value that it needs.
func required(what, value string) error {
	if value == "" {
		return refuse(codes.InvalidArgument, "%s", fmt.Sprintf("the request has no %s", what))
	}
	return nil
}
