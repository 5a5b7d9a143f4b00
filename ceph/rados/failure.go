//go:build cgo

package rados

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

func kindOf(err error) error { return ceph.KindOf(librados.Errno(err)) }

// words are Ceph's own for an errno; librbd and librados have no others.
func words(n int) string { return syscall.Errno(n).Error() }

// connectError explains why librados could not connect. It says nothing but an errno.
func (c Config) connectError(err error) error {
	n := librados.Errno(err)
	e := c.fail(ceph.KindOf(n), words(n), nil)
	e.Errno = n
	switch n {
	case ceph.EACCES, ceph.EPERM:
		e.Kind = ceph.ErrAuthentication
		e.Text += ": the cluster has no such user, or another key for it, or gives it no mon capabilities"
	case ceph.EINVAL:
		e.Kind = ceph.ErrAuthentication
		e.Text += fmt.Sprintf(": librados %s cannot read the key or the addresses of the mons; keys of the cipher aes256k need Ceph 20", Version())
	case ceph.EOPNOTSUPP:
		e.Kind = ceph.ErrAuthentication
		e.Text += ": the cluster and this librados have no way to authenticate in common; check auth_allowed_ciphers and the key's cipher"
	case ceph.ETIMEDOUT:
		e.Text += ": the mons at " + strings.Join(c.MonHosts, ",") + " accept connections but do not answer, or have no quorum"
	}
	return e
}

// subject is what a call is about, for its errors.
type subject struct{ op, target string }

// silent marks that librados gave up waiting. It has no words for that.
func silent(err error) error {
	if librados.Errno(err) == ceph.ETIMEDOUT {
		return errSilent
	}
	return err
}

// interrupted explains why a call did not come to its end: why is an
// interruption, or an *ceph.Error that tells why there is no connection.
func (c *Client) interrupted(ctx context.Context, s subject, began time.Time, why error) error {
	e := &ceph.Error{Op: s.op, Target: s.target, Text: why.Error()}
	var connecting *ceph.Error
	switch {
	case errors.As(why, &connecting):
		e.Kind, e.Errno, e.Text, e.Err = connecting.Kind, connecting.Errno, connecting.Text, connecting
	case errors.Is(why, errClosing):
		e.Kind = ceph.ErrClosed
	case errors.Is(why, errManyHung), errors.Is(why, errNoneFree):
		e.Kind = ceph.ErrOverloaded
	default:
		e.Kind, e.Err = ceph.ErrTimeout, context.Cause(ctx)
		if gone := c.prober.unreachable(began); gone != nil {
			e.Kind, e.Text = ceph.ErrUnreachable, "no mon can be reached: "+oneLine(gone)
		}
	}
	return e
}

// oneLine puts the causes of a joined error on one line, each once.
func oneLine(err error) string {
	causes := strings.Split(err.Error(), "\n")
	slices.Sort(causes)
	return strings.Join(slices.Compact(causes), "; ")
}
