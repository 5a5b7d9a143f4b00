//go:build cgo

package librados

// #cgo LDFLAGS: -lrados
// #include <rados/librados.h>
import "C"

import (
	"fmt"
	"runtime"

	"github.com/ceph/go-ceph/rados"

	"github.com/seamount-dev/seamount/ceph"
)

// Apply sets options, and returns the name of the one that was refused with the error. One that this librados does not
// know is left out: all are there to behave better, but the key and the addresses, which all know.
func Apply(handle *rados.Conn, options Options) (string, error) {
	for _, o := range options {
		if err := handle.SetConfigOption(o[0], o[1]); err != nil && Errno(err) != ceph.ENOENT {
			return o[0], err
		}
	}
	return "", nil
}

// Free frees a handle. go-ceph's Shutdown does nothing for one that never got connected, and leaves that to a finalizer,
// which would block all others.
func Free(handle *rados.Conn) {
	runtime.SetFinalizer(handle, nil)
	C.rados_shutdown(C.rados_t(handle.Cluster()))
}

// ExclusiveLock is the name of librbd's lock on an image's header.
const ExclusiveLock = "rbd_lock"

// Lockers lists who holds the lock of an image, by its header's object. It asks the OSD itself: go-ceph's
// Image.ListLockers takes every failure for "nobody".
func Lockers(pool *rados.IOContext, header string) ([]ceph.Locker, error) {
	info, err := pool.ListLockers(header, ExclusiveLock)
	if err != nil {
		return nil, err
	}
	n := info.NumLockers
	if len(info.Clients) < n || len(info.Cookies) < n || len(info.Addrs) < n {
		return nil, fmt.Errorf("%d lockers, but %d names, %d cookies and %d addresses", n, len(info.Clients), len(info.Cookies), len(info.Addrs))
	}
	all := make([]ceph.Locker, n)
	for i := range n {
		all[i] = ceph.Locker{Client: info.Clients[i], Cookie: info.Cookies[i], Addr: Untyped(info.Addrs[i])}
	}
	return all, nil
}
