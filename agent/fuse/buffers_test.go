package fuse

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestBuffersAreResident(t *testing.T) {
	t.Parallel()
	b := resident(BufferSize)
	page := os.Getpagesize()
	first := page - 1 - int(uintptr(unsafe.Pointer(&b[0]))+uintptr(page)-1)%page // to the next whole page
	whole := (len(b) - first) / page
	there := make([]byte, whole)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[first])), uintptr(whole*page), uintptr(unsafe.Pointer(&there[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for i, in := range there {
		if in&1 == 0 {
			t.Errorf("page %d of %d is not there", i, whole)
		}
	}
}
