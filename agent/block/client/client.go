// Package client is how the agent asks a keeper of seamount-block. Every call may be repeated, also after it was cut
// short. It starts no process: a keeper runs outside of the agent's pod.
package client

import (
	"context"
	"path/filepath"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/wire"
)

// Socket is where the keeper of a directory listens.
func Socket(dir string) string { return filepath.Join(dir, block.ControlDir, "keeper.sock") }

// Path is where an image of a directory is mapped.
func Path(dir string, image block.Image) string { return filepath.Join(dir, image.Pool, image.Name) }

// Client talks to the keeper of one directory. Its methods are safe for concurrent use.
type Client struct{ socket string }

// New makes a client of the keeper of a directory. It does not need to run yet.
func New(dir string) *Client { return &Client{Socket(dir)} }

func (c *Client) call(ctx context.Context, op string, request, response any) error {
	return wire.Call(ctx, c.socket, op, -1, request, response)
}

// Hello asks who answers. Without a keeper the error's code is block.NotRunning.
func (c *Client) Hello(ctx context.Context) (block.Hello, error) {
	var h block.Hello
	return h, c.call(ctx, block.OpHello, nil, &h)
}

// Connect says how to reach Ceph, and starts the first worker. Another key or other mons than before are used by the
// next worker; a changed key makes one at once, without a stall that anybody notices.
func (c *Client) Connect(ctx context.Context, connection block.Connection) error {
	return c.call(ctx, block.OpConnect, connection, nil)
}

// Map makes an image the content of a file, and returns at once what is there when it is mapped already. The error's
// code is block.Locked when another client holds the lock; it is never taken away from it. It is block.Gone when a
// mapping that was aborted or lost is still there: Unmap it first.
func (c *Client) Map(ctx context.Context, image block.Image, access block.Access) (block.Mapped, error) {
	var m block.Mapped
	return m, c.call(ctx, block.OpMap, block.MapRequest{Image: image, Access: access}, &m)
}

// Unmap undoes Map: when it returns nil, the file and the lock are gone. An image that is not mapped is no error; if this
// node left a lock on it, that is released. The error's code is block.Busy while something has the file open.
func (c *Client) Unmap(ctx context.Context, image block.Image) error {
	return c.call(ctx, block.OpUnmap, image, nil)
}

// Refresh reads an image's size from Ceph, for which the kernel then asks when it looks at the file.
func (c *Client) Refresh(ctx context.Context, image block.Image) (block.Mapped, error) {
	var m block.Mapped
	return m, c.call(ctx, block.OpRefresh, image, &m)
}

// SetFormatting marks a mapped image before a mkfs, with the filesystem's type; an empty type takes the mark away.
func (c *Client) SetFormatting(ctx context.Context, image block.Image, filesystem string) error {
	return c.call(ctx, block.OpFormatting, block.FormattingRequest{Image: image, Type: filesystem}, nil)
}

// Blank asks Ceph whether a mapped image holds anything. Zeros that were written count as something.
func (c *Client) Blank(ctx context.Context, image block.Image) (bool, error) {
	var r block.BlankResponse
	return r.Blank, c.call(ctx, block.OpBlank, image, &r)
}

// Status tells how the keeper and all images are. It asks neither Ceph nor the worker, and so never waits for them.
func (c *Client) Status(ctx context.Context) (block.Status, error) {
	var s block.Status
	return s, c.call(ctx, block.OpStatus, nil, &s)
}

// HandOver replaces the worker by one of the keeper's own program. If the new one cannot serve, the old one goes on.
func (c *Client) HandOver(ctx context.Context) error { return c.call(ctx, block.OpHandOver, nil, nil) }

// Resign ends the keeper and leaves the worker serving, for a keeper of another version to adopt it.
func (c *Client) Resign(ctx context.Context) error { return c.call(ctx, block.OpResign, nil, nil) }

// Shutdown ends keeper and worker. The error's code is block.Busy while an image is mapped.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, block.OpShutdown, nil, nil)
}
