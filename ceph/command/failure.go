package command

import (
	"errors"
	"regexp"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
)

// Failure is the error of a request that a daemon refused with this errno (of
// either sign) and these words. Transports make their refusals with it, so that
// each release's way to say "I do not know that command" is one kind.
func Failure(r Request, errno int, status string) *ceph.Error {
	if errno < 0 {
		errno = -errno
	}
	return &ceph.Error{
		Op:     r.Op,
		Target: r.Subject,
		Kind:   kindOf(errno, words(status)),
		Errno:  errno,
		Text:   redactKeys(lastLine(words(status))),
	}
}

// kindOf refines an errno by the words that came with it: mons and mgrs use
// some errnos for more than one thing.
func kindOf(errno int, status string) error {
	switch {
	case isTraceback(status):
		return ceph.ErrRefused // a mgr module failed; it says EINVAL whatever the cause
	case errno == ceph.EINVAL && isUnknownCommand(status):
		return ceph.ErrUnsupported
	case errno == ceph.EPERM && status != "" && !strings.HasPrefix(status, "access denied"):
		return ceph.ErrRefused // "are you sure" and the like; caps that do not suffice are EACCES
	}
	return ceph.KindOf(errno)
}

// isUnknownCommand knows a release without the command by its words: the errno
// is that of a bad argument.
func isUnknownCommand(status string) bool {
	s := strings.ToLower(status)
	return strings.HasPrefix(s, "command not known") || strings.HasPrefix(s, "no handler found")
}

// staleWarning stands in front of whatever a mgr says from its start until all
// OSDs have reported to it.
const staleWarning = "Warning: due to ceph-mgr restart, some PG states may not be up to date"

// words returns what a daemon says of the command.
func words(status string) string {
	return strings.TrimSpace(strings.TrimPrefix(status, staleWarning))
}

func isTraceback(status string) bool { return strings.HasPrefix(status, "Traceback ") }

// lastLine returns of the traceback of a mgr module its last line, the exception.
func lastLine(words string) string {
	if !isTraceback(words) {
		return words
	}
	return words[strings.LastIndexByte(words, '\n')+1:]
}

// cephxKey matches both key types in base64: 16-byte aes and 32-byte aes256k.
var cephxKey = regexp.MustCompile(`A[Qg][A-Za-z0-9+/]{36,58}={0,2}`)

// redactKeys takes keys out of text that is about to be shown.
func redactKeys(s string) string { return cephxKey.ReplaceAllString(s, "[redacted]") }

// refused tells whether err is Ceph's refusal with one of these errnos and with
// these words in it.
func refused(err error, phrase string, errnos ...int) bool {
	var e *ceph.Error
	if !errors.As(err, &e) || !strings.Contains(e.Text, phrase) {
		return false
	}
	for _, errno := range errnos {
		if e.Errno == errno {
			return true
		}
	}
	return false
}

// rekind gives Ceph's refusal with these words another kind, where the errno
// alone names the wrong one.
func rekind(err error, kind error, phrase string, errnos ...int) error {
	if !refused(err, phrase, errnos...) {
		return err
	}
	var e *ceph.Error
	errors.As(err, &e)
	again := *e
	again.Kind = kind
	return &again
}

// invalid is the error of arguments that are refused before anything is sent.
func (r Request) invalid(text string) error { return r.fail(ceph.ErrInvalid, text) }

// fail is an error about this request that no daemon returned as an errno.
func (r Request) fail(kind error, text string) error {
	return &ceph.Error{Op: r.Op, Target: r.Subject, Kind: kind, Text: redactKeys(strings.TrimSpace(text))}
}
