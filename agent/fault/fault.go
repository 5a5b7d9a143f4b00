// Package fault gives errors of the agent's volume service the code that its caller acts by, and texts that a person can
// act on: what, why, and what to do. It knows nothing of gRPC's transport.
package fault

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is an error with a code.
type Error struct {
	Code codes.Code
	err  error
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what is behind it.
func (e *Error) Unwrap() error { return e.err }

// New makes an error with a code. The format may wrap another error with %w.
func New(code codes.Code, format string, args ...any) error {
	return &Error{Code: code, err: fmt.Errorf(format, args...)}
}

// CodeOf returns the code of an error: that of the outermost Error in it, else by what it is.
func CodeOf(err error) codes.Code {
	var fault *Error
	switch {
	case err == nil:
		return codes.OK
	case errors.As(err, &fault):
		return fault.Code
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return codes.Internal
}

// Status is the error as gRPC carries it, with its whole text.
func Status(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(CodeOf(err), err.Error())
}
