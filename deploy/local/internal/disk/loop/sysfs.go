package loop

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Device is a loop device that exists, attached to a file or not.
type Device struct {
	Number int
	// Major and Minor are its device number.
	Major, Minor uint32
	// Backing is the file that it is attached to, as the kernel shows it to this
	// process, or empty. The path may be one of another mount namespace.
	Backing string
	// Bytes is its size.
	Bytes int64
	// Sequence is the kernel's diskseq: it differs for every attachment since the
	// boot, of every block device. Zero on kernels before 5.15.
	Sequence uint64
}

// Attached reports whether it has a backing file.
func (d Device) Attached() bool { return d.Backing != "" }

// Name is its name below /sys/block, and in /dev.
func Name(number int) string { return "loop" + strconv.Itoa(number) }

// Path is its device file on the machine.
func Path(number int) string { return "/dev/" + Name(number) }

// List reads all loop devices from sysfs, by number. sys is /sys.
func List(sys fs.FS) ([]Device, error) {
	entries, err := fs.ReadDir(sys, "block")
	if err != nil {
		return nil, fmt.Errorf("list block devices: %w", err)
	}
	var all []Device
	for _, e := range entries {
		number, ok := parseName(e.Name())
		if !ok {
			continue
		}
		d, err := Read(sys, number)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Device) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// Read reads one loop device from sysfs. It is fs.ErrNotExist if there is none.
func Read(sys fs.FS, number int) (Device, error) {
	d := Device{Number: number}
	dir := path.Join("block", Name(number))
	id, err := fs.ReadFile(sys, path.Join(dir, "dev"))
	if err != nil {
		return d, fmt.Errorf("read %s: %w", Name(number), err)
	}
	if d.Major, d.Minor, err = parseDev(string(id)); err != nil {
		return d, fmt.Errorf("read %s: %w", Name(number), err)
	}
	sectors, err := readNumber(sys, path.Join(dir, "size"))
	if err != nil {
		return d, fmt.Errorf("read the size of %s: %w", Name(number), err)
	}
	d.Bytes = int64(sectors) * 512 // sysfs counts sectors of 512 bytes whatever the device's are
	if d.Sequence, err = readNumber(sys, path.Join(dir, "diskseq")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, fmt.Errorf("read the sequence number of %s: %w", Name(number), err)
	}
	// An unattached device has no such file.
	backing, err := fs.ReadFile(sys, path.Join(dir, "loop", "backing_file"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, fmt.Errorf("read the file behind %s: %w", Name(number), err)
	}
	d.Backing = strings.TrimSuffix(string(backing), "\n")
	return d, nil
}

// ParsePath reads the number from a device file's path.
func ParsePath(path string) (int, error) {
	number, ok := parseName(strings.TrimPrefix(path, "/dev/"))
	if !ok {
		return 0, fmt.Errorf("%q is no loop device", path)
	}
	return number, nil
}

// parseName reads "loop7". Partitions ("loop7p1") are no entries of /sys/block.
func parseName(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "loop")
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 31)
	return int(number), err == nil && Name(int(number)) == name
}

func parseDev(text string) (major, minor uint32, err error) {
	a, b, ok := strings.Cut(strings.TrimSpace(text), ":")
	maj, err1 := strconv.ParseUint(a, 10, 32)
	mnr, err2 := strconv.ParseUint(b, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("unexpected device number %q", text)
	}
	return uint32(maj), uint32(mnr), nil
}

func readNumber(sys fs.FS, name string) (uint64, error) {
	data, err := fs.ReadFile(sys, name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
}
