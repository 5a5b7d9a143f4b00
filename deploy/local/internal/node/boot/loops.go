package boot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
)

// loopLog records the loop devices that are attached in the node: by the kubelet
// for raw block volumes, by a CSI driver. Loop devices are the machine's and
// outlive the node and everything in it, so whoever ends the node must detach
// them, and only them.
type loopLog struct {
	file *os.File
	mu   sync.Mutex
}

func openLoopLog(path string) (*loopLog, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of loop devices: %w", err)
	}
	return &loopLog{file: f}, nil
}

// FormatLoop is a line of the log: number and sequence number of the attachment.
func FormatLoop(number int, sequence uint64) string {
	return fmt.Sprintf("%d %d\n", number, sequence)
}

// ParseLoops reads the log. A last line without its end was being written when
// the node died.
func ParseLoops(text string) (map[int]uint64, error) {
	loops := map[int]uint64{}
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		number, sequence, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err1 := strconv.ParseUint(number, 10, 31)
		s, err2 := strconv.ParseUint(sequence, 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("unexpected line %q in the log of loop devices", line)
		}
		loops[int(n)] = s
	}
	return loops, nil
}

// watch follows the kernel's events of block devices for as long as the node runs.
func (l *loopLog) watch(logger *log.Logger) error {
	const kernelEvents = 1 // the group that the kernel itself sends to
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelEvents})
	}
	if err != nil {
		return fmt.Errorf("listen for events of block devices: %w", err)
	}
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			switch {
			case errors.Is(err, unix.ENOBUFS):
				l.scan(logger) // events were lost
			case err != nil && !errors.Is(err, unix.EINTR):
				logger.Printf("listen for events of block devices: %v", err)
				return
			default:
				if number, ok := loopOf(buffer[:max(n, 0)]); ok {
					// The file may lie on a FUSE filesystem that hangs: that
					// must not hold up the next event.
					go l.examine(number, logger)
				}
			}
		}
	}()
	return nil
}

// loopOf reads the number of the loop device that an event tells of. An event is
// a header and KEY=VALUE pairs, separated by NUL.
func loopOf(event []byte) (int, bool) {
	for field := range bytes.SplitSeq(event, []byte{0}) {
		if name, ok := bytes.CutPrefix(field, []byte("DEVNAME=")); ok {
			number, err := loop.ParsePath(string(name))
			return number, err == nil
		}
	}
	return 0, false
}

func (l *loopLog) scan(logger *log.Logger) {
	devices, err := loop.List(os.DirFS("/sys"))
	if err != nil {
		logger.Print(err)
	}
	for _, d := range devices {
		go l.examine(d.Number, logger)
	}
}

// examine records the device if it is attached to a file of this node.
func (l *loopLog) examine(number int, logger *log.Logger) {
	d, err := loop.Read(os.DirFS("/sys"), number)
	if err != nil || !d.Attached() {
		return
	}
	file, attached, err := backing(d)
	if err != nil || !attached || !visible(d.Backing, file) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.WriteString(FormatLoop(number, d.Sequence)); err != nil {
		logger.Printf("record %s: %v", loop.Name(number), err)
	}
}

// backing asks the device for its file through a device file of our own: the
// node's /dev has none for a number above the common ones.
func backing(d loop.Device) (loop.File, bool, error) {
	path := filepath.Join("/dev", ".loop-"+strconv.Itoa(d.Number))
	number := unix.Mkdev(d.Major, d.Minor)
	if err := unix.Mknod(path, unix.S_IFBLK|0o600, int(number)); err != nil && !errors.Is(err, fs.ErrExist) {
		return loop.File{}, false, err
	}
	defer os.Remove(path) //nolint:errcheck // gone with the node at the latest
	return loop.BackingAt(path)
}

// visible reports whether a process of this node sees that file at that path: a
// container has mounts that PID 1 has not. A file of the machine or of another
// node may have the same path, but is another file.
func visible(path string, file loop.File) bool {
	roots, err := filepath.Glob("/proc/[0-9]*/root")
	if err != nil {
		return false
	}
	for _, root := range roots {
		if seen, err := loop.FileAt(filepath.Join(root, path)); err == nil && seen == file {
			return true
		}
	}
	return false
}
