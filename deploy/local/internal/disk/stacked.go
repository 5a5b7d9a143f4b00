package disk

import (
	"io/fs"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// stacked detaches the loop devices that a process of a node attached to a file in a filesystem on one of its disks. Such a
// device keeps the filesystem, and with it the disk, when all processes and mounts of the node are gone; and the node may have
// died before it recorded the device.
type stacked struct {
	sys  fs.FS
	next time.Time
	mu   sync.Mutex
	// asked are the devices that have not answered yet: one whose file is on a FUSE filesystem that hangs may never do.
	asked map[int]bool
}

// stackedPause is how long a disk is left to those that are just closing it, and between one look and the next: devices of
// others are opened, too, to ask them for their files.
const stackedPause = time.Second

// look asks all devices, without waiting for their answers, whether they stand on one of these, which are ours.
func (s *stacked) look(ours []state.Entry) {
	now := time.Now()
	if now.Before(s.next) {
		return
	}
	s.next = now.Add(stackedPause)
	devices, err := loop.List(s.sys)
	if err != nil {
		return // it is looked again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range devices {
		if d.Attached() && !s.asked[d.Number] {
			s.asked[d.Number] = true
			go s.ask(d.Number, devices, ours)
		}
	}
}

func (s *stacked) ask(number int, devices []loop.Device, ours []state.Entry) {
	if standsOn(number, devices, ours) {
		_ = loop.Detach(number) // it is asked again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, number)
}

// standsOn follows a loop device to the device of the filesystem that its file is in, and on from there.
func standsOn(number int, devices []loop.Device, ours []state.Entry) bool {
	for {
		file, attached, err := loop.Backing(number)
		if err != nil || !attached {
			return false
		}
		below := slices.IndexFunc(devices, func(d loop.Device) bool { return unix.Mkdev(d.Major, d.Minor) == file.Device })
		if below < 0 {
			return false
		}
		number = devices[below].Number
		if slices.ContainsFunc(ours, func(e state.Entry) bool { return e.Name == loop.Path(number) }) {
			return true
		}
	}
}
