package command

import (
	"context"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

func osdFlag(op, flag string) Request {
	return Request{Op: op, Target: Mon(), Subject: flag, Args: Args{"key": flag}}
}

func groupFlag(op, flag string, who []string) Request {
	return Request{
		Op: op, Target: Mon(), Subject: flag + " " + strings.Join(who, ","),
		Args: Args{"flags": flag, "who": who},
	}
}

// SetOSDFlag sets a cluster-wide flag such as noout. One that Ceph does not know
// is ErrInvalid.
func (a *Admin) SetOSDFlag(ctx context.Context, flag string) error {
	return a.act(ctx, osdFlag("osd set", flag))
}

// UnsetOSDFlag clears a cluster-wide flag.
func (a *Admin) UnsetOSDFlag(ctx context.Context, flag string) error {
	return a.act(ctx, osdFlag("osd unset", flag))
}

// SetGroupFlag sets noup, nodown, noin or noout for OSDs ("osd.3"), CRUSH
// buckets or device classes. One that does not exist is ErrNotFound.
func (a *Admin) SetGroupFlag(ctx context.Context, flag string, who ...string) error {
	return a.groupFlag(ctx, groupFlag("osd set-group", flag, who), who)
}

// UnsetGroupFlag clears what SetGroupFlag set.
func (a *Admin) UnsetGroupFlag(ctx context.Context, flag string, who ...string) error {
	return a.groupFlag(ctx, groupFlag("osd unset-group", flag, who), who)
}

func (a *Admin) groupFlag(ctx context.Context, r Request, who []string) error {
	if len(who) == 0 {
		return r.invalid("no OSD, bucket or device class is named")
	}
	err := a.mustExist(ctx, r)
	return rekind(err, ceph.ErrNotFound, "unable to parse osd id or crush node", ceph.EINVAL)
}
