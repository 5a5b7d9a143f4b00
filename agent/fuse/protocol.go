package fuse

// Version of the protocol that is spoken; a kernel with a newer one falls back to it.
const (
	kernelMajor = 7
	kernelMinor = 38
)

// opcode is what the kernel asks for.
type opcode uint32

const (
	opForget      opcode = 2
	opGetattr     opcode = 3
	opSetattr     opcode = 4
	opOpen        opcode = 14
	opRead        opcode = 15
	opWrite       opcode = 16
	opStatfs      opcode = 17
	opRelease     opcode = 18
	opFsync       opcode = 20
	opFlush       opcode = 25
	opInit        opcode = 26
	opInterrupt   opcode = 36
	opDestroy     opcode = 38
	opBatchForget opcode = 42
	opFallocate   opcode = 43
)

// Sizes of structures.
const (
	inHeaderSize  = 40
	outHeaderSize = 16
	writeInSize   = 40
)

// Bits of INIT, in one number: the upper half is in the second word of flags.
const (
	initAsyncRead = 1 << 0  // several reads of a file at once
	initBigWrites = 1 << 5  // writes of more than a page
	initAsyncDIO  = 1 << 15 // several direct requests at once
	initMaxPages  = 1 << 22 // the size of a request is negotiated
	initExt       = 1 << 30 // there is a second word of flags
	initResend    = 1 << 39 // requests that were not answered can be sent again
)

// Bits of the answer to OPEN.
const (
	openDirectIO       = 1 << 0 // past the page cache
	openNoFlush        = 1 << 5 // closing says nothing that fsync does not
	openParallelWrites = 1 << 6 // several direct writes at once
)

// Modes of FALLOCATE.
const (
	fallocateKeepSize  = 0x01
	fallocatePunchHole = 0x02
	fallocateZeroRange = 0x10
)

// setattrSize in SETATTR asks to truncate the file.
const setattrSize = 1 << 3

// notifyResend asks the kernel to send again what was not answered.
const notifyResend = 7

// MaxIO is the largest read or write, in bytes.
const MaxIO = 1 << 20

// BufferSize is what a buffer must have for one request.
const BufferSize = MaxIO + 4096

const pageSize = 4096
