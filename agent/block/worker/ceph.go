package worker

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fuse"
	"github.com/seamount-dev/seamount/ceph"
)

// Cluster is a connection to Ceph.
type Cluster interface {
	// Address is this client's, as the blocklist takes it.
	Address() string
	// Open opens an image. One for writing has a watcher.
	Open(ref ceph.ImageRef, writable bool) (Image, error)
	// Blocklist lists who is fenced. What this client does afterwards, no write of those follows.
	Blocklist(ctx context.Context) ([]ceph.BlocklistEntry, error)
	// AddBlocklist fences an address; what this client does afterwards, no write of the fenced one follows.
	AddBlocklist(ctx context.Context, address string, d time.Duration) error
}

// Image is an open image. Its methods wait for Ceph as long as it takes.
type Image interface {
	fuse.File
	// Lockers lists who holds the lock.
	Lockers() ([]ceph.Locker, error)
	// BreakLock takes the lock away from a client that is fenced. One that is gone is no error.
	BreakLock(l ceph.Locker) error
	// Lock takes the exclusive lock, and keeps it when another client asks for it.
	Lock() error
	Metadata() (map[string]string, error)
	SetMetadata(key, value string) error
	RemoveMetadata(key string) error
	// Blank tells whether nothing is allocated.
	Blank() (bool, error)
	// Close gives up lock and watch.
	Close() error
}

// fenceDuration is how long a dead worker stays fenced. Nothing of it is left by then.
const fenceDuration = time.Hour

// fenced tells whether an address is on the blocklist, by itself, with its host or with its network.
func fenced(list []ceph.BlocklistEntry, address string) bool {
	for _, e := range list {
		if e.Addr == address || hostFenced(e.Addr, address) {
			return true
		}
	}
	return false
}

// networkPrefix marks a network on the blocklist: cidr:10.1.0.0:0/16.
const networkPrefix = "cidr:"

func hostFenced(entry, address string) bool {
	host, ok := hostOf(address)
	if !ok {
		return false
	}
	if network, is := strings.CutPrefix(entry, networkPrefix); is {
		prefix, err := netip.ParsePrefix(withoutPort(network))
		return err == nil && prefix.Contains(host)
	}
	other, ok := hostOf(entry)
	return ok && other == host && strings.HasSuffix(entry, ":0/0")
}

// hostOf reads the host of 10.0.0.7:0/123 or [fd00::7]:0/123.
func hostOf(address string) (netip.Addr, bool) {
	endpoint, _, _ := strings.Cut(address, "/")
	parsed, err := netip.ParseAddrPort(endpoint)
	return parsed.Addr().Unmap(), err == nil
}

// withoutPort makes 10.1.0.0/16 of 10.1.0.0:0/16, and fd00::/8 of [fd00::]:0/8.
func withoutPort(network string) string {
	endpoint, bits, _ := strings.Cut(network, "/")
	parsed, err := netip.ParseAddrPort(endpoint)
	if err != nil {
		return network
	}
	return parsed.Addr().String() + "/" + bits
}

// translate makes an error that crosses a socket of one of Ceph.
func translate(err error) error {
	var known *block.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	for _, k := range []struct {
		kind   error
		code   block.Code
		remedy string
	}{
		{ceph.ErrNotFound, block.NotFound, ""},
		{ceph.ErrBlocklisted, block.Fenced, ": this node's client is on Ceph's blocklist"},
		{ceph.ErrPermission, block.Denied, ": check the capabilities of the node's user"},
		{ceph.ErrAuthentication, block.Denied, ": check the key of the node's user"},
		{ceph.ErrInvalid, block.Invalid, ""},
		{ceph.ErrUnsupported, block.Unsupported, ""},
		{ceph.ErrTimeout, block.Timeout, ""},
	} {
		if errors.Is(err, k.kind) {
			return block.Errorf(k.code, "%v%s", err, k.remedy)
		}
	}
	return block.Errorf(block.Unavailable, "%v", err)
}
