package filesystem

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/agent/host"
)

// slack is how much larger a device may be than the filesystem on it before it is grown: mkfs leaves a rest that is too
// small for a group of its own.
const slack = 16 << 20

// GrowOffline makes the filesystem as large as its device while it is not mounted, where it can be: ext4.
func (t Tools) GrowOffline(ctx context.Context, d Device, name string) error {
	if name != Ext4 {
		return nil
	}
	size, err := t.Size(d, name)
	if err != nil || d.Size-size < slack {
		return err
	}
	if err := t.fsck(ctx, d, "-f", "-p"); err != nil {
		return err
	}
	_, err = t.run(ctx, d.Path, "resize2fs", d.Path)
	return err
}

// GrowMounted makes the filesystem as large as its device while it is mounted at a path.
func (t Tools) GrowMounted(ctx context.Context, d Device, name, path string) error {
	size, err := t.Size(d, name)
	if err != nil || d.Size-size < slack {
		return err
	}
	if name == XFS {
		_, err = t.run(ctx, "", "xfs_growfs", "-d", path)
		return err
	}
	_, err = t.run(ctx, "", "resize2fs", d.Path)
	var exit *host.ExitError
	if errors.As(err, &exit) && strings.Contains(exit.Output, "Permission denied") {
		return fault.New(codes.FailedPrecondition, "ext4 cannot be grown while it is mounted here: the kernel wants CAP_SYS_RESOURCE for that, "+
			"which this node withholds. Delete the volume's pods: it is grown when it is next mounted")
	}
	return err
}
