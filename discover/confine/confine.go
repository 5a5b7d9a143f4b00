// Package confine takes from the running process, for good, the ability to open files for writing. Reading a block
// device needs a privileged container, which could write it as well; discover gives that up before it opens any.
//
// Landlock also hides the descriptors of other processes (/proc/PID/fd), which the inventory reads, so the process
// that takes the inventory uses seccomp, and the children that open devices use both.
package confine

// Means are what holds a process to reading.
type Means struct {
	// Seccomp: system calls that open for writing fail with EROFS.
	Seccomp bool
	// Landlock: the kernel refuses to open any file for writing, whichever way.
	Landlock bool
	// Text says why one of them is not there.
	Text string
}

// Held says that at least one holds.
func (m Means) Held() bool { return m.Seccomp || m.Landlock }

// ReadOnly is for the process that takes the inventory. All its threads and children are held, too.
func ReadOnly() Means { return Means{} }

// ReadOnlyDevices is for a process that opens block devices. All its threads and children are held, too.
func ReadOnlyDevices() Means { return Means{} }
