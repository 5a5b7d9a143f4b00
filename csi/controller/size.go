package controller

import (
	"math"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

const (
	mebibyte = 1 << 20
	// granularity of sizes.
	granularity = mebibyte
	// defaultSize is of a volume that is asked for without one.
	defaultSize = 1 << 30
	// minXFS is the least that mkfs.xfs makes a filesystem on:
	// https://git.kernel.org/pub/scm/fs/xfs/xfsprogs-dev.git/tree/mkfs/xfs_mkfs.c (validate_supported).
	minXFS = 300 * mebibyte
)

// sizeWanted is the size that a volume gets, or its least size where it has a source.
func sizeWanted(limits *csi.CapacityRange, how use, source int64) (int64, error) {
	required, limit := limits.GetRequiredBytes(), limits.GetLimitBytes()
	switch {
	case required < 0 || limit < 0:
		return 0, refuse(codes.InvalidArgument, "a size is negative: %d bytes required, at most %d", required, limit)
	case limit > 0 && required > limit:
		return 0, refuse(codes.OutOfRange, "%d bytes are required and at most %d allowed", required, limit)
	case required > math.MaxInt64-granularity:
		return 0, refuse(codes.OutOfRange, "%d bytes are more than an image can have", required)
	case required > 0 && required < source:
		return 0, refuse(codes.OutOfRange, "%d bytes are asked for, and the source has %d: ask for at least as many", required, source)
	}
	size := rounded(sizeAsked(required, limit, source), how)
	if limit > 0 && size > limit {
		return 0, refuse(codes.OutOfRange, "the volume needs %d bytes (whole MiB, and at least 300 MiB for xfs), and at most %d are allowed", size, limit)
	}
	return size, nil
}

// sizeAsked is the size before it is rounded. Without a requirement a volume is as large as its source, or has the default
// size, as far as the limit allows.
func sizeAsked(required, limit, source int64) int64 {
	switch {
	case required > 0:
		return required
	case source > 0:
		return source
	case limit > 0:
		return min(defaultSize, limit/granularity*granularity)
	default:
		return defaultSize
	}
}

func rounded(size int64, how use) int64 {
	size = (max(size, 1) + granularity - 1) / granularity * granularity
	if how.filesystem && how.fsType == v1alpha1.FSTypeXFS {
		size = max(size, minXFS)
	}
	return size
}

// within says whether a size is what a request allows.
func within(size int64, limits *csi.CapacityRange) bool {
	limit := limits.GetLimitBytes()
	return size >= limits.GetRequiredBytes() && (limit == 0 || size <= limit)
}
