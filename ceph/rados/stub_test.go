//go:build !cgo

package rados

import (
	"errors"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

func TestConnectWithoutLibrados(t *testing.T) {
	t.Parallel()
	c, err := Connect(t.Context(), goodConfig())
	if c != nil || !errors.Is(err, ceph.ErrUnsupported) || !strings.Contains(err.Error(), "built without librados") {
		t.Errorf("Connect = %v, %v", c, err)
	}
}
