package ceph

import (
	"context"
	"errors"
	"testing"
)

func TestErrorMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  Error
		want string
	}{
		{
			"ceph's own words come first",
			Error{Op: "osd purge", Target: "osd.3", Kind: ErrBusy, Errno: EBUSY, Text: "Error EBUSY: osd.3 is not `down`.\n"},
			"osd purge osd.3: Error EBUSY: osd.3 is not `down`. (busy)",
		},
		{
			"a cause stands in for words",
			Error{Op: "status", Kind: ErrTimeout, Err: context.DeadlineExceeded},
			"status: timed out: context deadline exceeded",
		},
		{"the kind alone", Error{Op: "rbd info", Target: "p/i", Kind: ErrNotFound}, "rbd info p/i: not found"},
		{"no kind", Error{Op: "status"}, "status: unknown failure"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestErrorUnwrapsToKindAndCause(t *testing.T) {
	t.Parallel()
	err := error(&Error{Op: "status", Kind: ErrTimeout, Err: context.DeadlineExceeded})
	for _, want := range []error{ErrTimeout, context.DeadlineExceeded} {
		if !errors.Is(err, want) {
			t.Errorf("errors.Is(%v, %v) is false", err, want)
		}
	}
	if errors.Is(err, ErrNotFound) {
		t.Error("matches a kind that it is not")
	}
	var e *Error
	if !errors.As(err, &e) || e.Op != "status" {
		t.Errorf("errors.As found %v", e)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		errno int
		want  error
	}{
		{-ENOENT, ErrNotFound},
		{ENOENT, ErrNotFound},
		{-EEXIST, ErrExists},
		{-EBUSY, ErrBusy},
		{-ENOTEMPTY, ErrBusy},
		{-EACCES, ErrPermission},
		{-EAGAIN, ErrAgain},
		{-EDQUOT, ErrNoSpace},
		{-EROFS, ErrReadOnly},
		{-ESHUTDOWN, ErrBlocklisted},
		{-ENOTCONN, ErrUnreachable},
		{-EIO, ErrRefused},
		{-4096, ErrRefused},
	}
	for _, tt := range tests {
		if got := KindOf(tt.errno); !errors.Is(got, tt.want) {
			t.Errorf("KindOf(%d) = %v, want %v", tt.errno, got, tt.want)
		}
	}
}
