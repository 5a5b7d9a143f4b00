//go:build cgo

package rados

// #cgo LDFLAGS: -lrados -ldl
// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <rados/librados.h>
//
// // rados_version tells the version of the interface (3.0.0 for many releases).
// // Ceph's own is behind a C++ function of libceph-common, not in any header.
// static const char *ceph_version(void) {
//     const char *(*version)(void) = (const char *(*)(void))dlsym(RTLD_DEFAULT, "_Z19ceph_version_to_strv");
//     return version ? version() : 0;
// }
import "C"

import "fmt"

// Version returns the release of Ceph that the linked librados is from, such as 16.2.15.
func Version() string {
	if v := C.ceph_version(); v != nil {
		return C.GoString(v)
	}
	var major, minor, extra C.int
	C.rados_version(&major, &minor, &extra)
	return fmt.Sprintf("of unknown release (interface %d.%d.%d)", major, minor, extra)
}
