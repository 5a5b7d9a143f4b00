// Package mountinfo reads what the kernel says of mounts, in the form of proc_pid_mountinfo(5). It parses text: it opens
// nothing and asks no filesystem.
package mountinfo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seamount-dev/seamount/discover/disk"
)

// Mount is one line.
type Mount struct {
	ID int
	// Number of the filesystem's device; major 0 where it is on no single block device.
	Number disk.Number
	// Root of the mount within the filesystem, and Point where it is seen.
	Root, Point string
	// Options of the mount, Super those of the filesystem.
	Options, Super []string
	Type, Source   string
}

// ReadOnly says whether nothing can be written through the mount.
func (m Mount) ReadOnly() bool { return slices.Contains(m.Options, "ro") || m.Frozen() }

// Frozen says whether the filesystem itself takes no writes, through whatever mount: ext4 becomes so after an error.
func (m Mount) Frozen() bool {
	return slices.Contains(m.Super, "ro") || slices.Contains(m.Super, "emergency_ro") || slices.Contains(m.Super, "shutdown")
}

// At returns the mount that is seen at a path: of several the last one hides the others.
func At(mounts []Mount, path string) (Mount, bool) {
	for _, m := range slices.Backward(mounts) {
		if m.Point == path {
			return m, true
		}
	}
	return Mount{}, false
}

// Parse reads all lines.
func Parse(text string) ([]Mount, error) {
	var mounts []Mount
	for line := range strings.Lines(text) {
		m, err := parse(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

// parse reads a line such as "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sdb1 rw": an unknown number of optional
// fields ends with a dash. The source may be empty.
func parse(line string) (Mount, error) {
	head, tail, found := strings.Cut(line, " - ")
	before, after := strings.Fields(head), strings.Split(tail, " ")
	if !found || len(before) < 6 || len(after) < 3 {
		return Mount{}, fmt.Errorf("unexpected line %q of mountinfo", line)
	}
	id, err := strconv.Atoi(before[0])
	if err != nil {
		return Mount{}, fmt.Errorf("unexpected line %q of mountinfo", line)
	}
	number, err := disk.ParseNumber(before[2])
	if err != nil {
		return Mount{}, fmt.Errorf("unexpected line %q of mountinfo: %w", line, err)
	}
	return Mount{
		ID: id, Number: number, Root: Unescape(before[3]), Point: Unescape(before[4]), Options: strings.Split(before[5], ","),
		Type: after[0], Source: Unescape(after[1]), Super: strings.Split(after[len(after)-1], ","),
	}, nil
}

// Unescape undoes the octal escapes in which the kernel writes space, tab, newline and backslash.
func Unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
