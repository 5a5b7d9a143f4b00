package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	inner := New(codes.NotFound, "no image: %w", cause)
	for name, c := range map[string]struct {
		err  error
		want codes.Code
	}{
		"none":     {nil, codes.OK},
		"plain":    {cause, codes.Internal},
		"own":      {inner, codes.NotFound},
		"wrapped":  {fmt.Errorf("stage: %w", inner), codes.NotFound},
		"outer":    {New(codes.Unavailable, "later: %w", inner), codes.Unavailable},
		"deadline": {fmt.Errorf("map: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
		"canceled": {context.Canceled, codes.Canceled},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := status.Convert(Status(c.err)); got.Code() != c.want || c.err != nil && got.Message() != c.err.Error() {
			t.Errorf("%s: status %v", name, got)
		}
	}
	if !errors.Is(inner, cause) {
		t.Error("the cause is lost")
	}
}
