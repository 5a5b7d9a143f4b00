//go:build !cgo

package blockdevice

import (
	"context"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// withoutLibrbd is what every use of this build says.
const withoutLibrbd = "built without librbd (cgo was off): build with CGO_ENABLED=1 and librados-dev and librbd-dev installed"

// Cluster stands in for the connection of a build with librbd. There is never one.
type Cluster struct{}

// Connect fails with ceph.ErrUnsupported.
func Connect(_ context.Context, config Config) (*Cluster, error) {
	return nil, config.fail(ceph.ErrUnsupported, withoutLibrbd, 0)
}

// Address returns nothing.
func (c *Cluster) Address() string { return "" }

// Blocklist fails.
func (c *Cluster) Blocklist(context.Context) ([]ceph.BlocklistEntry, error) {
	return nil, unsupported()
}

// AddBlocklist fails.
func (c *Cluster) AddBlocklist(context.Context, string, time.Duration) error { return unsupported() }

// Open fails.
func (c *Cluster) Open(ceph.ImageRef, bool) (*Image, error) { return nil, unsupported() }

func unsupported() error { return Config{}.fail(ceph.ErrUnsupported, withoutLibrbd, 0) }

// Image stands in for an open image. There is never one.
type Image struct{}

// Size fails.
func (i *Image) Size() (int64, error) { return 0, unsupported() }

// ReadAt fails.
func (i *Image) ReadAt([]byte, int64) (int, error) { return 0, unsupported() }

// WriteAt fails.
func (i *Image) WriteAt([]byte, int64) (int, error) { return 0, unsupported() }

// Discard fails.
func (i *Image) Discard(int64, int64) error { return unsupported() }

// Flush fails.
func (i *Image) Flush() error { return unsupported() }

// Lockers fails.
func (i *Image) Lockers() ([]ceph.Locker, error) { return nil, unsupported() }

// BreakLock fails.
func (i *Image) BreakLock(ceph.Locker) error { return unsupported() }

// Lock fails.
func (i *Image) Lock() error { return unsupported() }

// Metadata fails.
func (i *Image) Metadata() (map[string]string, error) { return nil, unsupported() }

// SetMetadata fails.
func (i *Image) SetMetadata(string, string) error { return unsupported() }

// RemoveMetadata fails.
func (i *Image) RemoveMetadata(string) error { return unsupported() }

// Blank fails.
func (i *Image) Blank() (bool, error) { return false, unsupported() }

// Close fails.
func (i *Image) Close() error { return unsupported() }
