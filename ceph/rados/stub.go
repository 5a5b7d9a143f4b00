//go:build !cgo

package rados

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

// withoutLibrados is what every use of this build says.
const withoutLibrados = "built without librados (cgo was off): build with CGO_ENABLED=1 and librados-dev and librbd-dev installed"

// Client stands in for the session of a build with librados. There is never one.
type Client struct{ ceph.Client }

// Connect fails with ceph.ErrUnsupported, whatever the configuration.
func Connect(_ context.Context, config Config) (*Client, error) {
	if _, _, err := config.prepare(); err != nil {
		return nil, err
	}
	return nil, config.fail(ceph.ErrUnsupported, withoutLibrados, nil)
}

// Stats returns the counters.
func (c *Client) Stats() Stats { return Stats{} }

// Version says that there is no librados.
func Version() string { return "none" }
