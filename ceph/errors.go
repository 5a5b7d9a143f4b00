package ceph

import (
	"errors"
	"strings"
)

// Kinds of failure. Test for them with errors.Is; the error itself is an
// *Error that carries Ceph's own words.
var (
	// ErrNotFound: the named entity, pool, image, OSD or option does not exist (ENOENT).
	ErrNotFound = errors.New("not found")
	// ErrExists: it exists already, and differs from what was asked for (EEXIST).
	ErrExists = errors.New("already exists")
	// ErrBusy: something still uses it: a watcher, a clone, an OSD that runs, data that needs it (EBUSY, ENOTEMPTY).
	ErrBusy = errors.New("busy")
	// ErrPermission: the key is good, its capabilities do not allow the call (EPERM, EACCES on a command).
	ErrPermission = errors.New("permission denied")
	// ErrAuthentication: the cluster does not accept the key, or the client cannot read it.
	ErrAuthentication = errors.New("authentication failed")
	// ErrInvalid: Ceph or this client refuses the arguments (EINVAL, ERANGE, EDOM).
	ErrInvalid = errors.New("invalid argument")
	// ErrUnsupported: the release or build that answered lacks the command, the module or the feature.
	ErrUnsupported = errors.New("not supported")
	// ErrUnreachable: no mon could be reached, or the session broke.
	ErrUnreachable = errors.New("unreachable")
	// ErrTimeout: no answer by the deadline. The call may still take effect.
	ErrTimeout = errors.New("timed out")
	// ErrAgain: Ceph asks to come back later: a map is moving, a clone is in progress, a mgr starts (EAGAIN).
	ErrAgain = errors.New("try again")
	// ErrNoSpace: a quota or the cluster is full (ENOSPC, EDQUOT).
	ErrNoSpace = errors.New("no space")
	// ErrReadOnly: a writer without the lock, or a snapshot, was written to (EROFS).
	ErrReadOnly = errors.New("read-only")
	// ErrBlocklisted: this client is on the cluster's blocklist (ESHUTDOWN).
	ErrBlocklisted = errors.New("blocklisted")
	// ErrMalformed: an answer could not be understood: truncated, or not what this command answers.
	ErrMalformed = errors.New("malformed answer")
	// ErrOverloaded: so many calls hang already that this one was not started.
	ErrOverloaded = errors.New("too many calls hang")
	// ErrClosed: the client was closed.
	ErrClosed = errors.New("client closed")
	// ErrRefused: Ceph refused for a reason of its own that no other kind names. Text has its words.
	ErrRefused = errors.New("refused")
)

// Error is a failed call. Its message reads "op target: Ceph's words (kind)".
type Error struct {
	// Op is the call as Ceph names it, such as "osd purge" or "rbd create". Never holds a secret.
	Op string
	// Target names what was acted on, such as "osd.3" or "pool/image". May be empty.
	Target string
	// Kind is one of this package's Err values.
	Kind error
	// Errno is the positive errno that Ceph returned, 0 if there was none.
	Errno int
	// Text holds Ceph's own words, unchanged but for secrets. May be empty.
	Text string
	// Err is the cause beneath, if there is one besides Kind.
	Err error
}

// Error returns one line: what was asked, of what, and why it failed.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Target != "" {
		b.WriteString(" " + e.Target)
	}
	b.WriteString(": ")
	b.WriteString(e.reason())
	return b.String()
}

func (e *Error) reason() string {
	kind := "unknown failure"
	if e.Kind != nil {
		kind = e.Kind.Error()
	}
	switch {
	case e.Text != "":
		return strings.TrimSpace(e.Text) + " (" + kind + ")"
	case e.Err != nil:
		return kind + ": " + e.Err.Error()
	default:
		return kind
	}
}

// Unwrap makes errors.Is and errors.As see both the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Linux errno values that Ceph returns on every platform. They are spelt out
// because this package imports neither os nor syscall.
const (
	EPERM      = 1
	ENOENT     = 2
	EINTR      = 4
	EIO        = 5
	EAGAIN     = 11
	EACCES     = 13
	EBUSY      = 16
	EEXIST     = 17
	ENODEV     = 19
	EINVAL     = 22
	ENOSPC     = 28
	EROFS      = 30
	EDOM       = 33
	ERANGE     = 34
	ENOTEMPTY  = 39
	EOPNOTSUPP = 95
	ENOTCONN   = 107
	ESHUTDOWN  = 108
	ETIMEDOUT  = 110
	EUCLEAN    = 117
	EDQUOT     = 122
)

var kindOfErrno = map[int]error{
	EPERM: ErrPermission, EACCES: ErrPermission,
	ENOENT: ErrNotFound, ENODEV: ErrNotFound,
	EINTR: ErrAgain, EAGAIN: ErrAgain,
	EBUSY: ErrBusy, ENOTEMPTY: ErrBusy,
	EEXIST: ErrExists,
	EINVAL: ErrInvalid, EDOM: ErrInvalid, ERANGE: ErrInvalid,
	ENOSPC: ErrNoSpace, EDQUOT: ErrNoSpace,
	EROFS:      ErrReadOnly,
	EOPNOTSUPP: ErrUnsupported,
	ENOTCONN:   ErrUnreachable,
	ESHUTDOWN:  ErrBlocklisted,
	ETIMEDOUT:  ErrTimeout,
}

// KindOf maps an errno to its kind, of either sign. An errno that has no kind
// of its own is ErrRefused: Ceph said no, and the text says why.
func KindOf(errno int) error {
	if errno < 0 {
		errno = -errno
	}
	if k, ok := kindOfErrno[errno]; ok {
		return k
	}
	return ErrRefused
}
