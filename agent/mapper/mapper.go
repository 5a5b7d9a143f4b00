// Package mapper makes block devices of images of Ceph: by the kernel's own client, or by seamount-block. It knows neither
// filesystems nor Kubernetes, and keeps no record.
package mapper

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Volume is an image to map, and how.
type Volume struct {
	// Connection to its cluster. Its key is empty where it cannot be had, as after the node got another key pair.
	Connection block.Connection
	Image      block.Image
	Access     block.Access
}

// Device is an image that is mapped.
type Device struct {
	// Path of the device's node on the node.
	Path   string      `json:"path"`
	Number disk.Number `json:"number"`
	// Index and Sequence tell the device from one that takes its name later.
	Index    int    `json:"index"`
	Sequence uint64 `json:"sequence,omitempty"`
	// Size in bytes.
	Size int64 `json:"size"`
	// Formatting is the type of the filesystem that a mkfs was begun with and not ended.
	Formatting string `json:"-"`
}

// Support says whether a node offers a mapper.
type Support struct {
	Offered bool
	// Reason says why not, or with what limits.
	Reason string
	// MaxVolumes at once; 0: no limit is known.
	MaxVolumes int64
}

// Health of a mapping.
type Health struct {
	// Trouble says what is wrong, why, and what to do; empty: nothing.
	Trouble string
	// Gone says that every request fails, and that the image has to be unmapped and mapped again.
	Gone bool
	// Passing says that it may mend itself.
	Passing bool
}

// Mapper maps images. All calls may be repeated.
type Mapper interface {
	Kind() agentv1.Mapper
	Support(ctx context.Context) Support
	// Map maps an image. One that was lost or aborted is an error for which Gone is true.
	Map(ctx context.Context, v Volume) (Device, error)
	// Mounted has the device go with its last user, now that it is mounted.
	Mounted(d Device) error
	// Unmap undoes Map, whether it came to its end or not. It succeeds when device, mapping and lock are gone. The device
	// is zero if none was recorded.
	Unmap(ctx context.Context, v Volume, d Device) error
	// Resize makes the device as large as the image and returns its size.
	Resize(ctx context.Context, v Volume, d Device) (int64, error)
	// SetFormatting marks the image before a mkfs with the type of the filesystem, and takes the mark away after it.
	SetFormatting(ctx context.Context, v Volume, filesystem string) error
	// Blank says whether Ceph holds nothing of the image at all.
	Blank(ctx context.Context, v Volume) (bool, error)
	// Health says how a mapping is. It never waits for Ceph.
	Health(ctx context.Context, v Volume, d Device) Health
}

// Gone says whether an error of Map means that the image has to be unmapped first: it was lost, or is mapped in another way.
func Gone(err error) bool { return block.Is(err, block.Gone) || block.Is(err, block.Mismatch) }

// blockCodes are those of gRPC for failures of seamount-block.
var blockCodes = map[block.Code]codes.Code{
	block.Locked: codes.FailedPrecondition, block.Busy: codes.FailedPrecondition, block.Gone: codes.FailedPrecondition,
	block.Mismatch: codes.FailedPrecondition, block.Fenced: codes.FailedPrecondition, block.Superseded: codes.FailedPrecondition,
	block.NotFound: codes.NotFound, block.Denied: codes.PermissionDenied, block.Invalid: codes.InvalidArgument,
	block.Timeout: codes.DeadlineExceeded, block.Unsupported: codes.Unimplemented,
	block.NotRunning: codes.Unavailable, block.Unavailable: codes.Unavailable, block.NotConnected: codes.Unavailable,
}

// coded gives a failure of seamount-block its code. Its text is made for the user already.
func coded(err error) error {
	var failed *block.Error
	if !errors.As(err, &failed) {
		return err
	}
	code, known := blockCodes[failed.Code]
	if !known {
		code = codes.Unavailable
	}
	return fault.New(code, "%w", err)
}
