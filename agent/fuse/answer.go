package fuse

import "syscall"

// answerInit agrees on a version and on what both sides can do.
func (in initIn) answer() []byte {
	flags := in.agreed()
	out := make([]byte, 64)
	le.PutUint32(out[0:], kernelMajor)
	le.PutUint32(out[4:], kernelMinor)
	le.PutUint32(out[8:], in.readahead)
	le.PutUint32(out[12:], uint32(flags))
	le.PutUint16(out[16:], maxBackground)
	le.PutUint16(out[18:], maxBackground*3/4)
	le.PutUint32(out[20:], MaxIO)
	le.PutUint32(out[24:], 1) // times are in nanoseconds
	le.PutUint16(out[28:], MaxIO/pageSize)
	le.PutUint32(out[32:], uint32(flags>>32))
	return out
}

// maxBackground is how many requests the kernel hands out at once that nobody waits for: those of a loop device.
const maxBackground = 128

func (in initIn) agreed() uint64 {
	return in.flags & (initAsyncRead | initBigWrites | initAsyncDIO | initMaxPages | initExt | initResend)
}

// attributes of the file. The kernel must not keep them: the size may change.
func attributes(size int64, writable bool) []byte {
	out := make([]byte, 104)
	attr := out[16:]
	le.PutUint64(attr[0:], 1) // the inode
	le.PutUint64(attr[8:], uint64(size))
	le.PutUint64(attr[16:], uint64(size)/512)
	le.PutUint32(attr[60:], fileMode(writable))
	le.PutUint32(attr[64:], 1) // links
	le.PutUint32(attr[80:], pageSize)
	return out
}

func fileMode(writable bool) uint32 {
	if writable {
		return syscall.S_IFREG | 0o600
	}
	return syscall.S_IFREG | 0o400
}

func opened() []byte {
	out := make([]byte, 16)
	le.PutUint32(out[8:], openDirectIO|openNoFlush|openParallelWrites)
	return out
}

func written(n int) []byte {
	out := make([]byte, 8)
	le.PutUint32(out, uint32(n))
	return out
}

// filesystem is the answer to STATFS: the file fills it.
func filesystem(size int64) []byte {
	out := make([]byte, 80)
	le.PutUint64(out, uint64(size)/pageSize)
	le.PutUint32(out[40:], pageSize)
	le.PutUint32(out[44:], 255) // length of a name
	le.PutUint32(out[48:], pageSize)
	return out
}

func header(unique uint64, errno syscall.Errno, length int) []byte {
	out := make([]byte, outHeaderSize)
	le.PutUint32(out[0:], uint32(outHeaderSize+length))
	le.PutUint32(out[4:], uint32(-int32(errno)))
	le.PutUint64(out[8:], unique)
	return out
}
