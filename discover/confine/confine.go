// Package confine takes from the running process, for good, the ability to open files for writing. Reading a block
// device needs a privileged container, which could write it as well; discover gives that up before it opens any.
//
// There are two means. A seccomp filter refuses the system calls that open for writing, with EROFS, and those that
// would get around it. A Landlock domain refuses the opening itself, whichever way it comes about; but it also hides
// the descriptors of all other processes (/proc/PID/fd), by which the inventory finds out who holds a disk. So the
// process that takes the inventory and opens no device uses seccomp, and the children that open devices use both.
//
// What remains is what a descriptor opened for reading allows, such as pass-through commands to SCSI and NVMe devices,
// which smartctl needs.
package confine

import "strings"

// Means are what holds a process to reading.
type Means struct {
	// Seccomp: system calls that open for writing fail with EROFS.
	Seccomp bool
	// Landlock: the kernel refuses to open any file for writing, whichever way.
	Landlock bool
	// Text says why one that was asked for is not there.
	Text string
}

// Held says that at least one holds.
func (m Means) Held() bool { return m.Seccomp || m.Landlock }

// ReadOnly is for the process that takes the inventory. All its threads and children are held, too.
func ReadOnly() Means {
	var m Means
	m.Seccomp = m.note("seccomp", filter())
	return m
}

// ReadOnlyDevices is for a process that opens block devices. All its threads and children are held, too.
func ReadOnlyDevices() Means {
	m := ReadOnly()
	m.Landlock = m.note("Landlock", landlock())
	return m
}

// note keeps why a means is not there.
func (m *Means) note(name string, err error) bool {
	if err == nil {
		return true
	}
	m.Text = strings.TrimPrefix(m.Text+"; "+name+": "+err.Error(), "; ")
	return false
}
