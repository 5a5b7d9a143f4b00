package disk

import "github.com/seamount-dev/seamount/api/v1alpha1"

// Content is what was read from a disk. Only a Content with Outcome OutcomeRead says anything about what the disk holds.
type Content struct {
	// Outcome of the reading as a whole.
	Outcome Outcome
	// Text of what went wrong, in the words of the system; empty for OutcomeRead.
	Text string
	// Signatures that the two readers found, on the disk and on its partitions.
	Signatures []Signature
	// Sources that read the disk to the end: SourceBlockdevice and SourceBlkid. Both are needed.
	Sources []Source
	// Labels of BlueStore that were found, at every place where one may be.
	Labels []Label
	// Table is the GPT of the disk; nil when it has none that is whole.
	Table *Table
	// Samples of the content.
	Samples Samples
}

// Outcome of reading a disk.
type Outcome string

// Outcomes of reading a disk.
const (
	// OutcomeNotRead is the zero value: nothing was tried.
	OutcomeNotRead Outcome = ""
	// OutcomeRead means that everything was read, in time.
	OutcomeRead Outcome = "read"
	// OutcomeTimeout means that the disk did not answer in time.
	OutcomeTimeout Outcome = "timeout"
	// OutcomeUnreadable means that a part of the disk gave an I/O error.
	OutcomeUnreadable Outcome = "unreadable"
	// OutcomeFailed means that the reader itself failed, or was not allowed to read.
	OutcomeFailed Outcome = "failed"
)

// Source is a reader of signatures.
type Source string

// The independent readers of signatures.
const (
	// SourceBlockdevice is the Go library with Seamount's own table of what it lacks.
	SourceBlockdevice Source = "blockdevice"
	// SourceBlkid is util-linux.
	SourceBlkid Source = "blkid"
)

// Signature is one thing that a reader recognised.
type Signature struct {
	Source Source
	// Device it lies on: the disk or a partition.
	Device string
	// Kind in the words of the API; Type in the reader's own, such as ext4, LVM2_member, gpt.
	Kind v1alpha1.ContentKind
	Type string
	// Offset in bytes from the beginning of the device, -1 where the reader does not say.
	Offset int64
	// UUID and Label of what was found.
	UUID, Label string
}

// Table is a GPT, of which at least one copy is whole.
type Table struct {
	// ID is the GUID of the table.
	ID         string
	Partitions []TableEntry
}

// TableEntry is a partition, whether the kernel knows it or not.
type TableEntry struct {
	Number     int
	Type, UUID string
	Name       string
	// Offset on the disk and Size, in bytes.
	Offset, Size int64
}

// Label is a label of BlueStore. The key that lies in it is never read into it.
type Label struct {
	// Device it lies on: the disk or a partition. Offset in bytes on that device.
	Device string
	Offset int64
	// OSDUUID and FSID identify the OSD and its cluster; OSDID is -1 where the label does not say.
	OSDUUID, FSID string
	OSDID         int
	// Size in bytes of the OSD's device, as the label has it. Description is "main" or "bluefs db".
	Size        int64
	Description string
	// Ready says that mkfs came to its end.
	Ready bool
	// Valid is false for a label whose checksum is wrong.
	Valid bool
}

// Samples is what was read of a disk to tell whether it is empty, and whether it is still the same.
type Samples struct {
	// Count of the samples, and Bytes that were read for them.
	Count int
	Bytes int64
	// NonZero is how many are not all zeros, First the offset in bytes of the first of them, -1 when there is none.
	NonZero int
	First   int64
	// Digest is the SHA-256 of offsets and contents, in hexadecimal.
	Digest string
}
